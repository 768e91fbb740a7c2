//! How a lookup fails.

use crate::scope::OutOfScope;

/// Why a name led to no address.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The name does not exist (NXDOMAIN), or has no addresses (NODATA), or is an alias of one that
    /// does not exist.
    #[error("no such name")]
    NoSuchName,
    /// The server failed, refused, or answered with what is no answer. The text is the cause.
    #[error("the name server failed: {0}")]
    Server(String),
    /// No answer came in time, in all attempts.
    #[error("no answer from the name server")]
    Timeout,
    /// This machine could not ask: it has no descriptor, port or memory left for a socket, or its
    /// interface is down. Says nothing about the name. The text is the system's.
    #[error("this machine could not ask the name server: {0}")]
    Local(String),
    /// The scope refused every address of the answer.
    #[error("every address of the answer ({refused}) is out of scope, the last because {last}")]
    OutOfScope {
        /// How many addresses were refused.
        refused: usize,
        /// The last refusal.
        last: OutOfScope,
    },
    /// The resolver cannot be set up. The text is the cause.
    #[error("the resolver cannot be set up: {0}")]
    Config(String),
}
