//! What an aggregator has so far, on its way to the next attempt.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use task_core::ports::data::RowKey;
use task_core::{Payload, TaskContext, TaskError};

/// State in a cursor: inline if it is small, else a claim on an object.
#[derive(Debug, Serialize, Deserialize)]
struct Carried {
    behind: Option<RowKey>,
    state: Payload,
}

/// Bytes of state in the cursor itself, which travels in messages.
const INLINE_BYTES: usize = 16 << 10;
/// Most bytes of state that are read again.
const MAX_BYTES: u64 = 256 << 20;

/// The end of an attempt whose time is over: the next one gets `state` and goes on `behind`.
pub(super) async fn hand_back<R, S: Serialize + Sync>(
    cx: &TaskContext<R>,
    behind: Option<RowKey>,
    state: &S,
) -> TaskError {
    match carried(cx, behind, state).await {
        Ok(carried) => TaskError::deadline(&carried),
        Err(error) => error,
    }
}

async fn carried<R, S: Serialize + Sync>(
    cx: &TaskContext<R>,
    behind: Option<RowKey>,
    state: &S,
) -> Result<Carried, TaskError> {
    let (collection, task, attempt) = (cx.collection_id(), cx.task_id(), cx.attempt());
    let key = move || format!("results/{collection}/{task}-{attempt}.state");
    let objects = cx.objects().map(|objects| &**objects);
    let state = Payload::encode(state)?
        .check_in(INLINE_BYTES, key, objects)
        .await?;
    Ok(Carried { behind, state })
}

/// What the attempt before has handed back.
pub(super) async fn take_up<R, S: DeserializeOwned>(
    cx: &TaskContext<R>,
) -> Result<Option<(Option<RowKey>, S)>, TaskError> {
    let Some(Carried { behind, state }) = cx.cursor()? else {
        return Ok(None);
    };
    let objects = cx.objects().map(|objects| &**objects);
    let state = state.resolve(MAX_BYTES, objects).await?;
    Ok(Some((behind, serde_json::from_str(state.get())?)))
}
