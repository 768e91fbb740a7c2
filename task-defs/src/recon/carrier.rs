//! What carries a service.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What carries a service.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Carrier {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// QUIC, over UDP.
    Quic,
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Quic => "quic",
        })
    }
}
