//! Rows whose key another data set has, or has not.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::keys::{Digest, KeySet, add, look_up, next_chunk};
use super::pointer::Pointer;
use super::side::Side;
use super::walk::Walk;
use crate::blocking::{Sign, Stop};

/// Writes those rows of an earlier task, or of all children of a container, whose value at one
/// place another data set has, or has not, as its own task data: what is new since, what both
/// found. Rows keep their order and their text.
///
/// Two values are one if their JSON text is the same, as for [`GroupBy`](super::GroupBy). A row
/// without a value is in no set.
///
/// It is exact, and bounded as [`Distinct`](super::Distinct) is: 450,000 different values in
/// memory, the others in the temporary folder of the worker, up to
/// [`MAX_VALUES`](Self::MAX_VALUES); `from` is streamed and may be as large as you like.
///
/// When its time runs out it hands back the last row it has read. The next attempt reads the other
/// data set once more, and goes on behind that row; so reading the other must fit the time that
/// one attempt has.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from` or `among`, or there are more
/// values than allowed; [`TaskError::Retry`] if the temporary folder fails.
///
/// ```
/// use sortie_task_defs::data::{FilterByMembership, Side};
///
/// let new = FilterByMembership {
///     from: "today".to_owned(),
///     at: "/domain".parse()?,
///     keep: Side::Out,
///     among: "yesterday".to_owned(),
///     among_at: "/domain".parse()?,
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FilterByMembership {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Where in a row the value is.
    pub at: Pointer,
    /// Which rows are kept.
    #[serde(default)]
    pub keep: Side,
    /// The name of the task or container in whose rows the value is looked for.
    pub among: String,
    /// Where in those rows it is.
    pub among_at: Pointer,
}

impl FilterByMembership {
    /// Most different values in `among`.
    pub const MAX_VALUES: u64 = KeySet::MAX;
}

impl TaskDefinition for FilterByMembership {
    const KIND: &'static str = "data.filter_by_membership";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let stop = Stop::default();
        let sign = Sign::new(cx.progress(), Arc::clone(&stop.0));
        let mut set = KeySet::new(KeySet::MEMORY);
        let mut others = Walk::over(&cx, &self.among, None).await?;
        loop {
            let chunk = next_chunk(&mut others, |row| key(row, &self.among_at)).await?;
            if chunk.is_empty() {
                break;
            }
            (set, _) = add(&cx, set, chunk, &sign).await?;
        }
        let data = cx.task_data();
        let mut walk = Walk::over(&cx, &self.from, cx.cursor()?).await?;
        loop {
            let chunk = next_chunk(&mut walk, |row| key(row, &self.at)).await?;
            if chunk.is_empty() {
                return Ok(());
            }
            let (back, chunk) = look_up(&cx, set, chunk).await?;
            set = back;
            for row in chunk.iter().filter(|row| self.keep.keeps(row.answer)) {
                data.push(&row.raw).await?;
            }
            if walk.must_end() {
                return Err(TaskError::deadline(&walk.place()));
            }
        }
    }
}

fn key(row: &Value, at: &Pointer) -> Option<Digest> {
    at.find(row).map(|_| Digest::of(row, [at]))
}
