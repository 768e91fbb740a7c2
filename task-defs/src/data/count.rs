//! How many rows there are.

use serde::{Deserialize, Serialize};
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

/// Counts the rows of an earlier task, or of all children of a container. The store counts; no
/// row is read.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Count {
    /// The name of the task or container whose rows are counted.
    pub from: String,
}

/// What [`Count`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RowCount {
    /// The number of rows.
    pub rows: u64,
}

impl TaskDefinition for Count {
    const KIND: &'static str = "data.count";
    type Requires = needs![TaskDataAccess];
    type Output = RowCount;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<RowCount, TaskError> {
        let rows = cx.task_data().count(&self.from).await?;
        Ok(RowCount { rows })
    }
}
