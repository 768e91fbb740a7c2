//! What a fetch leaves behind.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::outcome::PageOutcome;

/// The record of one fetch. There is one for each URL, whatever happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PageRecord {
    /// The URL as it was given.
    pub url: String,
    /// The class.
    pub outcome: PageOutcome,
    /// The address and port that `url` was asked for at: the first connection that was made, to
    /// whichever of several addresses took it. Absent if none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    /// The status of the last response, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The last URL that was asked for, or would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// The URLs that redirected, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<String>,
    /// The title of the last page, whatever its status; see [`title`](super::title).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The media type of the last response, without parameters and in lower case: at most 100
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes of the last body, decoded; up to the cap, if it is `truncated`.
    #[serde(default)]
    pub length: u64,
    /// SHA-256 of these bytes, in lower-case hex: tells whether the page changed. Absent if there
    /// was no response, or its connection ended within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether the body is incomplete: it was longer than the cap, or the connection ended within.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Bytes read from the peers in all, heads and redirects included; inside TLS.
    pub bytes_read: u64,
    /// Time that the fetch took, in milliseconds.
    pub millis: u64,
    /// A short reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl PageRecord {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            // Whoever forgets to say how it ended did not end it.
            outcome: PageOutcome::Timeout,
            peer: None,
            status: None,
            final_url: None,
            hops: Vec::new(),
            title: None,
            content_type: None,
            length: 0,
            sha256: None,
            truncated: false,
            bytes_read: 0,
            millis: 0,
            detail: None,
        }
    }
}
