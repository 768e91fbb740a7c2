//! Rows that have not been seen for a while.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::to_raw_value;
use task_core::ports::data::RowKey;
use task_core::recon::{DynModel, Filter, Query};
use task_core::{TaskContext, TaskDefinition, TaskError, Timestamp, needs};

use super::known;
use crate::data::Pointer;

/// Drops those rows of an earlier task, or of all children of a container, whose model was seen
/// within a duration, and writes the others as its own task data: so that what was looked at this
/// morning is not looked at again. Rows keep their order and are streamed.
///
/// Time is counted back from the task's first attempt, so that all rows are held against one
/// moment.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, the worker knows no model of
/// this name, or a row is not one.
///
/// ```
/// use std::time::Duration;
/// use sortie_task_defs::recon::FilterByFreshness;
///
/// let stale = FilterByFreshness::new("domain", "names", Duration::from_secs(24 * 3600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FilterByFreshness {
    /// The name of the model.
    pub model: String,
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Where in a row the model, or a string with its key, is; the whole row by default.
    #[serde(default)]
    pub at: Pointer,
    /// What was seen within so many milliseconds is dropped.
    pub within_ms: u64,
}

impl FilterByFreshness {
    /// The rows of `from` whose model called `model` was not seen `within` this time.
    pub fn new(model: impl Into<String>, from: impl Into<String>, within: Duration) -> Self {
        Self {
            model: model.into(),
            from: from.into(),
            at: Pointer::default(),
            within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The model, or its key, is at this place of each row.
    #[must_use]
    pub fn each(mut self, at: Pointer) -> Self {
        self.at = at;
        self
    }
}

/// With less time than this left, the task hands back its cursor.
const MARGIN: Duration = Duration::from_secs(5);
/// Keys that are looked up at once.
const BATCH: usize = 500;

impl TaskDefinition for FilterByFreshness {
    const KIND: &'static str = "recon.filter_by_freshness";
    type Requires = needs![TaskDataAccess, ReconDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let models = known(&cx);
        let model = models.get(&self.model)?;
        let (since, behind): (Timestamp, Option<RowKey>) = match cx.cursor()? {
            Some(cursor) => cursor,
            None => (before(cx.now(), self.within_ms), None),
        };
        let data = cx.task_data();
        let mut rows = data.of::<Value>(&self.from).await?.behind(behind);
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH
                && let Some(row) = rows.next().await?
            {
                let key = self.key(model, &row).map_err(|why| {
                    let place = rows
                        .place()
                        .map(|place| format!("row {} of task {}", place.seq, place.task));
                    let place = place.unwrap_or_default();
                    TaskError::fatal(format!("{place} in `{}`: {why}", self.from))
                })?;
                batch.push((key, row));
            }
            if batch.is_empty() {
                return Ok(());
            }
            let fresh = fresh(&cx, model, batch.iter().map(|(key, _)| key), since).await?;
            for (key, row) in batch {
                if !fresh.contains(&key) {
                    data.push(&row).await?;
                }
            }
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            if cx.is_leaving() || cx.remaining().is_some_and(|left| left < MARGIN) {
                return Err(TaskError::deadline(&(since, rows.place())));
            }
        }
    }
}

impl FilterByFreshness {
    fn key(&self, model: &DynModel, row: &Value) -> Result<String, String> {
        match self.at.find(row) {
            Some(Value::String(key)) => Ok(key.clone()),
            Some(value) => {
                let json = to_raw_value(value).map_err(|error| error.to_string())?;
                let seen = model.observe(&json).map_err(|error| error.to_string())?;
                Ok(seen.key)
            }
            None => Err(format!("there is nothing at `{}`", self.at)),
        }
    }
}

/// Those of the keys that were seen since.
async fn fresh<'k>(
    cx: &TaskContext<<FilterByFreshness as TaskDefinition>::Requires>,
    model: &DynModel,
    keys: impl Iterator<Item = &'k String>,
    since: Timestamp,
) -> Result<HashSet<String>, TaskError> {
    let query = Query::all()
        .filter(Filter::KeyIn(keys.cloned().collect()))
        .filter(Filter::SeenSince(since));
    let mut rows = cx.recon().list_as(model, query)?;
    let mut fresh = HashSet::new();
    while let Some(row) = rows.next().await? {
        fresh.insert(row.key);
    }
    Ok(fresh)
}

fn before(now: Timestamp, ms: u64) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(ms))
}
