//! Rows that meet a condition.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::condition::Condition;

/// Writes those rows of an earlier task, or of all children of a container, that meet a condition
/// as its own task data. Rows keep their order and are streamed: memory holds a page.
///
/// When its time runs out it hands back how many rows it has read, and the next attempt goes on
/// from there.
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
pub struct Filter {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Which rows are kept.
    pub keep: Condition,
}

/// With less time than this left, the task hands back its cursor: enough to write what is
/// buffered.
const MARGIN: Duration = Duration::from_secs(5);

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
        let done: u64 = cx.cursor()?.unwrap_or(0);
        let mut read: u64 = 0;
        let data = cx.task_data();
        let mut rows = data.of::<Value>(&self.from).await?;
        while let Some(row) = rows.next().await? {
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            read += 1;
            if read <= done {
                continue;
            }
            if self.keep.holds(&row) {
                data.push(&row).await?;
            }
            // Only behind a new row, so that every attempt gets further than the one before.
            if cx.remaining().is_some_and(|left| left < MARGIN) {
                return Err(TaskError::deadline(&read));
            }
        }
        Ok(())
    }
}
