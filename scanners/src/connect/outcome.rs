//! How a port answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ConnectError;

/// What a probe learned of a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PortOutcome {
    /// The handshake was completed (RFC 9293 §3.5), even if the connection was reset right behind
    /// it: a SYN scan sees the same.
    Open,
    /// The peer refused.
    Closed,
    /// Somebody on the way says that there is no way to the peer. The text is the system's.
    Unreachable(String),
    /// Unreachable locally: this machine has no route to the address, as to one of IPv6 where it
    /// has none of its own. Nothing was sent; another machine may do better. The text is the
    /// system's.
    NoRoute(String),
    /// Nothing came back in time: a firewall that drops, no such host, or a loss on the way.
    Silent,
    /// This machine could not try: it has no descriptor, port or memory left for a socket, or its
    /// interface is down. Says nothing about the peer, so a finished scan must not contain it:
    /// whoever meets it must probe again, with fewer probes under way. The text is the system's.
    LocalFailure(String),
}

impl PortOutcome {
    /// The class in snake case: `open`, `closed`, `unreachable`, `no_route`, `silent` or
    /// `local_failure`.
    ///
    /// ```
    /// use sortie_scanners::connect::PortOutcome;
    ///
    /// let outcome = PortOutcome::Unreachable("no route to host".to_owned());
    /// assert_eq!(outcome.as_str(), "unreachable");
    /// assert_eq!(outcome.detail(), Some("no route to host"));
    /// ```
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Unreachable(_) => "unreachable",
            Self::NoRoute(_) => "no_route",
            Self::Silent => "silent",
            Self::LocalFailure(_) => "local_failure",
        }
    }

    /// The reason, where the class does not say all.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Unreachable(reason) | Self::NoRoute(reason) | Self::LocalFailure(reason) => {
                Some(reason)
            }
            _ => None,
        }
    }
}

impl From<ConnectError> for PortOutcome {
    fn from(error: ConnectError) -> Self {
        match error {
            // A refusal of the SYN is an error of its own; what is reset was accepted before.
            ConnectError::Reset => Self::Open,
            ConnectError::Refused => Self::Closed,
            ConnectError::Timeout => Self::Silent,
            ConnectError::Local(reason) => Self::LocalFailure(reason),
            ConnectError::Unreachable(reason) => Self::Unreachable(reason),
            ConnectError::NoRoute(reason) => Self::NoRoute(reason),
            ConnectError::NoAddress => Self::Unreachable("no address".to_owned()),
        }
    }
}

impl fmt::Display for PortOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
