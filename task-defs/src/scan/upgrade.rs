//! Payloads of older versions of a family.

use serde_json::Value;
use task_core::UpgradeError;

use super::probe::Probe;

/// Upgrades what the family of `P` has in the payload of any of its three definitions: the settings
/// in `options`, and each of the `targets`. The rest has one form, the same in all versions.
pub(super) fn upgrade<P: Probe>(from: u32, mut payload: Value) -> Result<Value, UpgradeError> {
    if let Some(settings) = payload.get_mut("options") {
        *settings = P::upgrade(from, settings.take())?;
    }
    if let Some(Value::Array(targets)) = payload.get_mut("targets") {
        for target in targets {
            *target = P::upgrade_target(from, target.take())?;
        }
    }
    Ok(payload)
}
