//! Records, counted.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::ports::data::RowKey;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::kind::Kinds;
use super::probe::Probe;

/// Counts the records of a family by outcome, page by page.
///
/// When its time runs out it hands back what it has counted, and the next attempt goes on behind
/// the last row.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or a row there is no record
/// of the family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate<P> {
    /// The name of the task or container whose rows are read.
    pub from: String,
    #[serde(skip)]
    probe: PhantomData<fn() -> P>,
}

/// What [`Aggregate`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How the targets were looked at: [`Probe::METHOD`].
    pub method: String,
    /// How many records there are.
    pub records: u64,
    /// How many of them ended how; the sum is `records`.
    pub outcomes: BTreeMap<String, u64>,
}

/// With less time than this left, the task hands back its cursor.
const MARGIN: Duration = Duration::from_secs(5);

impl<P> Aggregate<P> {
    /// The records of `from`.
    pub fn new(from: impl Into<String>) -> Self {
        Self {
            from: from.into(),
            probe: PhantomData,
        }
    }
}

impl<P: Probe> TaskDefinition for Aggregate<P> {
    const KIND: &'static str = Kinds::<P>::AGGREGATE;
    type Requires = needs![TaskDataAccess];
    type Output = Summary;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Summary, TaskError> {
        let (behind, mut summary): (Option<RowKey>, Summary) = cx.cursor()?.unwrap_or_default();
        summary.method = P::METHOD.to_owned();
        let mut rows = cx.task_data().of::<P::Record>(&self.from).await?;
        rows = rows.behind(behind);
        while let Some(record) = rows.next().await? {
            let count = summary.outcomes.entry(P::outcome(&record).to_owned());
            *count.or_default() += 1;
            summary.records += 1;
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            if cx.is_leaving() || cx.remaining().is_some_and(|left| left < MARGIN) {
                return Err(TaskError::deadline(&(rows.place(), summary)));
            }
        }
        Ok(summary)
    }
}
