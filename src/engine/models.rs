//! Recon data, as the owner of an engine sees it.

use std::marker::PhantomData;
use std::sync::Arc;

use task_core::recon::{Model, Pages, Query, Seen};

use super::{Engine, EngineError};

impl Engine {
    /// The rows of `M` that the query asks for, whichever run found them; read in pages as they
    /// are asked for.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoRecon`] if the engine has a store of your own and no recon store,
    /// [`EngineError::Recon`] if the query does not fit the model.
    pub fn models<M: Model>(&self, query: Query) -> Result<ModelsOf<M>, EngineError> {
        let recon = self.parts.recon.as_ref().ok_or(EngineError::NoRecon)?;
        let pages = Pages::of::<M>(Arc::clone(recon), query);
        Ok(ModelsOf {
            pages: pages.map_err(|error| EngineError::Recon(error.into()))?,
            decoded: PhantomData,
        })
    }

    /// How many rows of `M` the query admits.
    ///
    /// # Errors
    ///
    /// Like [`models`](Self::models), and [`EngineError::Recon`] if the store fails.
    pub async fn count_models<M: Model>(&self, query: &Query) -> Result<u64, EngineError> {
        let recon = self.parts.recon.as_ref().ok_or(EngineError::NoRecon)?;
        Ok(recon.count(&M::schema(), query).await?)
    }
}

/// Rows of a model, decoded one by one.
#[derive(Debug)]
pub struct ModelsOf<M> {
    pages: Pages,
    decoded: PhantomData<fn() -> M>,
}

impl<M: Model> ModelsOf<M> {
    /// The next row, or `None` after the last.
    ///
    /// # Errors
    ///
    /// [`EngineError::Recon`] if the store fails, or if the row is not an `M`.
    pub async fn next(&mut self) -> Result<Option<Seen<M>>, EngineError> {
        let row = self.pages.next().await?;
        let seen = row.map(|row| Seen::of(&row)).transpose();
        seen.map_err(|error| EngineError::Recon(error.into()))
    }
}
