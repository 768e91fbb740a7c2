//! The object store port: payloads and results too large for a message.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

/// A place for immutable objects.
///
/// - Keys are relative paths of `[A-Za-z0-9._-]` segments joined by `/`, none of them `.` or `..`;
///   anything else is [`ObjectError::InvalidKey`].
/// - `put` is atomic: a reader sees all of an object or none. Putting a key again replaces it.
#[async_trait]
pub trait Objects: fmt::Debug + Send + Sync + 'static {
    /// Stores `bytes` under `key`.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError>;

    /// The object under `key`, refused with [`ObjectError::TooLarge`] if it has more than `limit`
    /// bytes.
    async fn get(&self, key: &str, limit: u64) -> Result<Bytes, ObjectError>;

    /// Removes every object whose key starts with the path `prefix`; none is fine.
    async fn delete_prefix(&self, prefix: &str) -> Result<(), ObjectError>;
}

/// What an object store reports.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// There is no such object.
    #[error("there is no object `{key}`")]
    NotFound {
        /// The key asked for.
        key: String,
    },
    /// The object is larger than the caller allows.
    #[error("the object `{key}` has {len} bytes; at most {limit} are allowed here")]
    TooLarge {
        /// The key asked for.
        key: String,
        /// Its length in bytes.
        len: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The text is no key; trying again is of no use.
    #[error("`{}` is not a key of the object store: a key has segments of letters, digits, `.`, `_` and `-` joined by `/`, none empty, `.` or `..`", key.escape_debug())]
    InvalidKey {
        /// The text.
        key: String,
    },
    /// The store itself failed; trying again may help.
    #[error("the object store failed on `{key}`: {source}")]
    Backend {
        /// The key in question.
        key: String,
        /// What the store said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
