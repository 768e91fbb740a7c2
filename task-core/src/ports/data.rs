//! The data port: what Internal and bare-metal workers read and write directly.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::store::StoreError;
use crate::id::{CollectionId, ContainerId, TaskId};
use crate::payload::Payload;

/// `task_manager.task_data` and `task_manager.task_collection_data`.
///
/// Every row belongs to the task that made it. Rows are read in the order of (task, seq); ids of
/// tasks in one container sort by ordinal, so rows come in the order in which the tasks stand.
#[async_trait]
pub trait DataStore: fmt::Debug + Send + Sync + 'static {
    /// Where the rows of the task or container called `name` are, or `None` if the collection has
    /// no such name.
    async fn dataset(
        &self,
        collection: CollectionId,
        name: &str,
    ) -> Result<Option<Dataset>, StoreError>;

    /// Up to `limit` rows of a data set behind `after`, in order. Stops early, but never before
    /// the first row, when the rows of a page pass [`PAGE_BYTES`] inline.
    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError>;

    /// The number of rows of a data set.
    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError>;

    /// Writes rows of a running task from `first` on, atomically. Refused with
    /// [`StoreError::Fenced`] unless the task is `Running` in the writer's attempt. Rows of the
    /// task at or behind `first` that earlier attempts wrote are removed by every call; writing a
    /// seq again replaces it.
    async fn write_rows(
        &self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), StoreError>;

    /// A value of the collection, or `None`.
    async fn value(
        &self,
        collection: CollectionId,
        key: &str,
    ) -> Result<Option<Payload>, StoreError>;

    /// Sets a value of the collection; fenced like [`write_rows`](Self::write_rows).
    async fn set_value(&self, writer: Writer, key: &str, value: &Payload)
    -> Result<(), StoreError>;
}

/// Inline bytes after which a page of rows ends.
pub const PAGE_BYTES: usize = 8 << 20;

/// The rows of one task, or of all children of a container. A container's generator is not one of
/// its children: its rows are found under its own name only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dataset {
    /// The container.
    pub container: ContainerId,
    /// One task of it; all its children if `None`.
    pub task: Option<TaskId>,
}

/// A row's place in its data set. It has a wire form, to stand in a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowKey {
    /// The task that made the row.
    pub task: TaskId,
    /// The row's place among the rows of its task.
    pub seq: u32,
}

/// A row as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct DataRow {
    /// Its place.
    pub key: RowKey,
    /// The row.
    pub body: Payload,
}

/// Who writes: a task in one of its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    /// The collection.
    pub collection: CollectionId,
    /// The task's container.
    pub container: ContainerId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
}
