//! A choice between two branches, by stored data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{Arm, TaskContext, TaskDefinition, TaskError, needs};

use crate::data::{Condition, TooDeep};

/// Chooses a branch of [`Workflow::when`](task_core::Workflow::when) by the rows of an earlier
/// task, or of all children of a container: `Then` if the test holds, else `Else`.
///
/// Rows are streamed, and no more of them are read than the answer needs.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or the condition is nested
/// [too deep](TooDeep).
///
/// ```
/// use sortie_task_defs::control::{Conditional, Test};
/// use sortie_task_defs::data::{Count, InsertData};
/// use task_core::Workflow;
///
/// let any = Conditional { from: "domains".to_owned(), holds: Test::HasRows };
/// let count = Count { from: "domains".to_owned() };
/// let plan = Workflow::new("count-if-any")
///     .task("domains", InsertData { rows: vec![] })
///     .when("any", any, |then| then.task("count", count), |otherwise| otherwise)
///     .build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditional {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// The test.
    pub holds: Test,
}

/// What [`Conditional`] asks of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Test {
    /// There is at least one.
    HasRows,
    /// There are at least this many.
    RowsAtLeast(u64),
    /// At least one meets the condition; so no rows do not.
    AnyRow(Condition),
    /// Every one meets the condition; so no rows do.
    AllRows(Condition),
}

impl TaskDefinition for Conditional {
    const KIND: &'static str = "control.conditional";
    type Requires = needs![TaskDataAccess];
    type Output = Arm;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Arm, TaskError> {
        self.holds
            .check()
            .map_err(|error| TaskError::fatal(format!("holds: {error}")))?;
        let data = cx.task_data();
        if let Some(wanted) = self.holds.rows_wanted() {
            // The store counts faster than it gives out rows.
            return Ok(Arm::from(data.count(&self.from).await? >= wanted));
        }
        let mut rows = data.of::<Value>(&self.from).await?;
        while let Some(row) = rows.next().await? {
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            if let Some(answer) = self.holds.decided_by(&row) {
                return Ok(Arm::from(answer));
            }
        }
        Ok(Arm::from(self.holds.without_decision()))
    }
}

impl Test {
    fn check(&self) -> Result<(), TooDeep> {
        match self {
            Self::AnyRow(condition) | Self::AllRows(condition) => condition.check(),
            Self::HasRows | Self::RowsAtLeast(_) => Ok(()),
        }
    }

    /// How many rows must be there, for tests that ask nothing else.
    fn rows_wanted(&self) -> Option<u64> {
        match self {
            Self::HasRows => Some(1),
            Self::RowsAtLeast(wanted) => Some(*wanted),
            Self::AnyRow(_) | Self::AllRows(_) => None,
        }
    }

    /// The answer, if this row settles it.
    fn decided_by(&self, row: &Value) -> Option<bool> {
        match self {
            Self::AnyRow(condition) => condition.holds(row).then_some(true),
            Self::AllRows(condition) => (!condition.holds(row)).then_some(false),
            Self::HasRows | Self::RowsAtLeast(_) => None,
        }
    }

    /// The answer if no row has settled it.
    fn without_decision(&self) -> bool {
        matches!(self, Self::AllRows(_))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn positive() -> Condition {
        serde_json::from_value(json!({"greater": {"at": "", "than": 0}})).unwrap()
    }

    fn answer(test: &Test, rows: &[i64]) -> bool {
        let mut decisions = rows.iter().filter_map(|row| test.decided_by(&json!(row)));
        decisions.next().unwrap_or_else(|| test.without_decision())
    }

    proptest! {
        #[test]
        fn rows_decide_as_any_and_all_do(rows in proptest::collection::vec(-1i64..3, 0..6)) {
            prop_assert_eq!(
                answer(&Test::AnyRow(positive()), &rows), rows.iter().any(|row| *row > 0));
            prop_assert_eq!(
                answer(&Test::AllRows(positive()), &rows), rows.iter().all(|row| *row > 0));
        }
    }

    #[test]
    fn counting_tests_need_no_row() {
        assert_eq!(Test::HasRows.rows_wanted(), Some(1));
        assert_eq!(Test::RowsAtLeast(7).rows_wanted(), Some(7));
        assert_eq!(Test::AnyRow(positive()).rows_wanted(), None);
    }
}
