//! How asking a source fails.

use std::time::Duration;

use task_core::TaskError;

use super::failure::Failure;
use crate::web::{InvalidUrl, WebError};

/// Why there are no records. No text holds a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A field of the payload has a value that it cannot have.
    #[error("{field} is {found}; {allowed}")]
    Invalid {
        /// The field, as it is called on the wire.
        field: String,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: String,
    },
    /// The worker has no key for the source.
    #[error("{kind}: this worker has no key; set {env} in its environment")]
    NoKey {
        /// The kind of the task.
        kind: &'static str,
        /// The environment variable.
        env: &'static str,
    },
    /// The key of the worker has characters that cannot be sent.
    #[error("{kind}: the key in {env} is empty or is not visible ASCII; set it anew")]
    BadKey {
        /// The kind of the task.
        kind: &'static str,
        /// The environment variable.
        env: &'static str,
    },
    /// The base URL that the worker was given for the source is none.
    #[error("{kind}: the base URL of this worker ({from}): {error}")]
    BaseUrl {
        /// The kind of the task.
        kind: &'static str,
        /// Where it was given.
        from: String,
        /// What is wrong with it.
        error: InvalidUrl,
    },
    /// There was no exchange with the source, or it broke off.
    #[error("{kind}, page {page}: {error}")]
    Exchange {
        /// The kind of the task.
        kind: &'static str,
        /// The number of the page, from 1.
        page: u32,
        /// The cause.
        error: String,
        /// Whether another attempt may do better.
        transient: bool,
    },
    /// The source answered with a failure.
    #[error("{kind}, page {page}: status {status}: {}", message(.failure))]
    Failed {
        /// The kind of the task.
        kind: &'static str,
        /// The number of the page, from 1.
        page: u32,
        /// The status code of the answer.
        status: u16,
        /// What it means.
        failure: Failure,
    },
    /// The answer is not the JSON that it should be: cut off, or a page for people. That is what
    /// overloaded sources do, so another attempt may do better.
    #[error("{kind}, page {page}: {error}; it begins with {beginning:?}")]
    NotJson {
        /// The kind of the task.
        kind: &'static str,
        /// The number of the page, from 1.
        page: u32,
        /// What is wrong with it.
        error: String,
        /// The beginning of the answer.
        beginning: String,
    },
    /// The answer is JSON of another shape, or larger than a cap allows. Asking again is of no use.
    #[error("{kind}, page {page}, {place}: {error}")]
    Shape {
        /// The kind of the task.
        kind: &'static str,
        /// The number of the page, from 1.
        page: u32,
        /// Which item, from 1, or what else.
        place: String,
        /// What is wrong with it; it names the field.
        error: String,
    },
    /// A page took longer than [`SourceOptions::page_timeout`](super::SourceOptions::page_timeout),
    /// or the task's time was over.
    #[error("{kind}, page {page}: not read within {after_ms} ms")]
    Timeout {
        /// The kind of the task.
        kind: &'static str,
        /// The number of the page, from 1.
        page: u32,
        /// The time that it had, in milliseconds.
        after_ms: u64,
    },
    /// The source must not be asked for longer than this task may wait.
    #[error(
        "{kind}: it may be asked again in {after_ms} ms, and this task may wait for {may_ms} ms"
    )]
    Paced {
        /// The kind of the task.
        kind: &'static str,
        /// When it may be asked again, in milliseconds.
        after_ms: u64,
        /// How long this task may wait, in milliseconds.
        may_ms: u64,
    },
}

fn message(failure: &Failure) -> &str {
    match failure {
        Failure::Retry { message, .. }
        | Failure::RateLimited { message, .. }
        | Failure::Fatal { message } => message,
    }
}

impl SourceError {
    pub(super) fn exchange(kind: &'static str, page: u32, error: &WebError) -> Self {
        Self::Exchange {
            kind,
            page,
            transient: error.is_transient(),
            error: error.to_string(),
        }
    }

    /// Whether another attempt may do better, and when at the earliest.
    pub fn retry(&self) -> Option<Option<Duration>> {
        match self {
            Self::Exchange { transient, .. } => transient.then_some(None),
            Self::Failed { failure, .. } => match failure {
                Failure::Retry { after, .. } | Failure::RateLimited { after, .. } => Some(*after),
                Failure::Fatal { .. } => None,
            },
            Self::NotJson { .. } | Self::Timeout { .. } => Some(None),
            Self::Paced { after_ms, .. } => Some(Some(Duration::from_millis(*after_ms))),
            // A worker that is set up wrong does not mend itself.
            Self::NoKey { .. }
            | Self::BadKey { .. }
            | Self::BaseUrl { .. }
            | Self::Invalid { .. }
            | Self::Shape { .. } => None,
        }
    }
}

impl From<SourceError> for TaskError {
    fn from(error: SourceError) -> Self {
        match error.retry() {
            None => Self::fatal(error),
            Some(after) => Self::Retry {
                after,
                error: error.to_string(),
            },
        }
    }
}
