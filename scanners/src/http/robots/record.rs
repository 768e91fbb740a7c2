//! What a fetch leaves behind.

use serde::{Deserialize, Serialize};

use super::outcome::{CoarseOutcome, RobotsAccess, RobotsOutcome};

/// The record of one fetch. There is one for each name, whatever happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RobotsRecord {
    /// The name as it was given.
    pub domain: String,
    /// The class.
    pub outcome: RobotsOutcome,
    /// The status of the last response, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The last URL that was asked for, or would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// The URLs that redirected, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<String>,
    /// Whether the body is incomplete: it was longer than the cap, or the connection ended within.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Bytes read from the peers in all, heads and redirects included; inside TLS.
    pub bytes_read: u64,
    /// Bytes of the last body, decoded.
    pub bytes_body: u64,
    /// Time that the fetch took, in milliseconds.
    pub millis: u64,
    /// The text, for [`RobotsOutcome::Rules`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A short reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many allow and disallow rules there are.
    #[serde(default)]
    pub rules: u32,
    /// How many groups there are.
    #[serde(default)]
    pub groups: u32,
    /// How many sitemaps are named.
    #[serde(default)]
    pub sitemaps: u32,
}

impl RobotsRecord {
    /// What a crawler may do now.
    pub fn access(&self) -> RobotsAccess {
        self.outcome.access()
    }

    /// The outcome as a ledger counts it.
    pub fn coarse(&self) -> CoarseOutcome {
        self.outcome.coarse()
    }

    pub(super) fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            // Whoever forgets to say how it ended did not end it.
            outcome: RobotsOutcome::Timeout,
            status: None,
            final_url: None,
            hops: Vec::new(),
            truncated: false,
            bytes_read: 0,
            bytes_body: 0,
            millis: 0,
            body: None,
            detail: None,
            rules: 0,
            groups: 0,
            sitemaps: 0,
        }
    }
}
