//! How a notification fails.

use std::time::Duration;

use task_core::TaskError;

use crate::web::InvalidUrl;

/// Why nobody was told. No text holds a secret, or more of a URL than its host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// The name of the webhook is none.
    #[error("to is {found:?}; give 1 to 32 of `a` to `z`, `0` to `9` and `_`")]
    Name {
        /// The name.
        found: String,
    },
    /// The worker knows no webhook of this name.
    #[error("to: this worker has no webhook `{name}`; set {env} in its environment")]
    Unknown {
        /// The name.
        name: String,
        /// The environment variable that would hold its URL.
        env: String,
    },
    /// The URL of the webhook is none that may be used.
    #[error("webhook `{name}`: its URL: {error}")]
    Url {
        /// The name.
        name: String,
        /// What is wrong with it.
        error: InvalidUrl,
    },
    /// The secret of the webhook is missing, or none.
    #[error(
        "webhook `{name}`: its secret ({env}) is missing or none; \
         give `whsec_` and 24 to 64 random bytes in base64"
    )]
    Secret {
        /// The name.
        name: String,
        /// The environment variable that would hold it.
        env: String,
    },
    /// The nets of the webhook are none.
    #[error("webhook `{name}`: {env} has {found:?}; give nets as 10.0.0.0/8, with commas between")]
    Nets {
        /// The name.
        name: String,
        /// The environment variable.
        env: String,
        /// The entry.
        found: String,
    },
    /// The message is larger than may be sent.
    #[error("{field}: the message has {len} bytes; at most {limit} are allowed")]
    TooLarge {
        /// The field that makes it so large.
        field: &'static str,
        /// The length of the message in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There was no exchange with the receiver, or it broke off.
    #[error("webhook `{name}`: {error}")]
    Exchange {
        /// The name.
        name: String,
        /// The cause.
        error: String,
        /// Whether another attempt may do better.
        transient: bool,
    },
    /// The receiver did not take the message.
    #[error("webhook `{name}`: status {status}: {message}")]
    Refused {
        /// The name.
        name: String,
        /// Its status code.
        status: u16,
        /// The beginning of its answer.
        message: String,
        /// How long it asks to wait.
        after: Option<Duration>,
    },
}

impl NotifyError {
    /// Whether another attempt may do better, and when at the earliest.
    pub fn retry(&self) -> Option<Option<Duration>> {
        match self {
            Self::Exchange { transient, .. } => transient.then_some(None),
            Self::Refused { status, after, .. } => {
                matches!(status, 408 | 425 | 429 | 500..).then_some(*after)
            }
            Self::Name { .. }
            | Self::Unknown { .. }
            | Self::Url { .. }
            | Self::Secret { .. }
            | Self::Nets { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}

impl From<NotifyError> for TaskError {
    fn from(error: NotifyError) -> Self {
        match error.retry() {
            None => Self::fatal(error),
            Some(after) => Self::Retry {
                after,
                error: error.to_string(),
            },
        }
    }
}
