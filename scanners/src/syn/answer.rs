//! What a target turned out to be.

use std::fmt;
use std::net::IpAddr;

use crate::probe::Answer;

/// What a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SynState {
    /// Something listens: a SYN-ACK.
    Open,
    /// Nothing listens, and the host says so: a RST.
    Closed,
    /// A SYN-ACK with no window and no options: a proxy that answers for every port before it
    /// knows whether anything is behind it.
    Decoy,
    /// An ICMP error: the probe did not arrive.
    Unreachable(Reason),
}

impl SynState {
    /// The name: `open`, `closed`, `decoy` or `unreachable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Decoy => "decoy",
            Self::Unreachable(_) => "unreachable",
        }
    }
}

/// Why a probe did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No route to the network.
    Network,
    /// The host does not answer the router before it.
    Host,
    /// The host does not speak TCP.
    Protocol,
    /// A firewall that calls the port unreachable.
    Port,
    /// A firewall that says that it is one.
    Prohibited,
    /// A loop, or more hops than the probe could go.
    HopLimit,
    /// Something else.
    Other,
}

impl Reason {
    /// The name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Host => "host",
            Self::Protocol => "protocol",
            Self::Port => "port",
            Self::Prohibited => "prohibited",
            Self::HopLimit => "hop-limit",
            Self::Other => "other",
        }
    }
}

/// An answer to a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SynAnswer {
    /// What it means.
    pub state: SynState,
    /// Who sent it: the target, or the router that could not reach it.
    pub from: IpAddr,
    /// Hops that the answer could still have gone.
    pub ttl: u8,
    /// The window of a SYN-ACK, in bytes; 0 for the others.
    pub window: u16,
}

impl Answer for SynAnswer {
    const CLASSES: &'static [&'static str] = &["open", "closed", "decoy", "unreachable"];

    fn class(&self) -> usize {
        match self.state {
            SynState::Open => 0,
            SynState::Closed => 1,
            SynState::Decoy => 2,
            SynState::Unreachable(_) => 3,
        }
    }

    /// Routers limit how many errors they send, so these say nothing about loss.
    fn steady(&self) -> bool {
        !matches!(self.state, SynState::Unreachable(_))
    }
}

impl fmt::Display for SynState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Unreachable(reason) => write!(f, " ({})", reason.name()),
            _ => Ok(()),
        }
    }
}
