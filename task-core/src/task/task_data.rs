//! Task data and collection data, as a task sees them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::Attempt;
use super::error::TaskError;
use super::object::from_json;
use crate::payload::Payload;
use crate::ports::data::{DataRow, DataStore, Dataset, RowKey};

/// `task_manager.task_data` and `task_manager.task_collection_data`.
#[derive(Clone, Debug)]
pub struct TaskData {
    attempt: Arc<Attempt>,
}

impl TaskData {
    pub(super) const fn new(attempt: Arc<Attempt>) -> Self {
        Self { attempt }
    }

    /// The rows that the task or container called `name` has produced, read in pages as they are
    /// asked for, in the order in which the tasks stand.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the collection has no such name.
    pub async fn of<T: DeserializeOwned>(&self, name: &str) -> Result<Rows<T>, TaskError> {
        let store = self.store()?;
        let dataset = self.dataset(store, name).await?;
        Ok(Rows {
            attempt: Arc::clone(&self.attempt),
            name: name.to_owned(),
            dataset,
            after: None,
            last: None,
            page: VecDeque::new(),
            done: false,
            decoded: std::marker::PhantomData,
        })
    }

    /// How many rows the task or container called `name` has produced.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the collection has no such name.
    pub async fn count(&self, name: &str) -> Result<u64, TaskError> {
        let store = self.store()?;
        Ok(store.count(self.dataset(store, name).await?).await?)
    }

    /// Writes one row of this task's data. Buffered; what is left is written when the task
    /// returns. A task that writes rows has these as its data, and its output is not stored.
    ///
    /// # Errors
    ///
    /// [`TaskError::Cancelled`] if this attempt is over, [`TaskError::Retry`] if the store fails.
    pub async fn push<T: Serialize + ?Sized>(&self, row: &T) -> Result<(), TaskError> {
        let row = Payload::encode(row)?;
        self.attempt.wrote.store(true, Ordering::Relaxed);
        let mut buffer = self.attempt.rows.lock().await;
        buffer.bytes += row.inline_len();
        buffer.rows.push(row);
        if buffer.rows.len() >= BUFFER_ROWS || buffer.bytes >= BUFFER_BYTES {
            buffer.flush(&self.attempt).await?;
        }
        Ok(())
    }

    /// A value of the collection, if it is set.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if the store fails or the value is not a `T`.
    pub async fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, TaskError> {
        let value = self
            .store()?
            .value(self.attempt.task.collection_id, key)
            .await?;
        Ok(value.map(|value| value.decode()).transpose()?)
    }

    /// Sets a value of the collection at once. Refused when this attempt is over.
    ///
    /// # Errors
    ///
    /// [`TaskError::Cancelled`] if this attempt is over, [`TaskError::Retry`] if the store fails.
    pub async fn set_value<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<(), TaskError> {
        let value = Payload::encode(value)?;
        self.store()?
            .set_value(self.attempt.writer(), key, &value)
            .await?;
        self.attempt.progress.checkpoint();
        Ok(())
    }

    async fn dataset(&self, store: &dyn DataStore, name: &str) -> Result<Dataset, TaskError> {
        let found = store.dataset(self.attempt.task.collection_id, name).await?;
        found.ok_or_else(|| {
            TaskError::fatal(format!(
                "this workflow has no task or container called `{name}`"
            ))
        })
    }

    fn store(&self) -> Result<&dyn DataStore, TaskError> {
        self.attempt.data_store()
    }
}

impl Attempt {
    fn data_store(&self) -> Result<&dyn DataStore, TaskError> {
        self.host.data.as_deref().ok_or_else(|| {
            TaskError::fatal("this worker was built without a data store; Internal and bare-metal workers need one")
        })
    }
}

/// The rows of a data set, decoded one by one.
#[derive(Debug)]
pub struct Rows<T> {
    attempt: Arc<Attempt>,
    name: String,
    dataset: Dataset,
    after: Option<RowKey>,
    last: Option<RowKey>,
    page: VecDeque<DataRow>,
    done: bool,
    decoded: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Rows<T> {
    /// Goes on behind the row at `place`, which an earlier attempt wrote into its cursor. From the
    /// first row if it is `None`. Rows before it are not read.
    #[must_use]
    pub fn behind(mut self, place: Option<RowKey>) -> Self {
        self.after = place;
        self.last = place;
        self
    }

    /// The place of the row that [`next`](Self::next) gave out last, or from which it goes on.
    pub fn place(&self) -> Option<RowKey> {
        self.last
    }

    /// The next row, or `None` after the last. Memory holds one page at a time; a row that lies
    /// in the object store is fetched and verified when its turn comes.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the row is not a `T` (the text names the row),
    /// [`TaskError::Retry`] if the store fails.
    pub async fn next(&mut self) -> Result<Option<T>, TaskError> {
        if self.page.is_empty() && !self.done {
            let store = self.attempt.data_store()?;
            let page = store.rows(self.dataset, self.after, PAGE_ROWS).await?;
            self.done = page.is_empty();
            self.after = page.last().map(|row| row.key).or(self.after);
            self.page = page.into();
            self.attempt.progress.checkpoint();
        }
        let Some(row) = self.page.pop_front() else {
            return Ok(None);
        };
        self.last = Some(row.key);
        let limit = self.attempt.host.payload_limit;
        let json = row.body.resolve(limit, self.attempt.objects()).await?;
        let decoded = from_json(&json).map_err(|error| {
            TaskError::fatal(format!(
                "row {} of task {} in `{}` does not decode: {error}",
                row.key.seq, row.key.task, self.name
            ))
        })?;
        Ok(Some(decoded))
    }
}

const PAGE_ROWS: usize = 256;
const BUFFER_ROWS: usize = 500;
const BUFFER_BYTES: usize = 1 << 20;

/// Rows on their way to the store.
#[derive(Debug)]
pub(crate) struct RowBuffer {
    rows: Vec<Payload>,
    bytes: usize,
    pub(crate) next: u32,
    /// Whether this attempt has written any; that removes those of earlier attempts.
    wrote: bool,
}

impl RowBuffer {
    pub(crate) const fn starting_at(next: u32) -> Self {
        Self {
            rows: Vec::new(),
            bytes: 0,
            next,
            wrote: false,
        }
    }

    /// Writes what is left. Rows of an earlier attempt that failed go even if there is none.
    pub(crate) async fn finish(&mut self, attempt: &Attempt) -> Result<(), TaskError> {
        self.flush(attempt).await?;
        if attempt.task.attempt > 1
            && !self.wrote
            && let Some(data) = &attempt.host.data
        {
            data.write_rows(attempt.writer(), self.next, &[]).await?;
        }
        Ok(())
    }

    pub(crate) async fn flush(&mut self, attempt: &Attempt) -> Result<(), TaskError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        attempt
            .data_store()?
            .write_rows(attempt.writer(), self.next, &self.rows)
            .await?;
        self.next = u32::try_from(self.rows.len())
            .ok()
            .and_then(|written| self.next.checked_add(written))
            .ok_or_else(|| TaskError::fatal("a task cannot have more than 4,294,967,295 rows"))?;
        self.rows.clear();
        self.bytes = 0;
        self.wrote = true;
        attempt.progress.checkpoint();
        Ok(())
    }
}
