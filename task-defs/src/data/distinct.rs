//! One row of each kind.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use task_core::ports::data::RowKey;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::keys::{Digest, KeySet, add, next_chunk};
use super::pointer::Pointer;
use super::walk::Walk;
use crate::blocking::{Sign, Stop};

/// Writes the first row of each key of an earlier task, or of all children of a container, as its
/// own task data. Rows keep their order and their text.
///
/// The key is the values at some places. Two values are one if their JSON text is the same, as for
/// [`GroupBy`](super::GroupBy); a place without a value differs from every value.
///
/// It is exact: keys are compared by their SHA-256. Rows are streamed; memory holds a chunk of
/// them and 450,000 keys (32 MiB), and what is more lies in the temporary folder of the worker, 32
/// bytes a key, up to [`MAX_KEYS`](Self::MAX_KEYS).
///
/// When its time runs out it hands back the last row it has read. The next attempt reads the rows
/// up to there once more, for their keys, and goes on behind them; so reading them all must fit
/// the time that one attempt has.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or there are more keys or
/// places than allowed; [`TaskError::Retry`] if the temporary folder fails.
///
/// ```
/// use sortie_task_defs::data::Distinct;
///
/// // Rows with the same domain and port are one endpoint.
/// let endpoints = Distinct {
///     from: "scan".to_owned(),
///     by: vec!["/domain".parse()?, "/port".parse()?],
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Distinct {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// The places of the key; the whole row if there is none. At most
    /// [`MAX_PLACES`](Self::MAX_PLACES).
    #[serde(default)]
    pub by: Vec<Pointer>,
}

impl Distinct {
    /// Most keys.
    pub const MAX_KEYS: u64 = KeySet::MAX;
    /// Most places of a key.
    pub const MAX_PLACES: usize = 16;
}

impl TaskDefinition for Distinct {
    const KIND: &'static str = "data.distinct";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let by = places(self.by)?;
        first_of_each(&cx, &[self.from], &by).await
    }
}

/// The places of a key, checked; the whole row if there is none.
pub(super) fn places(by: Vec<Pointer>) -> Result<Vec<Pointer>, TaskError> {
    match by.len() {
        0 => Ok(vec![Pointer::default()]),
        1..=Distinct::MAX_PLACES => Ok(by),
        places => Err(TaskError::fatal(format!(
            "by: {places} places; at most {} are allowed",
            Distinct::MAX_PLACES
        ))),
    }
}

/// Writes the first row of each key, going through several data sets one after the other.
pub(super) async fn first_of_each(
    cx: &TaskContext<needs![TaskDataAccess]>,
    from: &[String],
    by: &[Pointer],
) -> Result<(), TaskError> {
    let stop = Stop::default();
    let sign = Sign::new(cx.progress(), Arc::clone(&stop.0));
    let data = cx.task_data();
    let done: Option<(usize, Option<RowKey>)> = cx.cursor()?;
    let mut set = KeySet::new(KeySet::MEMORY);
    for (index, name) in from.iter().enumerate() {
        let mut walk = Walk::over(cx, name, None).await?;
        loop {
            let chunk = next_chunk(&mut walk, |row| Some(Digest::of(row, by))).await?;
            if chunk.is_empty() {
                break;
            }
            let (back, chunk) = add(cx, set, chunk, &sign).await?;
            set = back;
            // Earlier attempts have written these; only their keys are needed.
            let is_new = |place| Some((index, place)) > done;
            for row in &chunk {
                if row.answer && is_new(row.place) {
                    data.push(&row.raw).await?;
                }
            }
            if is_new(walk.place()) && walk.must_end() {
                return Err(TaskError::deadline(&(index, walk.place())));
            }
        }
    }
    Ok(())
}
