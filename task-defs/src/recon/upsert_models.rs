//! Rows that become models.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use task_core::ports::data::RowKey;
use task_core::recon::{Changes, DynModel, ModelError, Observation};
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::known;
use crate::data::Pointer;

/// Writes the rows of an earlier task, or of all children of a container, into a model's table:
/// what is new is inserted, what is known is merged, and first sights are kept. Says how many rows
/// were new, changed and known, relative to the time before this task, however often it ran.
///
/// All rows are read as models before the first is written; with [`BadRows::Refuse`] one that is
/// none fails the task, and nothing has been stored. Rows are streamed and written 1,000 at a time,
/// each thousand atomically. A row may be written twice, by attempts that failed, to the same
/// effect.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, the worker knows no model of
/// this name, or a row is not one (the text names the row and the field).
///
/// ```
/// use sortie_task_defs::recon::UpsertModels;
///
/// // Each of the `domains` in each row of the task `certificates`.
/// let upsert = UpsertModels::new("domain", "certificates").each("/domains".parse()?);
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpsertModels {
    /// The name of the model.
    pub model: String,
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Where in a row the model is; the whole row by default. An array there has a model in each
    /// item, and nothing there is no model.
    #[serde(default)]
    pub at: Pointer,
    /// What is done with what is no such model.
    #[serde(default)]
    pub bad_rows: BadRows,
}

/// What [`UpsertModels`] does with a row that is not what it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BadRows {
    /// The task fails, and stores nothing.
    #[default]
    Refuse,
    /// It is left out and counted.
    Skip,
}

/// What [`UpsertModels`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upserted {
    /// What was written did what.
    #[serde(flatten)]
    pub changes: Changes,
    /// What was left out because it is no such model.
    #[serde(default)]
    pub skipped: u64,
}

impl UpsertModels {
    /// The rows of `from` as models called `model`.
    pub fn new(model: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            from: from.into(),
            at: Pointer::default(),
            bad_rows: BadRows::Refuse,
        }
    }

    /// The models are at this place of each row.
    #[must_use]
    pub fn each(mut self, at: Pointer) -> Self {
        self.at = at;
        self
    }

    /// What is no such model is left out.
    #[must_use]
    pub const fn skip_bad_rows(mut self) -> Self {
        self.bad_rows = BadRows::Skip;
        self
    }
}

/// Where an attempt goes on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Cursor {
    /// All rows were found good, and the rest is writing.
    checked: bool,
    behind: Option<RowKey>,
    done: Upserted,
}

/// With less time than this left, the task hands back its cursor.
const MARGIN: Duration = Duration::from_secs(5);
/// Observations in one write.
const BATCH: usize = 1000;

impl TaskDefinition for UpsertModels {
    const KIND: &'static str = "recon.upsert";
    type Requires = needs![TaskDataAccess, ReconDataAccess];
    type Output = Upserted;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Upserted, TaskError> {
        let models = known(&cx);
        let model = models.get(&self.model)?;
        let mut at: Cursor = cx.cursor()?.unwrap_or_default();
        if !at.checked && self.bad_rows == BadRows::Refuse {
            self.check(&cx, model, at.behind).await?;
            at.behind = None;
        }
        at.checked = true;
        self.write(&cx, model, at).await
    }
}

impl UpsertModels {
    /// Reads all rows, and writes none.
    async fn check(
        &self,
        cx: &TaskContext<<Self as TaskDefinition>::Requires>,
        model: &DynModel,
        behind: Option<RowKey>,
    ) -> Result<(), TaskError> {
        let mut rows = cx.task_data().of::<Value>(&self.from).await?.behind(behind);
        while let Some(row) = rows.next().await? {
            for json in self.parts(&row)? {
                if let Err(error) = model.observe(&json) {
                    return Err(self.bad(rows.place(), &error));
                }
            }
            self.keep_going(cx, || Cursor {
                behind: rows.place(),
                ..Cursor::default()
            })?;
        }
        Ok(())
    }

    async fn write(
        &self,
        cx: &TaskContext<<Self as TaskDefinition>::Requires>,
        model: &DynModel,
        mut at: Cursor,
    ) -> Result<Upserted, TaskError> {
        let mut rows = cx
            .task_data()
            .of::<Value>(&self.from)
            .await?
            .behind(at.behind);
        let mut batch: Vec<Observation> = Vec::with_capacity(BATCH);
        loop {
            let row = rows.next().await?;
            let over = row.is_none();
            for json in row.map_or_else(|| Ok(Vec::new()), |row| self.parts(&row))? {
                match model.observe(&json) {
                    Ok(seen) => batch.push(seen),
                    Err(_) if self.bad_rows == BadRows::Skip => at.done.skipped += 1,
                    Err(error) => return Err(self.bad(rows.place(), &error)),
                }
            }
            if batch.len() >= BATCH || over {
                for change in cx.recon().observe(model.schema(), &batch).await? {
                    at.done.changes.add(change);
                }
                batch.clear();
                at.behind = rows.place();
                if over {
                    return Ok(at.done);
                }
                self.keep_going(cx, || at)?;
            }
        }
    }

    /// The models in a row, as JSON.
    fn parts(&self, row: &Value) -> Result<Vec<Box<RawValue>>, TaskError> {
        let raw = |value: &Value| to_raw_value(value).map_err(TaskError::fatal);
        match self.at.find(row) {
            Some(Value::Array(items)) => items.iter().map(raw).collect(),
            Some(value) => Ok(vec![raw(value)?]),
            None => Ok(Vec::new()),
        }
    }

    fn bad(&self, place: Option<RowKey>, error: &ModelError) -> TaskError {
        let row = place.map(|place| format!("row {} of task {}", place.seq, place.task));
        TaskError::fatal(format!(
            "{} in `{}`: {error}",
            row.unwrap_or_default(),
            self.from
        ))
    }

    fn keep_going<R>(
        &self,
        cx: &TaskContext<R>,
        cursor: impl FnOnce() -> Cursor,
    ) -> Result<(), TaskError> {
        if cx.is_cancelled() {
            return Err(TaskError::Cancelled);
        }
        if cx.is_leaving() || cx.remaining().is_some_and(|left| left < MARGIN) {
            return Err(TaskError::deadline(&cursor()));
        }
        Ok(())
    }
}
