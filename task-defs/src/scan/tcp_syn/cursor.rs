//! Where a scan goes on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use scanners::engine::Checkpoint;
use serde::{Deserialize, Serialize};
use task_core::{Claim, TaskContext, TaskError};

/// Checkpoints up to this long travel in the message; a cursor may have 64 KiB.
const INLINE: usize = 16 << 10;

/// Where the next attempt goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Positions of the chunk before this one are done.
    pub(super) from: u64,
    /// How far a scan by packets of the others is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) syn: Option<Kept>,
}

/// The stored form of a [`Checkpoint`], and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    /// Here, in base64.
    Inline(String),
    /// In the object store.
    Claim(Claim),
}

impl Kept {
    pub(super) async fn keep<R>(
        checkpoint: &Checkpoint,
        cx: &TaskContext<R>,
    ) -> Result<Self, TaskError> {
        let bytes = checkpoint.to_bytes();
        if bytes.len() <= INLINE {
            return Ok(Self::Inline(STANDARD_NO_PAD.encode(bytes)));
        }
        let Some(objects) = cx.objects() else {
            return Err(TaskError::retry(format!(
                "the checkpoint of the scan has {} bytes, which do not fit a message, and no \
                 object store is configured; configure one or lower `chunk`",
                bytes.len()
            )));
        };
        let (collection, task, attempt) = (cx.collection_id(), cx.task_id(), cx.attempt());
        let key = format!("checkpoints/{collection}/{task}-{attempt}");
        Ok(Self::Claim(
            Claim::store(key, bytes.into(), &**objects).await?,
        ))
    }

    pub(super) async fn fetch<R>(&self, cx: &TaskContext<R>) -> Result<Checkpoint, TaskError> {
        let bytes = match self {
            Self::Inline(text) => STANDARD_NO_PAD.decode(text).map_err(TaskError::fatal)?,
            Self::Claim(claim) => {
                let objects = cx.objects().ok_or_else(|| {
                    TaskError::retry(
                        "the checkpoint of the scan lies in an object store, and this worker has none",
                    )
                })?;
                claim.fetch(&**objects).await?.into()
            }
        };
        Checkpoint::from_bytes(&bytes).map_err(TaskError::fatal)
    }
}
