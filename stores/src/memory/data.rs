//! Task data, read and written directly by workers.

use std::ops::Bound::{Excluded, Included, Unbounded};
use std::ops::RangeInclusive;

use async_trait::async_trait;
use task_core::id::{CollectionId, TaskId};
use task_core::payload::Payload;
use task_core::ports::data::{DataRow, DataStore, Dataset, PAGE_BYTES, RowKey, Writer};
use task_core::ports::store::StoreError;
use task_core::state::TaskState;

use super::MemoryStore;
use super::state::{Row, State, named};
use crate::seq::seqs;

#[async_trait]
impl DataStore for MemoryStore {
    async fn dataset(
        &self,
        collection: CollectionId,
        name: &str,
    ) -> Result<Option<Dataset>, StoreError> {
        let state = self.state.lock().await;
        if let Some(task) = named(&state.task_names, collection, name) {
            let container = state.tasks.get(&task).map(|record| record.container);
            return Ok(container.map(|container| Dataset {
                container,
                task: Some(task),
            }));
        }
        let container = named(&state.container_names, collection, name);
        Ok(container.map(|container| Dataset {
            container,
            task: None,
        }))
    }

    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        let state = self.state.lock().await;
        let Some(rows) = state.data.get(&dataset.container) else {
            return Ok(Vec::new());
        };
        let behind = after.map_or(Unbounded, Excluded);
        let range = match dataset.task {
            Some(task) if after.is_some_and(|after| after.task > task) => return Ok(Vec::new()),
            Some(task) => {
                let within = after.is_some_and(|after| after.task == task);
                let all = all_of(task);
                (
                    if within {
                        behind
                    } else {
                        Included(*all.start())
                    },
                    Included(*all.end()),
                )
            }
            None => (behind, Unbounded),
        };
        let left_out = left_out(&state, dataset);
        let mut page = Vec::new();
        let mut bytes = 0;
        let rows = rows
            .range(range)
            .filter(|(key, _)| Some(key.task) != left_out);
        for (key, row) in rows.take(limit) {
            bytes += row.body.inline_len();
            if bytes > PAGE_BYTES && !page.is_empty() {
                break;
            }
            page.push(DataRow {
                key: *key,
                body: row.body.clone(),
            });
        }
        Ok(page)
    }

    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError> {
        let state = self.state.lock().await;
        let Some(rows) = state.data.get(&dataset.container) else {
            return Ok(0);
        };
        let count = match dataset.task {
            Some(task) => rows.range(all_of(task)).count(),
            None => {
                let others = left_out(&state, dataset).map(all_of);
                rows.len() - others.map_or(0, |others| rows.range(others).count())
            }
        };
        Ok(count as u64)
    }

    async fn write_rows(
        &self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), StoreError> {
        let mut state = self.state.lock().await;
        fence(&state, writer)?;
        let seqs = seqs(first, rows.len())?;
        let data = state.data.entry(writer.container).or_default();
        let stale: Vec<RowKey> = data
            .range(
                RowKey {
                    task: writer.task,
                    seq: first,
                }..=*all_of(writer.task).end(),
            )
            .filter(|(_, row)| row.attempt < writer.attempt)
            .map(|(key, _)| *key)
            .collect();
        for key in stale {
            data.remove(&key);
        }
        for (seq, body) in seqs.zip(rows) {
            let key = RowKey {
                task: writer.task,
                seq,
            };
            data.insert(
                key,
                Row {
                    attempt: writer.attempt,
                    body: body.clone(),
                },
            );
        }
        Ok(())
    }

    async fn value(
        &self,
        collection: CollectionId,
        key: &str,
    ) -> Result<Option<Payload>, StoreError> {
        let state = self.state.lock().await;
        Ok(state
            .values
            .get(&collection)
            .and_then(|values| values.get(key))
            .cloned())
    }

    async fn set_value(
        &self,
        writer: Writer,
        key: &str,
        value: &Payload,
    ) -> Result<(), StoreError> {
        let mut state = self.state.lock().await;
        fence(&state, writer)?;
        let values = state.values.entry(writer.collection).or_default();
        values.insert(key.into(), value.clone());
        Ok(())
    }
}

/// A generator stands in its container but is not one of its children: its rows are its own.
fn left_out(state: &State, dataset: Dataset) -> Option<TaskId> {
    match dataset.task {
        Some(_) => None,
        None => state.containers.get(&dataset.container)?.generator,
    }
}

/// Refuses a writer that is not the running attempt of its task.
pub(super) fn fence(state: &State, writer: Writer) -> Result<(), StoreError> {
    let runs = state.tasks.get(&writer.task).is_some_and(|task| {
        task.status.state == TaskState::Running
            && task.status.attempt == writer.attempt
            && task.container == writer.container
            && task.collection == writer.collection
    });
    if runs {
        Ok(())
    } else {
        Err(StoreError::Fenced {
            task: writer.task,
            attempt: writer.attempt,
        })
    }
}

/// The keys of all rows that a task can have.
fn all_of(task: TaskId) -> RangeInclusive<RowKey> {
    RowKey { task, seq: 0 }..=RowKey {
        task,
        seq: u32::MAX,
    }
}
