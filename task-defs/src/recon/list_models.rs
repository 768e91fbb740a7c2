//! Models that become rows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use task_core::recon::{Filter, ModelError, ModelRow, Position, Query, Schema};
use task_core::{TaskContext, TaskDefinition, TaskError, Timestamp, needs};

use super::known;

/// Writes the rows of a model's table that a query asks for as its own task data, each a
/// [`ListedModel`], in the order of the query.
///
/// ```
/// use sortie_task_defs::recon::{Here, ListModels};
/// use task_core::recon::{Filter, Order, Query};
///
/// // The open ports that this run has found, or seen change.
/// let news = ListModels::new("endpoint")
///     .query(Query::all().filter(Filter::equals("state", "open")))
///     .only(Here::FoundOrChanged);
/// ```
///
/// # Errors
///
/// [`TaskError::Fatal`] if the worker knows no model of this name, or the query does not fit it
/// (the text names the field).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListModels {
    /// The name of the model.
    pub model: String,
    /// Which rows, and in which order.
    #[serde(default)]
    pub query: Query,
    /// Of those, which.
    #[serde(default)]
    pub only: Here,
    /// At most so many; all if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What the run that lists has to do with the rows that are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Here {
    /// Nothing: all rows.
    #[default]
    Any,
    /// A task of this run found it.
    Found,
    /// A task of this run found it, or was the last to change it.
    FoundOrChanged,
}

/// A row of [`ListModels`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListedModel<M = Box<RawValue>> {
    /// The natural key.
    pub key: String,
    /// The model.
    pub model: M,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// When it changed last.
    pub changed_at: Timestamp,
    /// Whether a task of this run found it.
    pub found_here: bool,
}

impl ListModels {
    /// All rows of the model called `model`, by key.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            query: Query::all(),
            only: Here::Any,
            limit: None,
        }
    }

    /// Those that the query asks for.
    #[must_use]
    pub fn query(mut self, query: Query) -> Self {
        self.query = query;
        self
    }

    /// Those of them with which this run has to do.
    #[must_use]
    pub const fn only(mut self, only: Here) -> Self {
        self.only = only;
        self
    }

    /// At most so many of them.
    #[must_use]
    pub const fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }
}

/// With less time than this left, the task hands back its cursor.
const MARGIN: Duration = Duration::from_secs(5);

impl TaskDefinition for ListModels {
    const KIND: &'static str = "recon.list";
    type Requires = needs![TaskDataAccess, ReconDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let models = known(&cx);
        let model = models.get(&self.model)?;
        let here = cx.collection_id();
        let query = match self.only {
            Here::Any => self.query,
            Here::Found => self.query.filter(Filter::FoundIn(here)),
            Here::FoundOrChanged => self.query.filter(Filter::ChangedIn(here)),
        };
        let (mut written, behind): (u64, Option<Position>) = cx.cursor()?.unwrap_or_default();
        let mut rows = cx.recon().list_as(model, query)?.behind(behind);
        let data = cx.task_data();
        while self.limit.is_none_or(|limit| written < limit) {
            let Some(row) = rows.next().await? else {
                break;
            };
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            let position = rows.position(&row)?;
            data.push(&listed(row, model.schema(), here)?).await?;
            written += 1;
            if cx.is_leaving() || cx.remaining().is_some_and(|left| left < MARGIN) {
                return Err(TaskError::deadline(&(written, Some(position))));
            }
        }
        Ok(())
    }
}

fn listed(
    row: ModelRow,
    schema: &Schema,
    here: task_core::CollectionId,
) -> Result<ListedModel, ModelError> {
    Ok(ListedModel {
        found_here: row.found_in == here,
        key: row.key.clone(),
        first_seen: row.first_seen,
        last_seen: row.last_seen,
        changed_at: row.changed_at,
        model: row.into_model(schema)?,
    })
}
