//! What is written out of an answer.

use std::net::IpAddr;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::engine::Found;

use super::outcome::PortOutcome;

/// One line of output: `ip`, `port`, `state`, `after_ms` (since the start of the scan), `method`,
/// which is always `connect`; with an unreachable port `reason`.
impl Serialize for Found<PortOutcome> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut record = to.serialize_struct("Found", 6)?;
        let ip: IpAddr = self.target.addr();
        record.serialize_field("ip", &ip)?;
        record.serialize_field("port", &self.target.port())?;
        record.serialize_field("state", self.answer.as_str())?;
        // A scan takes less than 584 million years.
        record.serialize_field("after_ms", &(self.after.as_millis() as u64))?;
        record.serialize_field("method", "connect")?;
        match self.answer.detail() {
            Some(reason) => record.serialize_field("reason", reason)?,
            None => record.skip_field("reason")?,
        }
        record.end()
    }
}
