//! What a scan hands to the aggregator.

pub use scanners::http::robots::RobotsRecord;
use serde::{Deserialize, Serialize};
use task_core::Claim;

/// The records of one chunk: what [`RobotsScan`](super::RobotsScan) returns.
///
/// Most chunks have `records` only. What was found before the worker had to stop, or is too much
/// for one row, lies in `parts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RobotsChunk {
    /// Records, sorted by domain; each name of the chunk has one, here or in a part.
    pub records: Vec<RobotsRecord>,
    /// Objects with further records: NDJSON, each sorted by domain, at most 32 MiB.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Claim>,
}
