//! What submits to managers elsewhere, and follows what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use task_core::ports::objects::Objects;
use task_core::ports::runtime::TokioRuntime;
use task_core::ports::store::Store;
use task_core::ports::transport::Transport;
use task_core::{CollectionId, Registry, Workflow};

use super::builder::Keep;
use super::{EngineError, Parts, Run, runs};

/// The client of a deployment: submits by its carrier, and reads its store. Runs nothing itself.
///
/// It takes the right to send to the manager, to read the store as a manager may, and to read and
/// write objects. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    parts: Arc<Parts>,
    patience: Duration,
}

impl Client {
    /// A client of the deployment with these parts. `registry` has what workflows are checked
    /// against before they are sent; it should be that of the managers.
    ///
    /// Must be used inside of a tokio runtime.
    pub fn new(
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        objects: Arc<dyn Objects>,
        registry: Registry,
    ) -> Self {
        let parts = Parts {
            manager: None,
            store,
            recon: None,
            transport,
            objects,
            registry: Arc::new(registry),
            runtime: Arc::new(TokioRuntime::new()),
            folder: None,
            _keep: Keep::Nothing,
        };
        Self {
            parts: Arc::new(parts),
            patience: Duration::from_secs(60),
        }
    }

    /// How long [`submit`](Self::submit) waits for a manager. Default: 60 s, which is enough for
    /// functions that start.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Submits a workflow, and waits until a manager has taken it on: when this returns, it is in
    /// the store.
    ///
    /// # Errors
    ///
    /// [`EngineError::Submit`] if the workflow is not sound, [`EngineError::Carrier`] if it cannot
    /// be sent; nothing has been submitted then. [`EngineError::NotAccepted`] if no manager takes
    /// it on in time.
    pub async fn submit(&self, workflow: Workflow) -> Result<Run, EngineError> {
        let parts = &self.parts;
        let id = parts.submit(workflow).await?;
        let sent = parts.runtime.now();
        let mut pause = Duration::from_millis(20);
        while !parts.knows(id).await? {
            if parts.runtime.now().since(sent) >= self.patience {
                let waited = self.patience;
                return Err(EngineError::NotAccepted { id, waited });
            }
            parts.runtime.sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        Ok(Run::new(Arc::clone(parts), id))
    }

    /// A run that was submitted before, by whoever it was.
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

    /// The object store, for files that tasks share.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        &self.parts.objects
    }

    /// The carrier, to look at dead letters and to send them again.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.parts.transport
    }
}
