//! The recon port: what Internal and bare-metal workers know of the world.

use std::fmt;

use async_trait::async_trait;

use super::store::StoreError;
use crate::recon::{Change, ModelError, ModelRow, Observation, Observer, Position, Query, Schema};
use crate::time::Timestamp;

/// The `recon` tables.
///
/// A model has one row for each key. What a write makes of a row is said by [`ModelRow::after`],
/// which every store calls.
#[async_trait]
pub trait ReconStore: fmt::Debug + Send + Sync + 'static {
    /// Writes observations that were made at `at`, atomically and in their order; a key may come
    /// more than once. Says of each, in order, what it changed. Refused with
    /// [`StoreError::Fenced`] unless the observer's task is `Running` in its attempt; nothing is
    /// written if one observation is refused.
    ///
    /// Two writes of one key, by whomever, happen one after the other.
    async fn observe(
        &self,
        observer: Observer<'_>,
        schema: &Schema,
        at: Timestamp,
        seen: &[Observation],
    ) -> Result<Vec<Change>, ReconError>;

    /// Up to `limit` rows behind `after`, in the order of the query. Stops early, but never before
    /// the first row, when the rows of a page pass [`PAGE_BYTES`](super::data::PAGE_BYTES). A
    /// snapshot; a row that changes its place between two pages may come twice or not at all.
    ///
    /// By key a page costs what it has; another order may cost a look at all rows.
    async fn list(
        &self,
        schema: &Schema,
        query: &Query,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<ModelRow>, ReconError>;

    /// The number of rows that the query admits. A snapshot.
    async fn count(&self, schema: &Schema, query: &Query) -> Result<u64, ReconError>;
}

/// What a recon store says no with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconError {
    /// The model, the observation or the query is at fault.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The store is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReconError> for crate::task::TaskError {
    fn from(error: ReconError) -> Self {
        match error {
            ReconError::Model(error) => error.into(),
            ReconError::Store(error) => error.into(),
        }
    }
}
