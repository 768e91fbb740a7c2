//! What a manager reports to who runs it.

use crate::ports::store::StoreError;
use crate::ports::transport::TransportError;
use crate::workflow::WorkflowError;

/// Why a batch was not handled. Its messages stay with the carrier and come again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// The store failed. What was applied by then stays applied, and the inbox drops it when it
    /// comes again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The carrier failed; what was applied stays applied, and what was to be sent is sent by a
    /// later tick.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// Why a message was refused; becomes the reason in the dead letters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The fence is not that of the task and attempt.
    #[error("the fence does not fit task and attempt: who sent this was never given the task")]
    Fence,
    /// There is no such task.
    #[error("there is no such task")]
    UnknownTask,
    /// The kind is not that of the task.
    #[error("the task is of kind `{actual}`, not `{claimed}`")]
    Kind {
        /// The task's kind.
        actual: String,
        /// The kind in the message.
        claimed: String,
    },
    /// Something in it is larger than allowed.
    #[error("{what}: {found} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A result lies in the object store where another task's would.
    #[error(
        "the result lies under `{0}`, which is not the task's own: a worker stores it under `results/`, the collection, `/` and the task"
    )]
    ForeignObject(String),
    /// A submitted workflow is not sound.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// A plan that cannot be read.
    #[error("the plan cannot be read: {0}")]
    Plan(String),
    /// The children come from a task that generates none.
    #[error("the task is no generator")]
    NotAGenerator,
}
