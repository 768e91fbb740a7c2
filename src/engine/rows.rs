//! The rows of a task or container, as a stream of pages.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use task_core::PayloadError;
use task_core::ports::data::{DataRow, Dataset, RowKey};

use super::{EngineError, Parts};

/// The rows of a data set, decoded one by one; one page in memory at a time.
#[derive(Debug)]
pub struct ResultRows<T> {
    parts: Arc<Parts>,
    name: String,
    dataset: Dataset,
    after: Option<RowKey>,
    page: VecDeque<DataRow>,
    done: bool,
    decoded: PhantomData<fn() -> T>,
}

const PAGE: usize = 256;
const LARGEST_ROW: u64 = 256 << 20;

impl<T: DeserializeOwned> ResultRows<T> {
    pub(super) fn new(parts: Arc<Parts>, name: String, dataset: Dataset) -> Self {
        Self {
            parts,
            name,
            dataset,
            after: None,
            page: VecDeque::new(),
            done: false,
            decoded: PhantomData,
        }
    }

    /// The next row, or `None` after the last.
    ///
    /// # Errors
    ///
    /// [`EngineError::Row`] if the row is not a `T`, [`EngineError::Store`] if the store fails.
    pub async fn next(&mut self) -> Result<Option<T>, EngineError> {
        if self.page.is_empty() && !self.done {
            let page = self
                .parts
                .store
                .rows(self.dataset, self.after, PAGE)
                .await?;
            self.done = page.is_empty();
            self.after = page.last().map(|row| row.key).or(self.after);
            self.page = page.into();
        }
        let Some(row) = self.page.pop_front() else {
            return Ok(None);
        };
        let failed = |source| EngineError::Row {
            name: self.name.clone(),
            source,
        };
        let json = row
            .body
            .resolve(LARGEST_ROW, Some(&*self.parts.objects))
            .await
            .map_err(failed)?;
        let decoded = serde_json::from_str(json.get()).map_err(PayloadError::from);
        decoded.map(Some).map_err(failed)
    }
}
