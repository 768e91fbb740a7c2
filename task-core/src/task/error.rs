//! How a task says that it did not make it.

use std::time::Duration;

use serde::Serialize;

use crate::payload::{Payload, PayloadError};
use crate::ports::objects::ObjectError;
use crate::ports::store::StoreError;
use crate::ports::transport::TransportError;

/// Why an attempt ended without an output, split by what happens next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// Trying again may help: counts as a failure; the next attempt waits as the retry policy
    /// says, or as long as the peer asked for.
    #[error("{error}")]
    Retry {
        /// What went wrong.
        error: String,
        /// How long to wait, if the peer said so (`Retry-After`).
        after: Option<Duration>,
    },
    /// Trying again cannot help: the task has failed.
    #[error("{0}")]
    Fatal(String),
    /// What it was to touch is out of scope: the task has failed and its targets are booked so.
    #[error("out of scope: {0}")]
    OutOfScope(String),
    /// It saw the cancellation of its collection and stopped.
    #[error("cancelled")]
    Cancelled,
    /// Its time is over, but it can go on from this cursor: no failure. Rows, children and
    /// coverage so far count; the next attempt reads the cursor with
    /// [`TaskContext::cursor`](super::TaskContext::cursor).
    #[error("out of time; to be continued")]
    Deadline(Payload),
    /// It has nothing to do for a while and goes on from this cursor then: no failure. Otherwise
    /// as [`Deadline`](Self::Deadline). No worker is held meanwhile; a limit on the task's time in
    /// all runs on.
    #[error("paused for {after:?}")]
    Pause {
        /// Where to go on. One that equals the last one counts as a failure, as it does for
        /// `Deadline`.
        cursor: Payload,
        /// How long it wants to be left alone. At most a day at once; pause again for more.
        after: Duration,
    },
}

impl TaskError {
    /// A failure that trying again may mend.
    pub fn retry(error: impl std::fmt::Display) -> Self {
        Self::Retry {
            error: error.to_string(),
            after: None,
        }
    }

    /// A failure that trying again may mend, but not before `after`.
    pub fn retry_after(error: impl std::fmt::Display, after: Duration) -> Self {
        Self::Retry {
            error: error.to_string(),
            after: Some(after),
        }
    }

    /// A failure for good.
    pub fn fatal(error: impl std::fmt::Display) -> Self {
        Self::Fatal(error.to_string())
    }

    /// Out of time; the next attempt goes on at `cursor`.
    pub fn deadline(cursor: &impl Serialize) -> Self {
        match Payload::encode(cursor) {
            Ok(cursor) => Self::Deadline(cursor),
            Err(error) => Self::Fatal(format!("the cursor has no JSON form: {error}")),
        }
    }

    /// Nothing to do before `after` has passed; the next attempt goes on at `cursor`.
    pub fn pause(cursor: &impl Serialize, after: Duration) -> Self {
        match Self::deadline(cursor) {
            Self::Deadline(cursor) => Self::Pause { cursor, after },
            failed => failed,
        }
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        match error {
            // The attempt is over anyway; whatever it says is dropped by the manager.
            StoreError::Fenced { .. } => Self::Cancelled,
            StoreError::Refused(_) => Self::fatal(error),
            _ => Self::retry(error),
        }
    }
}

impl From<TransportError> for TaskError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::TooLarge { .. } | TransportError::DelayTooLong { .. } => {
                Self::fatal(error)
            }
            _ => Self::retry(error),
        }
    }
}

impl From<ObjectError> for TaskError {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::NotFound { .. }
            | ObjectError::TooLarge { .. }
            | ObjectError::InvalidKey { .. } => Self::fatal(error),
            ObjectError::Backend { .. } => Self::retry(error),
        }
    }
}

impl From<PayloadError> for TaskError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Object(error) => error.into(),
            _ => Self::fatal(error),
        }
    }
}

impl From<serde_json::Error> for TaskError {
    fn from(error: serde_json::Error) -> Self {
        Self::fatal(error)
    }
}

impl From<std::io::Error> for TaskError {
    fn from(error: std::io::Error) -> Self {
        Self::retry(error)
    }
}

/// A payload of an older version has no way to the present one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UpgradeError(String);

impl UpgradeError {
    /// Says why.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<serde_json::Error> for UpgradeError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}
