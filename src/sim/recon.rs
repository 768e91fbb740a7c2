//! Recon data as one machine sees it, and what must be true of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use task_core::TaskId;
use task_core::Timestamp;
use task_core::ports::data::Writer;
use task_core::ports::recon::{ReconError, ReconStore};
use task_core::recon::{Change, ModelRow, Observation, Observer, Pages, Position, Query, Schema};

use super::keeper::{Keeper, Shared};
use super::model::Model;

#[async_trait]
impl ReconStore for Keeper {
    async fn observe(
        &self,
        observer: Observer<'_>,
        schema: &Schema,
        at: Timestamp,
        seen: &[Observation],
    ) -> Result<Vec<Change>, ReconError> {
        let write = self.shared.recon.observe(observer, schema, at, seen);
        self.around(write, |shared| {
            let task = observer.writer.task;
            let note = format_args!("{} of {} seen by {task}", seen.len(), schema.model);
            shared.chaos.note(self.machine(), note);
            let verdict = shared.model().observed(observer.writer, schema, seen);
            shared.judge(verdict);
        })
        .await
    }

    async fn list(
        &self,
        schema: &Schema,
        query: &Query,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<ModelRow>, ReconError> {
        self.connection()?;
        self.shared.recon.list(schema, query, after, limit).await
    }

    async fn count(&self, schema: &Schema, query: &Query) -> Result<u64, ReconError> {
        self.connection()?;
        self.shared.recon.count(schema, query).await
    }
}

/// Who found what, as it follows from what was committed.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<&'static str, Found>);

#[derive(Debug)]
struct Found {
    schema: Schema,
    by: BTreeMap<String, TaskId>,
}

impl Findings {
    /// How many things a task was the first to see.
    pub(super) fn of(&self, task: TaskId) -> u64 {
        let finders = self.0.values().flat_map(|found| found.by.values());
        finders.filter(|by| **by == task).count() as u64
    }
}

impl Model {
    fn observed(
        &mut self,
        writer: Writer,
        schema: &Schema,
        seen: &[Observation],
    ) -> Result<(), String> {
        self.running(writer)?;
        self.effects += seen.len() as u64;
        let found = self
            .findings
            .0
            .entry(schema.model)
            .or_insert_with(|| Found {
                schema: *schema,
                by: BTreeMap::new(),
            });
        for seen in seen {
            found.by.entry(seen.key.clone()).or_insert(writer.task);
        }
        Ok(())
    }
}

/// In the end: each thing is there once, found by whoever saw it first.
pub(super) async fn check(
    shared: &Shared,
    model: &Model,
) -> Result<Result<(), String>, ReconError> {
    for (name, Found { schema, by }) in &model.findings.0 {
        let mut rows = Pages::new(Arc::clone(&shared.recon), *schema, Query::all())?;
        let mut left = by.clone();
        while let Some(row) = rows.next().await? {
            let found = left.remove(&row.key);
            if found != Some(row.found_by) {
                return Ok(Err(format!(
                    "{name} `{}` was found by task {}, and first seen by {found:?}",
                    row.key, row.found_by
                )));
            }
        }
        if let Some(key) = left.keys().next() {
            return Ok(Err(format!("{name} `{key}` was seen and is not there")));
        }
    }
    Ok(Ok(()))
}
