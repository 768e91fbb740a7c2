//! Rows that meet a condition.

use serde::{Deserialize, Serialize};
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::condition::Condition;
use super::walk::sift;

/// Writes those rows of an earlier task, or of all children of a container, that meet a condition
/// as its own task data. Rows keep their order and their text, and are streamed: memory holds a
/// page.
///
/// When its time runs out it hands back the last row it has read, and the next attempt goes on
/// behind it.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or the condition is nested
/// [too deep](super::TooDeep).
///
/// ```
/// use sortie_task_defs::data::{Condition, Filter};
///
/// let filter = Filter {
///     from: "scan".to_owned(),
///     keep: Condition::Equals { at: "/outcome".parse()?, value: "rules".into() },
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Filter {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Which rows are kept.
    pub keep: Condition,
}

impl TaskDefinition for Filter {
    const KIND: &'static str = "data.filter";
    type Requires = needs![TaskDataAccess];
    // Not a summary: a task's output is its row when it wrote none, and "nothing matched" must
    // read as no rows.
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        self.keep
            .check()
            .map_err(|error| TaskError::fatal(format!("keep: {error}")))?;
        sift(&cx, &self.from, |row| self.keep.holds(row)).await
    }
}
