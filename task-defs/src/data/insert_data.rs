//! Rows that are given, written as task data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

/// Writes its rows as its task data, in order: a way to bring a seed list or a fixture into a
/// workflow.
///
/// Rows lie in the payload, so this is for some thousands of them; what is larger belongs in the
/// object store. Running it twice writes the same rows once.
///
/// # Errors
///
/// As for [`TaskData::push`](task_core::TaskData::push).
///
/// ```
/// use serde_json::json;
/// use sortie_task_defs::data::InsertData;
/// use task_core::Workflow;
///
/// let rows = vec![json!({"domain": "example.com"}), json!({"domain": "example.org"})];
/// let plan = Workflow::new("seed").task("domains", InsertData { rows }).build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InsertData {
    /// The rows: any JSON each.
    pub rows: Vec<Value>,
}

impl TaskDefinition for InsertData {
    const KIND: &'static str = "data.insert";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let data = cx.task_data();
        for row in &self.rows {
            data.push(row).await?;
        }
        Ok(())
    }
}
