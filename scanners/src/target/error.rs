//! What targets cannot be built from.

use crate::scope::TooManySubnets;

/// A description of targets that cannot be used; whoever wrote it can mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTargets {
    /// An entry is no address, net or range.
    #[error("{0:?} is no address, net (192.0.2.0/24) or range (192.0.2.1-192.0.2.9)")]
    Addr(String),
    /// A range ends before it starts, or ends in the other version of IP.
    #[error("the range {0:?} does not end after its start")]
    Range(String),
    /// An entry is no port or range of ports.
    #[error("{0:?} is no port (443) or range of ports (8000-8010) from 0 to 65535")]
    Port(String),
    /// No port was named.
    #[error("there are no ports to probe; name some, such as \"80,443\"")]
    NoPorts,
    /// No address was named, or all of them were taken away again.
    #[error("there are no addresses to probe: none was named, or none is left of those that were")]
    NoAddrs,
    /// The scope refuses every address that was named.
    #[error(
        "none of the {wanted} addresses is in scope; reserved ranges must be allowed by a net that \
         lies inside them"
    )]
    NoneInScope {
        /// How many addresses were named.
        wanted: u128,
    },
    /// The set is too wide to be judged.
    #[error(transparent)]
    TooManySubnets(#[from] TooManySubnets),
}

/// A chunk that does not fit the targets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidChunk {
    /// It ends past the last target, or before it starts.
    #[error("the chunk {lo}..{hi} does not lie within the {len} targets; were they others?")]
    OutOfRange {
        /// The first position.
        lo: u128,
        /// The position after the last.
        hi: u128,
        /// How many targets there are.
        len: u128,
    },
    /// It holds more targets than can be kept track of in memory (a bit for each).
    #[error("a chunk of {len} targets is more than {limit}; split it")]
    TooLong {
        /// How many targets it holds.
        len: u128,
        /// How many it may hold.
        limit: u64,
    },
}
