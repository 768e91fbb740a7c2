//! What is written out of an answer.

use std::net::IpAddr;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::engine::Found;

use super::answer::{SynAnswer, SynState};

/// One line of output: `ip`, `port`, `state`, `after_ms` (since the start of the scan), `pass`
/// (from 1), `ttl`; with an open port `window`, with an unreachable one `reason` and `from`.
impl Serialize for Found<SynAnswer> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let SynAnswer {
            state,
            from,
            ttl,
            window,
        } = self.answer;
        let mut record = to.serialize_struct("Found", 8)?;
        let ip: IpAddr = self.target.addr();
        record.serialize_field("ip", &ip)?;
        record.serialize_field("port", &self.target.port())?;
        record.serialize_field("state", state.name())?;
        // A scan takes less than 584 million years.
        record.serialize_field("after_ms", &(self.after.as_millis() as u64))?;
        record.serialize_field("pass", &(self.pass + 1))?;
        record.serialize_field("ttl", &ttl)?;
        match state {
            SynState::Open => record.serialize_field("window", &window)?,
            SynState::Unreachable(reason) => {
                record.serialize_field("reason", reason.name())?;
                record.serialize_field("from", &from)?;
            }
            SynState::Closed | SynState::Decoy => {}
        }
        record.end()
    }
}
