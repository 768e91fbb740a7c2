//! The run as one document.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::engine::Report;
use crate::target::TargetSet;

/// What is to be kept beside the results of a scan: of what, with what, how fast, and how sure.
///
/// It names no key: whoever reads it cannot forge answers.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Metadata {
    /// The version of this crate.
    pub version: &'static str,
    /// When the document was made, in seconds since 1970, UTC.
    pub made_at: u64,
    /// The fingerprint of the targets; see [`TargetSet::fingerprint`].
    pub fingerprint: u64,
    /// How many addresses there are, in all chunks together.
    pub addrs: String,
    /// These addresses as ranges, in the form that [`parse_addrs`](crate::target::parse_addrs)
    /// reads.
    pub ranges: Vec<String>,
    /// How many addresses were asked for and refused by the scope.
    pub refused_addrs: String,
    /// The ports.
    pub ports: Vec<u16>,
    /// What came of it.
    pub report: Report,
}

impl Metadata {
    /// Collects it.
    pub fn new(targets: &TargetSet, report: Report) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let ranges = targets.ranges();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            // A clock before 1970 is not worth an error.
            made_at: now.unwrap_or_default().as_secs(),
            fingerprint: targets.fingerprint(),
            addrs: targets.addrs().to_string(),
            ranges: ranges
                .map(|(first, last)| format!("{first}-{last}"))
                .collect(),
            refused_addrs: targets.refused_addrs().to_string(),
            ports: targets.ports().as_slice().to_vec(),
            report,
        }
    }

    /// The document, in JSON.
    pub fn to_json(&self) -> String {
        // Numbers, strings and lists of them always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
