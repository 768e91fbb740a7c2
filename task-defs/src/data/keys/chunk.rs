//! Some rows at once, since a look into a set may block.

use serde_json::Value;
use serde_json::value::RawValue;
use task_core::ports::data::RowKey;
use task_core::requirements::DeclaresTaskData;
use task_core::{TaskContext, TaskError};

use super::digest::Digest;
use super::set::{KeyError, KeySet};
use crate::blocking::{Sign, blocking, until_cancelled};
use crate::data::walk::Walk;

/// A row with its key.
#[derive(Debug)]
pub(in crate::data) struct Keyed {
    /// `None` if the row has none.
    pub(in crate::data) key: Option<Digest>,
    pub(in crate::data) raw: Box<RawValue>,
    pub(in crate::data) place: Option<RowKey>,
    /// What was asked of the set.
    pub(in crate::data) answer: bool,
}

/// Rows in a chunk.
const ROWS: usize = 256;
/// Bytes after which a chunk ends.
const BYTES: usize = 1 << 20;

/// The next rows, with their keys; none behind the last.
pub(in crate::data) async fn next_chunk<R: DeclaresTaskData>(
    walk: &mut Walk<R>,
    key: impl Fn(&Value) -> Option<Digest> + Send,
) -> Result<Vec<Keyed>, TaskError> {
    let mut rows = Vec::with_capacity(ROWS);
    let mut bytes = 0;
    while rows.len() < ROWS && bytes < BYTES {
        let Some(row) = walk.next().await? else { break };
        bytes += row.raw.get().len();
        rows.push(Keyed {
            key: key(&row.value),
            raw: row.raw,
            place: walk.place(),
            answer: false,
        });
    }
    Ok(rows)
}

/// Adds the keys of a chunk to the set; the answer is whether the key was new.
pub(in crate::data) async fn add<R>(
    cx: &TaskContext<R>,
    mut set: KeySet,
    mut rows: Vec<Keyed>,
    sign: &Sign,
) -> Result<(KeySet, Vec<Keyed>), TaskError> {
    let sign = sign.clone();
    let work = move || {
        for row in &mut rows {
            if let Some(key) = row.key {
                row.answer = set.insert(key, &sign)?;
            }
        }
        Ok::<_, KeyError>((set, rows))
    };
    Ok(until_cancelled(cx, blocking(work)).await??)
}

/// Looks the keys of a chunk up; the answer is whether the set has the key.
pub(in crate::data) async fn look_up<R>(
    cx: &TaskContext<R>,
    set: KeySet,
    mut rows: Vec<Keyed>,
) -> Result<(KeySet, Vec<Keyed>), TaskError> {
    let work = move || {
        for row in &mut rows {
            if let Some(key) = &row.key {
                row.answer = set.contains(key)?;
            }
        }
        Ok::<_, KeyError>((set, rows))
    };
    Ok(until_cancelled(cx, blocking(work)).await??)
}

impl From<KeyError> for TaskError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::TooMany => Self::fatal(error),
            // Another worker may have more room.
            KeyError::Io(_) => Self::retry(error),
            KeyError::Stopped => Self::Cancelled,
        }
    }
}
