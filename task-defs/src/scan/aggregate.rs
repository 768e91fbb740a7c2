//! Records, counted.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::ports::data::RowKey;
use task_core::requirements::DeclaresTaskData;
use task_core::{TaskContext, TaskDefinition, TaskError, UpgradeError, needs};

use super::kind::Kinds;
use super::probe::Probe;
use super::upgrade::upgrade;

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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Aggregate<P> {
    /// The name of the task or container whose rows are read.
    pub from: String,
    #[serde(skip)]
    probe: PhantomData<fn() -> P>,
}

/// What [`Aggregate`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Summary {
    /// How the targets were looked at: [`Probe::METHOD`], or what ports were asked by.
    pub method: String,
    /// How many targets have a record or were counted.
    pub records: u64,
    /// How many of them ended how; the sum is `records`.
    pub outcomes: BTreeMap<String, u64>,
}

/// With less time than this left, the task hands back its cursor.
const MARGIN: Duration = Duration::from_secs(5);

impl Summary {
    /// Counts `count` more targets under `outcome`.
    pub(super) fn add(&mut self, outcome: &str, count: u64) {
        *self.outcomes.entry(outcome.to_owned()).or_default() += count;
        self.records += count;
    }
}

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
    const VERSION: u32 = P::VERSION;
    type Requires = needs![TaskDataAccess];
    type Output = Summary;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Summary, TaskError> {
        self.sum(&cx, |summary, record: P::Record| {
            summary.method = P::METHOD.to_owned();
            summary.add(P::outcome(&record), 1);
        })
        .await
    }

    fn upgrade(from: u32, payload: Value) -> Result<Value, UpgradeError> {
        upgrade::<P>(from, payload)
    }
}

impl<P> Aggregate<P> {
    /// Takes all rows into a summary, one by one.
    pub(super) async fn sum<R: DeclaresTaskData, T: DeserializeOwned>(
        &self,
        cx: &TaskContext<R>,
        mut add: impl FnMut(&mut Summary, T) + Send,
    ) -> Result<Summary, TaskError> {
        let (behind, mut summary): (Option<RowKey>, Summary) = cx.cursor()?.unwrap_or_default();
        let mut rows = cx.task_data().of::<T>(&self.from).await?;
        rows = rows.behind(behind);
        while let Some(record) = rows.next().await? {
            add(&mut summary, record);
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
