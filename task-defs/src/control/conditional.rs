//! A choice between two branches, by stored data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{Arm, TaskContext, TaskDefinition, TaskError, needs};

#[cfg(feature = "expressions")]
use crate::data::Expression;
use crate::data::{Condition, TooDeep, Walk};

/// Chooses a branch of [`Workflow::when`](task_core::Workflow::when) by the rows of an earlier
/// task, or of all children of a container: `Then` if the test holds, else `Else`.
///
/// Rows are streamed, and no more of them are read than the answer needs. When its time runs out
/// it hands back the last row it has read, and the next attempt goes on behind it.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, if the condition is nested
/// [too deep](TooDeep), or if the expression has no answer for a row that is read.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Conditional {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// The test.
    pub holds: Test,
}

/// What [`Conditional`] asks of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// At least one meets the expression; so no rows do not.
    #[cfg(feature = "expressions")]
    AnyRowBy(Expression),
    /// Every one meets the expression; so no rows do.
    #[cfg(feature = "expressions")]
    AllRowsBy(Expression),
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
        let mut walk = Walk::over(&cx, &self.from, cx.cursor()?).await?;
        while let Some(row) = walk.next().await? {
            let decided = self.holds.decided_by(&row.value);
            if let Some(answer) = decided.map_err(|error| walk.refuse(error))? {
                return Ok(Arm::from(answer));
            }
            if walk.must_end() {
                return Err(TaskError::deadline(&walk.place()));
            }
        }
        Ok(Arm::from(self.holds.without_decision()))
    }
}

impl Test {
    fn check(&self) -> Result<(), TooDeep> {
        match self {
            Self::AnyRow(condition) | Self::AllRows(condition) => condition.check(),
            _ => Ok(()),
        }
    }

    /// How many rows must be there, for tests that ask nothing else.
    fn rows_wanted(&self) -> Option<u64> {
        match self {
            Self::HasRows => Some(1),
            Self::RowsAtLeast(wanted) => Some(*wanted),
            _ => None,
        }
    }

    /// The answer, if this row settles it. An error says why it cannot be judged.
    fn decided_by(&self, row: &Value) -> Result<Option<bool>, String> {
        let meets = match self {
            Self::AnyRow(condition) | Self::AllRows(condition) => condition.holds(row),
            #[cfg(feature = "expressions")]
            Self::AnyRowBy(expression) | Self::AllRowsBy(expression) => expression
                .matches(row)
                .map_err(|error| format!("holds: {error}"))?,
            Self::HasRows | Self::RowsAtLeast(_) => return Ok(None),
        };
        Ok((meets != self.without_decision()).then_some(meets))
    }

    /// The answer if no row has settled it.
    fn without_decision(&self) -> bool {
        match self {
            Self::AllRows(_) => true,
            #[cfg(feature = "expressions")]
            Self::AllRowsBy(_) => true,
            _ => false,
        }
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
        let decided = |row| test.decided_by(&json!(row)).unwrap();
        let mut decisions = rows.iter().filter_map(decided);
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
