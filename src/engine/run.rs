//! A handle on one run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use serde::de::DeserializeOwned;
use task_core::message::{CancelCollection, Message, ToManager};
use task_core::ports::store::Trouble;
use task_core::{CollectionId, MessageId};

use super::{EngineError, Parts, Report, ResultRows};

/// One run of a workflow. Cheap to clone; the run goes on without it.
#[derive(Clone, Debug)]
pub struct Run {
    parts: Arc<Parts>,
    id: CollectionId,
}

impl Run {
    pub(super) const fn new(parts: Arc<Parts>, id: CollectionId) -> Self {
        Self { parts, id }
    }

    /// The run's id: keep it to come back after a restart.
    pub const fn id(&self) -> CollectionId {
        self.id
    }

    /// The run at this moment.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`] if the store fails.
    pub async fn report(&self) -> Result<Report, EngineError> {
        let collection = self.parts.store.collection(self.id).await?;
        let collection = collection.ok_or(EngineError::UnknownRun(self.id))?;
        let containers = self.parts.store.containers(self.id).await?;
        Ok(Report::new(
            collection,
            containers,
            self.parts.runtime.now(),
        ))
    }

    /// Waits until the run is over, and says how it went.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`] if the store fails.
    pub async fn wait(&self) -> Result<Report, EngineError> {
        let mut pause = Duration::from_millis(1);
        loop {
            let collection = self.parts.store.collection(self.id).await?;
            let collection = collection.ok_or(EngineError::UnknownRun(self.id))?;
            if collection.state.is_terminal() {
                return self.report().await;
            }
            self.parts.runtime.sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// The run as it goes on: a report at each interval, and the last one when it is over.
    pub fn progress(
        &self,
        every: Duration,
    ) -> impl Stream<Item = Result<Report, EngineError>> + Send + 'static {
        enum Next {
            First,
            Later,
            Over,
        }
        let run = self.clone();
        unfold(Next::First, move |next| {
            let run = run.clone();
            async move {
                match next {
                    Next::Over => return None,
                    Next::First => {}
                    Next::Later => run.parts.runtime.sleep(every).await,
                }
                let report = run.report().await;
                let over = report
                    .as_ref()
                    .map_or(true, |report| report.state.is_terminal());
                Some((report, if over { Next::Over } else { Next::Later }))
            }
        })
    }

    /// The output of the task called `name`, or the first row of it, if it has any yet.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownName`], or [`EngineError::Row`] if it is not a `T`.
    pub async fn result<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, EngineError> {
        self.rows(name).await?.next().await
    }

    /// All rows of the task or container called `name`, in the order in which its tasks stand.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownName`] if the workflow has no such name.
    pub async fn rows<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<ResultRows<T>, EngineError> {
        let dataset = self.parts.store.dataset(self.id, name).await?;
        let dataset = dataset.ok_or_else(|| EngineError::UnknownName(name.to_owned()))?;
        Ok(ResultRows::new(
            Arc::clone(&self.parts),
            name.to_owned(),
            dataset,
        ))
    }

    /// Up to `limit` tasks that did not make it, with their errors.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`] if the store fails.
    pub async fn troubles(&self, limit: usize) -> Result<Vec<Trouble>, EngineError> {
        Ok(self.parts.store.troubles(self.id, limit).await?)
    }

    /// Cancels the run: what is not done becomes `Disabled`, and running tasks are told to stop.
    /// Harmless if the run is over.
    ///
    /// # Errors
    ///
    /// [`EngineError::Manager`] if the store fails, [`EngineError::Carrier`] if the manager is
    /// elsewhere and the carrier fails.
    pub async fn cancel(&self) -> Result<(), EngineError> {
        let body = Message::CancelCollection(CancelCollection {
            collection_id: self.id,
        });
        let message = ToManager::new(MessageId::new(&*self.parts.runtime), body);
        self.parts.tell(message).await
    }
}
