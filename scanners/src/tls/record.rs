//! What a capture leaves behind.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::scope::Name;

use super::leaf::LeafCertificate;
use super::outcome::TlsOutcome;

/// The record of one capture. There is one for each, whatever happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TlsRecord {
    /// The port that was asked.
    pub at: SocketAddr,
    /// The name that it was asked for (RFC 6066 §3), if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The class.
    pub outcome: TlsOutcome,
    /// The version that the peer chose, as far as the handshake came to tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<TlsVersion>,
    /// How many certificates were presented, the leaf included.
    #[serde(default)]
    pub chain_len: u32,
    /// The first certificate, for [`TlsOutcome::Certificate`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<LeafCertificate>,
    /// Time that the capture took, in milliseconds.
    pub millis: u64,
    /// A short reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    V1_2,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V1_3,
}

impl TlsRecord {
    pub(super) fn new(at: SocketAddr, name: Option<&Name>) -> Self {
        Self {
            at,
            name: name.cloned(),
            // Whoever forgets to say how it ended did not end it.
            outcome: TlsOutcome::Timeout,
            version: None,
            chain_len: 0,
            leaf: None,
            millis: 0,
            detail: None,
        }
    }
}
