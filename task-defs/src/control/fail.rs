//! A task that fails.

use serde::{Deserialize, Serialize};
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

/// Fails with a message, at once and for good: for a branch that must not be reached, or a result
/// that nobody should build on. What stands behind it does not run, unless it is an aggregator.
///
/// ```
/// use sortie_task_defs::control::{Conditional, Fail, Test};
/// use sortie_task_defs::data::InsertData;
/// use task_core::Workflow;
///
/// let any = Conditional { from: "names".to_owned(), holds: Test::HasRows };
/// let none = Fail { message: "no names to scan".to_owned() };
/// let plan = Workflow::new("scan")
///     .task("names", InsertData { rows: vec![] })
///     .when("any", any, |then| then, |otherwise| otherwise.task("none", none))
///     .build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fail {
    /// Why: the error of the task. What is longer than 4 KiB is cut.
    pub message: String,
}

impl TaskDefinition for Fail {
    const KIND: &'static str = "control.fail";
    type Requires = needs![];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Err(TaskError::Fatal(self.message))
    }
}
