//! Where an attempt stopped, kept for the next one: pages may cost money.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use task_core::TaskContext;
use task_core::ports::objects::ObjectError;

use super::findings::Findings;

/// What all pages so far have given, and the page that comes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress<P> {
    pub(super) page: P,
    pub(super) pages: u32,
    pub(super) items: u64,
    pub(super) found: Findings,
}

/// Larger ones are not read: findings are capped at 32 MiB, and JSON adds to that.
const MAX_BYTES: u64 = 512 << 20;

impl<P: Default + Serialize + DeserializeOwned> Progress<P> {
    /// What an earlier attempt has kept, or the beginning. What cannot be read is done again.
    pub(super) async fn of_earlier_attempts<R>(cx: &TaskContext<R>) -> Self {
        let Some(objects) = cx.objects().filter(|_| cx.attempt() > 1) else {
            return Self::default();
        };
        match objects.get(&key(cx), MAX_BYTES).await {
            Ok(bytes) => match serde_json::from_slice::<Self>(&bytes) {
                Ok(kept) => Self {
                    found: kept.found.restored(),
                    ..kept
                },
                Err(error) => {
                    tracing::warn!(%error, "what an earlier attempt kept does not decode");
                    Self::default()
                }
            },
            Err(ObjectError::NotFound { .. }) => Self::default(),
            Err(error) => {
                tracing::warn!(%error, "what an earlier attempt kept cannot be read");
                Self::default()
            }
        }
    }

    /// Keeps this for the next attempt; whether there is a place for it. Two attempts at once
    /// harm nobody: what either keeps is whole.
    pub(super) async fn keep<R>(&self, cx: &TaskContext<R>) -> bool {
        let Some(objects) = cx.objects() else {
            return false;
        };
        let Ok(json) = serde_json::to_vec(self) else {
            return false;
        };
        match objects.put(&key(cx), Bytes::from(json)).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the pages so far cannot be kept");
                false
            }
        }
    }
}

fn key<R>(cx: &TaskContext<R>) -> String {
    format!("results/{}/{}.pages", cx.collection_id(), cx.task_id())
}
