//! Rows of a listing, one after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use super::error::ModelError;
use super::model::Model;
use super::query::{Position, Query};
use super::row::ModelRow;
use super::schema::Schema;
use crate::ports::recon::{ReconError, ReconStore};

/// Many, because an order for which the store has no index sorts all rows for each page.
const PAGE_ROWS: usize = 1000;

/// The rows that a query asks for. Memory holds one page at a time.
#[derive(Debug)]
pub struct Pages {
    store: Arc<dyn ReconStore>,
    schema: Schema,
    query: Query,
    after: Option<Position>,
    page: VecDeque<ModelRow>,
    done: bool,
}

impl Pages {
    /// The rows of a model in `store`. Nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the query does not fit the model.
    pub fn new(
        store: Arc<dyn ReconStore>,
        schema: Schema,
        query: Query,
    ) -> Result<Self, ModelError> {
        schema.check()?;
        query.check(&schema)?;
        Ok(Self {
            store,
            schema,
            query,
            after: None,
            page: VecDeque::new(),
            done: false,
        })
    }

    /// The rows of `M`.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the query does not fit the model.
    pub fn of<M: Model>(store: Arc<dyn ReconStore>, query: Query) -> Result<Self, ModelError> {
        Self::new(store, M::schema(), query)
    }

    /// Goes on behind `position`, where an earlier listing of the same query was.
    #[must_use]
    pub fn behind(mut self, position: Option<Position>) -> Self {
        self.after = position;
        self
    }

    /// The next row, or `None` after the last.
    ///
    /// # Errors
    ///
    /// [`ReconError::Store`] if the store fails; asking again goes on at the same row.
    pub async fn next(&mut self) -> Result<Option<ModelRow>, ReconError> {
        if self.page.is_empty() && !self.done {
            let after = self.after.as_ref();
            let page = self
                .store
                .list(&self.schema, &self.query, after, PAGE_ROWS)
                .await?;
            self.done = page.is_empty();
            if let Some(last) = page.last() {
                self.after = Some(self.position(last)?);
            }
            self.page = page.into();
        }
        Ok(self.page.pop_front())
    }

    /// Whether the next row is in memory already.
    pub fn is_ready(&self) -> bool {
        !self.page.is_empty()
    }

    /// Where `row` stands in this listing: for a cursor.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`] if the row is damaged.
    pub fn position(&self, row: &ModelRow) -> Result<Position, ModelError> {
        self.query.position(&self.schema, row)
    }
}
