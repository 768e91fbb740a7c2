//! The embedded engine: manager, carrier, store and all three kinds of workers in one process.

mod builder;
mod client;
mod error;
mod models;
mod report;
mod rows;
mod run;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use builder::Embedded;
pub use client::Client;
pub use error::EngineError;
pub use models::ModelsOf;
pub use report::{ContainerProgress, Report};
pub use rows::ResultRows;
pub use run::Run;

use task_core::manager::{Manager, StopHandle};
use task_core::message::ToManager;
use task_core::ports::objects::Objects;
use task_core::ports::recon::ReconStore;
use task_core::ports::store::Store;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::submit::submission;
use task_core::{CollectionId, Queue, Registry, Workflow};
use tokio::task::JoinSet;

/// A running engine. [`shutdown`](Self::shutdown) drains it; dropping it stops its loops at once,
/// and what runs then is dispatched again when an engine starts in the same folder. The folder
/// stays in use for as long as a [`Run`] of it lives.
#[derive(Debug)]
pub struct Engine {
    parts: Arc<Parts>,
    stop_workers: StopHandle,
    workers: JoinSet<()>,
    stop_manager: StopHandle,
    manager: JoinSet<()>,
}

/// What the engine and its runs share.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The manager, if it is in this process; else messages to it go by the carrier.
    pub(crate) manager: Option<Arc<Manager>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) recon: Option<Arc<dyn ReconStore>>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) runtime: Arc<dyn task_core::ports::runtime::Runtime>,
    pub(crate) folder: Option<PathBuf>,
    /// Kept for as long as the engine lives: the lock on its folder, or the temporary folder.
    pub(crate) _keep: builder::Keep,
}

impl Parts {
    /// Hands a message to the manager. When it is in this process, the message has been applied
    /// when this returns.
    async fn tell(&self, message: ToManager) -> Result<(), EngineError> {
        let Some(manager) = &self.manager else {
            let message = vec![Outgoing::now(message.encode())];
            let sent = self.transport.send(Queue::Manager, message).await?;
            return Ok(sent.into_iter().collect::<Result<(), _>>()?);
        };
        let handled = manager.handle(vec![message]).await?;
        if let Some((_, why)) = handled.deferred.into_iter().next() {
            return Err(EngineError::Unavailable(why));
        }
        match handled.refused.into_iter().next() {
            Some((_, reason)) => Err(EngineError::Refused(reason)),
            None => Ok(()),
        }
    }

    async fn submit(&self, workflow: Workflow) -> Result<CollectionId, EngineError> {
        let (id, message) = submission(
            workflow,
            Some(&self.registry),
            self.transport.limits().message_bytes,
            Some(&*self.objects),
            &*self.runtime,
        )
        .await?;
        self.tell(message).await?;
        Ok(id)
    }

    /// Whether the store knows the run.
    async fn knows(&self, id: CollectionId) -> Result<bool, EngineError> {
        Ok(self.store.collection(id).await?.is_some())
    }
}

/// The newest `limit` runs, newest first, with the names of their workflows.
async fn runs(parts: &Arc<Parts>, limit: usize) -> Result<Vec<(String, Run)>, EngineError> {
    let rows = parts.store.collections(limit).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, Run::new(Arc::clone(parts), row.id)))
        .collect())
}

impl Engine {
    /// An engine for the definitions of `registry`, in this process, with nothing installed.
    /// See [`Embedded`] for what can be chosen.
    pub fn embedded(registry: Registry) -> Embedded {
        Embedded::new(registry)
    }

    /// Submits a workflow. When this returns, it has been accepted and, in a durable engine,
    /// survives a crash.
    ///
    /// # Errors
    ///
    /// [`EngineError::Submit`] if the workflow is not sound; nothing has been submitted then.
    pub async fn submit(&self, workflow: Workflow) -> Result<Run, EngineError> {
        let id = self.parts.submit(workflow).await?;
        Ok(Run::new(Arc::clone(&self.parts), id))
    }

    /// A run that was submitted before, perhaps before a restart.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownRun`] if the store has no such collection.
    pub async fn run(&self, id: CollectionId) -> Result<Run, EngineError> {
        if self.parts.knows(id).await? {
            Ok(Run::new(Arc::clone(&self.parts), id))
        } else {
            Err(EngineError::UnknownRun(id))
        }
    }

    /// The newest `limit` runs, newest first, with the names of their workflows.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`] if the store fails.
    pub async fn runs(&self, limit: usize) -> Result<Vec<(String, Run)>, EngineError> {
        runs(&self.parts, limit).await
    }

    /// The folder that holds the engine's state; `None` in memory.
    pub fn folder(&self) -> Option<&Path> {
        self.parts.folder.as_deref()
    }

    /// The object store, for files that tasks share.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        &self.parts.objects
    }

    /// Stops in good order: nothing new is started, running tasks are told to stop and have the
    /// grace period to end, what they report is still stored. Unfinished runs go on when an
    /// engine is started in the same folder.
    pub async fn shutdown(mut self) {
        let drained = async {
            // The manager stays until the last worker has said its last word.
            self.stop_workers.stop();
            while self.workers.join_next().await.is_some() {}
            self.stop_manager.stop();
            while self.manager.join_next().await.is_some() {}
        };
        // The loops keep to the grace period themselves; this is for a store that hangs.
        if tokio::time::timeout(Duration::from_secs(60), drained)
            .await
            .is_err()
        {
            tracing::error!("the engine did not drain within a minute; stopping it hard");
        }
    }
}
