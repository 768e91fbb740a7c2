//! A model as it is kept, and what a write changes of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::error::ModelError;
use super::model::Model;
use super::observation::{Observation, differ, has_null, known, merge};
use super::schema::Schema;
use crate::id::{CollectionId, TaskId};
use crate::ports::data::Writer;
use crate::time::Timestamp;

/// Who observes: a task, in one of its courses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Observer<'a> {
    /// The task and its attempt, for fencing.
    pub writer: Writer,
    /// The runs whose sights one report covers: at last the present one, before it those that
    /// handed on the cursor from which it goes on. A run is one execution of an attempt, known by
    /// a number drawn for it: a message that arrives twice makes two of one attempt, perhaps at
    /// the same time. Runs that failed are not of the course.
    pub course: &'a [u32],
}

/// The runs of one task that have reported something of a row: few, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(Vec<u32>);

impl Runs {
    /// So many are remembered; a task seldom runs more than once.
    const MOST: usize = 16;

    fn any_of(&self, course: &[u32]) -> bool {
        self.0.iter().any(|run| course.contains(run))
    }

    fn push(&mut self, observer: Observer<'_>) {
        let Some(run) = observer.course.last() else {
            return;
        };
        if !self.0.contains(run) {
            self.0.truncate(Self::MOST - 1);
            self.0.insert(0, *run);
        }
    }
}

impl fmt::Display for Runs {
    /// Whole numbers with spaces between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, run) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{run}")?;
        }
        Ok(())
    }
}

impl FromStr for Runs {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let runs = text.split_whitespace().map(str::parse);
        runs.collect::<Result<_, _>>().map(Self)
    }
}

/// A row of a model's table.
#[derive(Clone, Debug)]
pub struct ModelRow {
    /// The natural key.
    pub key: String,
    /// All that is known, as a JSON object with sorted members; `null` those that were cleared.
    pub body: Box<RawValue>,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// When its body changed last; at first, when it was found.
    pub changed_at: Timestamp,
    /// The collection whose task found it.
    pub found_in: CollectionId,
    /// The task that found it.
    pub found_by: TaskId,
    /// Its runs that reported so.
    pub found_runs: Runs,
    /// The collection whose task changed it last; at first, the one that found it.
    pub changed_in: CollectionId,
    /// The task that changed it last.
    pub changed_by: TaskId,
    /// Its runs that reported so.
    pub changed_runs: Runs,
}

/// What an observation did to the row of its key, relative to the time before the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// There was none.
    Inserted,
    /// A field is new, has another value, or has one no longer.
    Changed,
    /// All was known.
    Unchanged,
}

/// How many observations did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Changes {
    /// Rows that are new.
    pub inserted: u64,
    /// Rows of which something changed.
    pub changed: u64,
    /// Rows that stayed.
    pub unchanged: u64,
}

impl Changes {
    /// Counts one more.
    pub fn add(&mut self, change: Change) {
        match change {
            Change::Inserted => self.inserted += 1,
            Change::Changed => self.changed += 1,
            Change::Unchanged => self.unchanged += 1,
        }
    }

    /// Adds up.
    pub fn merge(&mut self, other: &Self) {
        self.inserted += other.inserted;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
    }

    /// All observations.
    pub const fn total(&self) -> u64 {
        self.inserted + self.changed + self.unchanged
    }
}

impl ModelRow {
    /// The row after `seen` at `at`, and what that did: the one rule that all stores keep to.
    /// `before` is the row as it is stored now.
    ///
    /// # Errors
    ///
    /// [`ModelError::TooLarge`] if the merged row is too large, [`ModelError::Shape`] if one of the
    /// bodies is no JSON object.
    pub fn after(
        before: Option<Self>,
        schema: &Schema,
        observer: Observer<'_>,
        at: Timestamp,
        seen: &Observation,
    ) -> Result<(Self, Change), ModelError> {
        let Writer {
            collection, task, ..
        } = observer.writer;
        let Some(mut row) = before else {
            let mut runs = Runs::default();
            runs.push(observer);
            let row = Self {
                key: seen.key.clone(),
                body: seen.body.clone(),
                first_seen: at,
                last_seen: at,
                changed_at: at,
                found_in: collection,
                found_by: task,
                found_runs: runs.clone(),
                changed_in: collection,
                changed_by: task,
                changed_runs: runs,
            };
            return Ok((row, Change::Inserted));
        };
        let newest = at >= row.last_seen;
        let body = if newest {
            merge(schema, &row.key, &row.body, &seen.body)?
        } else {
            merge(schema, &row.key, &seen.body, &row.body)?
        };
        // That a thing lacks what nobody knew it to have is kept, and is no news.
        let differs = differ(schema, &row.key, &row.body, &body)?;
        row.body = body;
        // What a failed run did is this one's to report; what its own course did is reported.
        let unreported = |by: TaskId, runs: &Runs| by == task && !runs.any_of(observer.course);
        let change = if unreported(row.found_by, &row.found_runs) {
            row.found_runs.push(observer);
            Change::Inserted
        } else if differs || unreported(row.changed_by, &row.changed_runs) {
            Change::Changed
        } else {
            Change::Unchanged
        };
        if differs {
            row.changed_at = row.changed_at.max(at);
            row.changed_in = collection;
            if row.changed_by != task {
                row.changed_by = task;
                row.changed_runs = Runs::default();
            }
        }
        if change != Change::Unchanged && row.changed_by == task {
            row.changed_runs.push(observer);
        }
        row.first_seen = row.first_seen.min(at);
        row.last_seen = row.last_seen.max(at);
        Ok((row, change))
    }

    /// The members of the body, without those that were cleared.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`] if it is no JSON object.
    pub fn members(&self, schema: &Schema) -> Result<Map<String, Json>, ModelError> {
        known(schema, &self.key, &self.body)
    }

    /// The model in it, as JSON: the body without what was cleared.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`] if it is no JSON object.
    pub fn into_model(self, schema: &Schema) -> Result<Box<RawValue>, ModelError> {
        if !has_null(&self.body) {
            return Ok(self.body);
        }
        let members = self.members(schema)?;
        serde_json::value::to_raw_value(&members).map_err(|error| ModelError::Shape {
            model: schema.model,
            what: format!("`{}`: {error}", self.key),
        })
    }

    /// The keys of other models that this row refers to: (field, model, key), each once.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`] if the body is no JSON object.
    pub fn references(&self, schema: &Schema) -> Result<Vec<Reference>, ModelError> {
        if schema.fields.iter().all(|field| field.refers_to.is_none()) {
            return Ok(Vec::new());
        }
        let members = self.members(schema)?;
        let mut references = Vec::new();
        for field in schema.fields {
            let Some(model) = field.refers_to else {
                continue;
            };
            let mut refer = |value: &Json| {
                if let Some(key) = value.as_str() {
                    references.push(Reference {
                        field: field.name,
                        model,
                        key: key.to_owned(),
                    });
                }
            };
            match members.get(field.name) {
                Some(Json::Array(items)) => items.iter().for_each(&mut refer),
                Some(value) => refer(value),
                None => {}
            }
        }
        references.sort_unstable();
        references.dedup();
        Ok(references)
    }
}

/// That a row's field names the key of another model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The field.
    pub field: &'static str,
    /// The other model.
    pub model: &'static str,
    /// Its key.
    pub key: String,
}

/// A model as it is read, with what is known of its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen<M> {
    /// The model.
    pub model: M,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// When it changed last.
    pub changed_at: Timestamp,
    /// The task that found it.
    pub found_by: TaskId,
    /// The task that changed it last.
    pub changed_by: TaskId,
}

impl<M: Model> Seen<M> {
    /// What a row of `M` says.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`], which names the row, if it is not an `M`.
    pub fn of(row: &ModelRow) -> Result<Self, ModelError> {
        let model = serde_json::from_str(row.body.get()).map_err(|error| ModelError::Shape {
            model: M::NAME,
            what: format!("`{}`: {error}", row.key),
        })?;
        Ok(Self {
            model,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            changed_at: row.changed_at,
            found_by: row.found_by,
            changed_by: row.changed_by,
        })
    }
}
