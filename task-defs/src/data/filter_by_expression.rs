//! Rows that meet an expression.

use serde::{Deserialize, Serialize};
use task_core::ports::data::RowKey;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::expression::Expression;
use super::walk::Walk;

/// Writes those rows of an earlier task, or of all children of a container, that meet an
/// [expression](Expression) as its own task data. Rows keep their order and their text.
///
/// Rows are streamed, twice: first all are judged, and only then are they written. So a row for
/// which the expression has no answer fails the task before any is stored. When its time runs out
/// it hands back how far it is, and the next attempt goes on from there.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or with the text of a
/// [`NoAnswer`](super::NoAnswer) and the row's place. An expression that does not parse fails with
/// the text of an [`InvalidExpression`](super::InvalidExpression) when the payload is decoded.
///
/// ```
/// use sortie_task_defs::data::FilterByExpression;
///
/// let filter = FilterByExpression {
///     from: "scan".to_owned(),
///     keep: "row.outcome == 'rules' && row.rules > 10".parse()?,
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidExpression>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FilterByExpression {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Which rows are kept.
    pub keep: Expression,
}

/// How far an attempt got, and in which of the two rounds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Round {
    Judging(Option<RowKey>),
    Writing(Option<RowKey>),
}

impl TaskDefinition for FilterByExpression {
    const KIND: &'static str = "data.filter_by_expression";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let mut behind = None;
        match cx.cursor()?.unwrap_or(Round::Judging(None)) {
            Round::Judging(place) => {
                let mut walk = Walk::over(&cx, &self.from, place).await?;
                while let Some(row) = walk.next().await? {
                    self.judge(&walk, &row.value)?;
                    if walk.must_end() {
                        return Err(TaskError::deadline(&Round::Judging(walk.place())));
                    }
                }
            }
            Round::Writing(place) => behind = place,
        }
        let data = cx.task_data();
        let mut walk = Walk::over(&cx, &self.from, behind).await?;
        while let Some(row) = walk.next().await? {
            if self.judge(&walk, &row.value)? {
                data.push(&row.raw).await?;
            }
            if walk.must_end() {
                return Err(TaskError::deadline(&Round::Writing(walk.place())));
            }
        }
        Ok(())
    }
}

impl FilterByExpression {
    fn judge(
        &self,
        walk: &Walk<<Self as TaskDefinition>::Requires>,
        row: &serde_json::Value,
    ) -> Result<bool, TaskError> {
        self.keep
            .matches(row)
            .map_err(|error| walk.refuse(format_args!("keep: {error}")))
    }
}
