//! The emulator that the tests of the cloud talk to.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;

/// The emulator, or `None` if there is none; then the test does nothing and says so. Never AWS
/// itself, whatever this machine has credentials for.
pub(super) async fn cloud() -> Option<SdkConfig> {
    let variable = ["SORTIE_AWS_ENDPOINT", "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let Some(endpoint) = variable else {
        eprintln!(
            "skipped: there is no cloud to test against; `eval \"$(lab/cloud/up)\"` starts one"
        );
        return None;
    };
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests());
    Some(config.load().await)
}

/// A name that no other test has, in this run or another one.
pub(super) fn name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_millis();
    format!("sortie-test-{}-{now}-{count}", std::process::id())
}
