//! How a capture ends.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The one class that each capture ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TlsOutcome {
    /// A certificate was presented, even if the handshake failed behind it: a server that wants a
    /// certificate of the client does so.
    Certificate,
    /// What was presented is no X.509 certificate, or one beyond the limits.
    BadCertificate,
    /// The peer answered, and not in TLS.
    NoTls,
    /// The peer ended the handshake with an alert (RFC 8446 §6.2), which is the detail.
    Alert,
    /// The peer speaks TLS, and the handshake failed on this side: it broke the protocol, or chose
    /// what was not offered.
    HandshakeFailed,
    /// The connection was refused.
    Refused,
    /// The peer closed or reset the connection before it presented anything.
    Reset,
    /// No connection for another reason, such as a router on the way that knows no route.
    Unreachable,
    /// Unreachable locally: this machine has no route to the address, as to one of IPv6 where it
    /// has none of its own. Nothing was sent; another machine may do better.
    NoRoute,
    /// Connecting and the handshake took too long.
    Timeout,
    /// This machine could not try: it has no descriptor, port or memory left for a socket, or its
    /// interface is down. Says nothing about the peer, so a finished scan must not contain it:
    /// whoever meets it must try again, with fewer under way.
    LocalFailure,
}

impl TlsOutcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Certificate,
        Self::BadCertificate,
        Self::NoTls,
        Self::Alert,
        Self::HandshakeFailed,
        Self::Refused,
        Self::Reset,
        Self::Unreachable,
        Self::NoRoute,
        Self::Timeout,
        Self::LocalFailure,
    ];

    /// The class in snake case, as in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::BadCertificate => "bad_certificate",
            Self::NoTls => "no_tls",
            Self::Alert => "alert",
            Self::HandshakeFailed => "handshake_failed",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::NoRoute => "no_route",
            Self::Timeout => "timeout",
            Self::LocalFailure => "local_failure",
        }
    }
}

impl fmt::Display for TlsOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
