//! Payloads: inline JSON, or a claim on an object that is too large for a message.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};

use crate::id::{CollectionId, TaskId};
use crate::ports::objects::{ObjectError, Objects};

/// JSON that travels in a message or lies in the object store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The JSON itself.
    Inline(Box<RawValue>),
    /// Where the JSON is kept.
    Claim(Claim),
}

/// A claim check: an object-store key with the length and hash of what must be found there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Claim {
    /// The key in the object store.
    pub key: String,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 of the bytes, in lower-case hex.
    pub sha256: String,
}

/// Why a payload could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// It is not the JSON that was expected.
    #[error("the payload does not decode: {0}")]
    Decode(#[from] serde_json::Error),
    /// It is larger than its reader allows.
    #[error("the payload has {len} bytes; at most {limit} are allowed here")]
    TooLarge {
        /// Its length in bytes.
        len: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// What the object store holds is not what was put there.
    #[error("the object `{key}` does not have the length and hash of its claim")]
    Tampered {
        /// The object's key.
        key: String,
    },
    /// It needs an object store and there is none.
    #[error(
        "the payload of {len} bytes does not fit a message and no object store is configured; \
         configure one or make the payload smaller"
    )]
    NoObjectStore {
        /// Its length in bytes.
        len: u64,
    },
    /// The object store failed.
    #[error("the object store failed: {0}")]
    Object(#[from] ObjectError),
}

impl Payload {
    /// Encodes a value inline.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Decode`] if the value has no JSON form (a map with keys that are not text).
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        Ok(Self::Inline(to_raw_value(value)?))
    }

    /// JSON `null`.
    pub fn null() -> Self {
        Self::Inline(RawValue::NULL.to_owned())
    }

    /// Whether it is inline `null`: what a task without an output produces.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Inline(raw) if raw.get() == "null")
    }

    /// Bytes that it takes up in a message.
    pub fn inline_len(&self) -> usize {
        match self {
            Self::Inline(raw) => raw.get().len(),
            Self::Claim(claim) => claim.key.len() + 128,
        }
    }

    /// Bytes of the JSON, wherever it is.
    pub fn len(&self) -> u64 {
        match self {
            Self::Inline(raw) => raw.get().len() as u64,
            Self::Claim(claim) => claim.len,
        }
    }

    /// Never true: JSON has at least one byte.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Moves the JSON into the object store if it has more than `limit` bytes inline: under `key`
    /// with the beginning of its hash, so that two attempts with different results cannot spoil
    /// each other's.
    ///
    /// # Errors
    ///
    /// [`PayloadError::NoObjectStore`] without a store; [`PayloadError::Object`] if it fails.
    pub async fn check_in(
        self,
        limit: usize,
        key: impl FnOnce() -> String + Send,
        objects: Option<&dyn Objects>,
    ) -> Result<Self, PayloadError> {
        let raw = match self {
            Self::Inline(raw) if raw.get().len() > limit => raw,
            other => return Ok(other),
        };
        let len = raw.get().len() as u64;
        let objects = objects.ok_or(PayloadError::NoObjectStore { len })?;
        let bytes = bytes::Bytes::from(Box::<str>::from(raw).into_boxed_bytes());
        let sha256 = hex_sha256(&bytes);
        let key = format!("{}-{}", key(), &sha256[..16]);
        objects.put(&key, bytes).await?;
        Ok(Self::Claim(Claim { key, len, sha256 }))
    }

    /// The JSON, fetched and verified if it is a claim. At most `limit` bytes.
    ///
    /// # Errors
    ///
    /// All of [`PayloadError`]; nothing larger than `limit` is read.
    pub async fn resolve(
        &self,
        limit: u64,
        objects: Option<&dyn Objects>,
    ) -> Result<std::borrow::Cow<'_, RawValue>, PayloadError> {
        if self.len() > limit {
            return Err(PayloadError::TooLarge {
                len: self.len(),
                limit,
            });
        }
        match self {
            Self::Inline(raw) => Ok(std::borrow::Cow::Borrowed(raw)),
            Self::Claim(claim) => {
                let objects = objects.ok_or(PayloadError::NoObjectStore { len: claim.len })?;
                let bytes = claim.fetch(objects).await?;
                Ok(std::borrow::Cow::Owned(serde_json::from_slice::<
                    Box<RawValue>,
                >(&bytes)?))
            }
        }
    }

    /// Decodes inline JSON.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Decode`]; a claim must be [resolved](Self::resolve) first and is
    /// [`PayloadError::NoObjectStore`] here.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match self {
            Self::Inline(raw) => Ok(serde_json::from_str(raw.get())?),
            Self::Claim(claim) => Err(PayloadError::NoObjectStore { len: claim.len }),
        }
    }
}

/// Equal JSON text, or equal claims.
impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(a), Self::Inline(b)) => a.get() == b.get(),
            (Self::Claim(a), Self::Claim(b)) => a == b,
            _ => false,
        }
    }
}

impl Claim {
    /// Puts `bytes` under `key` and returns the claim on them. Putting the same again is harmless.
    ///
    /// # Errors
    ///
    /// What the object store reports.
    pub async fn store(
        key: String,
        bytes: bytes::Bytes,
        objects: &dyn Objects,
    ) -> Result<Self, ObjectError> {
        let claim = Self {
            len: bytes.len() as u64,
            sha256: hex_sha256(&bytes),
            key,
        };
        objects.put(&claim.key, bytes).await?;
        Ok(claim)
    }

    /// Fetches the object and holds it against length and hash.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Tampered`] or what the object store reports.
    pub async fn fetch(&self, objects: &dyn Objects) -> Result<bytes::Bytes, PayloadError> {
        let bytes = objects.get(&self.key, self.len).await?;
        if bytes.len() as u64 != self.len || hex_sha256(&bytes) != self.sha256 {
            return Err(PayloadError::Tampered {
                key: self.key.clone(),
            });
        }
        Ok(bytes)
    }
}

/// What the keys of a task's results begin with, whoever stores them.
pub(crate) fn result_prefix(collection: CollectionId, task: TaskId) -> String {
    format!("results/{collection}/{task}-")
}

fn hex_sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
