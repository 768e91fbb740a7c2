//! What can be wrong with queues on SQS.

use task_core::Queue;
use task_core::ports::transport::TransportError;

use crate::aws::AwsFault;

/// What the queues of a deployment, or SQS itself, have to say.
///
/// Inside of [`TransportError::Backend`], but for [`connect`](super::SqsTransport::connect).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqsError {
    /// A variable of the environment is wrong.
    #[error(
        "`{name}` is {value:?}; it must be the URL of a queue, or a name of up to 80 letters, digits, `-` and `_`"
    )]
    Variable {
        /// Its name.
        name: String,
        /// What it says.
        value: String,
    },
    /// No queue was named at all.
    #[error("no queue was named: set `SORTIE_SQS_PREFIX`, or `SORTIE_SQS_MANAGER` and the like")]
    NoQueues,
    /// This process was not told where the queue is.
    #[error("this process does not know the queue `{0}`: name it in `SqsConfig`")]
    NotConfigured(Queue),
    /// The queue is not there, or this process may not see it.
    #[error("there is no queue `{queue}` at `{address}`: create it, or correct `SqsConfig`")]
    NoSuchQueue {
        /// Which queue.
        queue: Queue,
        /// Its name or URL in the configuration.
        address: String,
    },
    /// A FIFO queue was named.
    #[error(
        "`{address}` is a FIFO queue; name a standard one: the engine needs no order, and a FIFO queue has no delays"
    )]
    Fifo {
        /// Its name or URL in the configuration.
        address: String,
    },
    /// The queue has no dead-letter queue.
    #[error(
        "the queue `{0}` has no dead-letter queue: give it a redrive policy with a `maxReceiveCount` of at least 2"
    )]
    NoDeadLetters(Queue),
    /// The queue takes messages that are too short.
    #[error(
        "the queue `{queue}` has a `MaximumMessageSize` of {bytes} bytes: raise it to at least {least}"
    )]
    TooSmall {
        /// Which queue.
        queue: Queue,
        /// What it takes.
        bytes: usize,
        /// What the engine needs.
        least: usize,
    },
    /// An attribute of the queue is missing or is not what AWS documents.
    #[error("the queue `{queue}` reports {value:?} for `{attribute}`")]
    Attribute {
        /// Which queue.
        queue: Queue,
        /// The name of the attribute.
        attribute: &'static str,
        /// What was said, if anything.
        value: Option<String>,
    },
    /// The body cannot be a message of SQS; trying again is of no use.
    #[error("the message cannot be carried: {0}")]
    Body(&'static str),
    /// The message was received 12 hours ago, and SQS hides none for longer.
    #[error(
        "the message was received 12 hours ago; SQS hides none for longer, so it is delivered again: hand back a cursor before"
    )]
    TwelveHours,
    /// AWS refused or failed.
    #[error("queue `{queue}`: {fault}")]
    Aws {
        /// Which queue.
        queue: Queue,
        /// What AWS said.
        fault: AwsFault,
    },
}

impl SqsError {
    /// Whether trying again later may help by itself.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Aws { fault, .. } if fault.is_temporary())
    }
}

impl From<SqsError> for TransportError {
    fn from(error: SqsError) -> Self {
        Self::Backend(Box::new(error))
    }
}
