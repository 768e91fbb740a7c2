//! What is no answer.

use crate::wire::Malformed;

/// Why a frame is no answer to a probe of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// It is other traffic: another address, port or protocol.
    #[error("it is other traffic")]
    Foreign,
    /// It cannot be read, or is damaged.
    #[error("it is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// It does not repeat the cookie: forged, or an answer to an earlier scan.
    #[error("its cookie is wrong")]
    Forged,
    /// The cookie may be right, but nothing that a probe asks for is answered like this.
    #[error("it answers nothing that was asked")]
    Unexpected,
}
