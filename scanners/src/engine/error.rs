//! Why a scan cannot run.

use std::io;

use crate::link::LinkError;
use crate::probe::{IpVersion, TooFewPorts};
use crate::target::InvalidChunk;

/// Why a scan cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The link failed; whoever runs the machine can mend it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// There are targets of a version of IP that the link has no way for.
    #[error(
        "there are {0:?} targets, and the link has no address or route for them; leave them out"
    )]
    NoPath(IpVersion),
    /// A setting is out of its range; whoever configured the scan can mend it.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// The chunk does not fit the targets.
    #[error(transparent)]
    Chunk(#[from] InvalidChunk),
    /// There are too few source ports for the passes.
    #[error(transparent)]
    Ports(#[from] TooFewPorts),
    /// The system has no randomness for a key.
    #[error("the system gives no random numbers: {0}")]
    Random(#[source] io::Error),
    /// The checkpoint is of another scan.
    #[error("the checkpoint is of another scan: its {0} differs")]
    OtherScan(&'static str),
    /// A sending thread panicked. That is a bug.
    #[error("a sending thread panicked; please report it")]
    Panicked,
}

/// A setting is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {allowed}")]
pub struct InvalidConfig {
    /// The setting.
    pub what: &'static str,
    /// What it may be.
    pub allowed: &'static str,
}
