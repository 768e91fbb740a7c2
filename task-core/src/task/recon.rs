//! Recon data, as a task sees it.

use std::marker::PhantomData;
use std::sync::Arc;

use super::context::Attempt;
use super::error::TaskError;
use crate::ports::recon::ReconStore;
use crate::recon::{
    Change, Changes, DynModel, Model, ModelRow, Observation, Observer, Pages, Position, Query,
    Schema, Seen,
};

/// The recon tables. See [`recon`](crate::recon).
#[derive(Clone, Debug)]
pub struct Recon {
    attempt: Arc<Attempt>,
}

/// Observations in one write.
const WRITE_ROWS: usize = 1000;
/// Bytes of observations after which a write goes out.
const WRITE_BYTES: usize = 4 << 20;

impl Recon {
    pub(super) const fn new(attempt: Arc<Attempt>) -> Self {
        Self { attempt }
    }

    /// Writes what was seen now, 1,000 at a time: each thousand is written whole or not at all.
    /// Says how many were new, changed and known, relative to the time before this task.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if one of them cannot be stored: all are held against their model
    /// before the first write. [`TaskError::Cancelled`] if this attempt is over,
    /// [`TaskError::Retry`] if the store fails.
    pub async fn upsert<'m, M: Model>(
        &self,
        models: impl IntoIterator<Item = &'m M>,
    ) -> Result<Changes, TaskError> {
        let seen = models
            .into_iter()
            .map(Observation::of)
            .collect::<Result<Vec<_>, _>>()?;
        let mut changes = Changes::default();
        for change in self.observe(&M::schema(), &seen).await? {
            changes.add(change);
        }
        Ok(changes)
    }

    /// Writes observations of a model whose type is not known here; says of each, in order, what
    /// it changed.
    ///
    /// # Errors
    ///
    /// Like [`upsert`](Self::upsert).
    pub async fn observe(
        &self,
        schema: &Schema,
        seen: &[Observation],
    ) -> Result<Vec<Change>, TaskError> {
        schema.check()?;
        let store = self.attempt.recon_store()?;
        let observer = Observer {
            writer: self.attempt.writer(),
            course: &self.attempt.course,
        };
        let mut changes = Vec::with_capacity(seen.len());
        let mut rest = seen;
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(one_write(rest));
            let now = self.attempt.host.runtime.now();
            changes.extend(store.observe(observer, schema, now, part).await?);
            self.attempt.progress.checkpoint();
            rest = behind;
        }
        Ok(changes)
    }

    /// The rows of `M` that the query asks for, read in pages as they are asked for.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the query does not fit the model.
    pub fn list<M: Model>(&self, query: Query) -> Result<Listing<M>, TaskError> {
        Ok(Listing {
            rows: self.rows(M::schema(), query)?,
            decoded: PhantomData,
        })
    }

    /// The same for a model whose type is not known here.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the query does not fit the model.
    pub fn list_as(&self, model: &DynModel, query: Query) -> Result<ModelRows, TaskError> {
        self.rows(*model.schema(), query)
    }

    /// How many rows of `M` the query admits.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the query does not fit the model, [`TaskError::Retry`] if the store
    /// fails.
    pub async fn count<M: Model>(&self, query: &Query) -> Result<u64, TaskError> {
        let store = self.attempt.recon_store()?;
        Ok(store.count(&M::schema(), query).await?)
    }

    /// The row with this key, or `None`.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if it is not an `M`, [`TaskError::Retry`] if the store fails.
    pub async fn get<M: Model>(&self, key: &str) -> Result<Option<Seen<M>>, TaskError> {
        let query = Query::all().filter(crate::recon::Filter::KeyIn(vec![key.to_owned()]));
        self.list(query)?.next().await
    }

    fn rows(&self, schema: Schema, query: Query) -> Result<ModelRows, TaskError> {
        let store = Arc::clone(self.attempt.recon_store()?);
        Ok(ModelRows {
            attempt: Arc::clone(&self.attempt),
            pages: Pages::new(store, schema, query)?,
        })
    }
}

/// How many of the first go out in one write.
fn one_write(seen: &[Observation]) -> usize {
    let mut bytes = 0;
    let fits = seen.iter().take(WRITE_ROWS).take_while(|seen| {
        bytes += seen.key.len() + seen.body.get().len();
        bytes <= WRITE_BYTES
    });
    fits.count().max(1)
}

impl Attempt {
    fn recon_store(&self) -> Result<&Arc<dyn ReconStore>, TaskError> {
        self.host.recon.as_ref().ok_or_else(|| {
            TaskError::fatal("this worker was built without a recon store; Internal and bare-metal workers need one")
        })
    }
}

/// Rows of a model, decoded one by one.
#[derive(Debug)]
pub struct Listing<M> {
    rows: ModelRows,
    decoded: PhantomData<fn() -> M>,
}

impl<M: Model> Listing<M> {
    /// The next row, or `None` after the last.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the row is not an `M` (the text names it), [`TaskError::Retry`] if
    /// the store fails.
    pub async fn next(&mut self) -> Result<Option<Seen<M>>, TaskError> {
        let row = self.rows.next().await?;
        Ok(row.map(|row| Seen::of(&row)).transpose()?)
    }
}

/// Rows of a model as they are kept.
#[derive(Debug)]
pub struct ModelRows {
    attempt: Arc<Attempt>,
    pages: Pages,
}

impl ModelRows {
    /// Goes on behind `position`, where an earlier listing of the same query was.
    #[must_use]
    pub fn behind(mut self, position: Option<Position>) -> Self {
        self.pages = self.pages.behind(position);
        self
    }

    /// The next row, or `None` after the last. Memory holds one page at a time.
    ///
    /// # Errors
    ///
    /// [`TaskError::Retry`] if the store fails.
    pub async fn next(&mut self) -> Result<Option<ModelRow>, TaskError> {
        if !self.pages.is_ready() {
            self.attempt.progress.checkpoint();
        }
        Ok(self.pages.next().await?)
    }

    /// Where `row` stands in this listing: for a cursor.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the row is damaged.
    pub fn position(&self, row: &ModelRow) -> Result<Position, TaskError> {
        Ok(self.pages.position(row)?)
    }
}
