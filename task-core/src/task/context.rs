//! What a running task may use.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::cancel::Cancelled;
use super::error::TaskError;
use super::progress::Progress;
use super::queue::{Children, ChildrenState};
use super::recon::Recon;
use super::resources::Resources;
use super::task_data::{RowBuffer, TaskData};
use crate::envelope::DispatchTask;
use crate::id::{CollectionId, TaskId};
use crate::ledger::{Coverage, Usage};
use crate::payload::{Claim, Payload, PayloadError};
use crate::ports::data::{DataStore, Writer};
use crate::ports::objects::Objects;
use crate::ports::recon::ReconStore;
use crate::ports::runtime::Runtime;
use crate::ports::transport::Transport;
use crate::requirements::{DeclaresQueue, DeclaresRawSockets, DeclaresReconData, DeclaresTaskData};
use crate::time::Timestamp;

/// What one attempt at a task may use, opened by what the task declares.
///
/// `R` is the set of requirements: [`task_data`](Self::task_data), [`recon`](Self::recon),
/// [`queue`](Self::queue) and [`raw_sockets`](Self::raw_sockets) exist only where `R` names them.
/// Cheap to clone.
pub struct TaskContext<R> {
    attempt: Arc<Attempt>,
    requires: PhantomData<fn() -> R>,
}

/// The right to send and receive raw packets, as a value that scanners ask for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RawSockets;

/// What a worker lends to every attempt that it runs.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) objects: Option<Arc<dyn Objects>>,
    pub(crate) data: Option<Arc<dyn DataStore>>,
    pub(crate) recon: Option<Arc<dyn ReconStore>>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) payload_limit: u64,
}

/// One attempt: its envelope, its host, and what it has produced so far.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) task: DispatchTask,
    pub(crate) host: Arc<Host>,
    /// See [`Observer::course`](crate::recon::Observer).
    pub(crate) course: Vec<u32>,
    pub(crate) stop_at: Option<Timestamp>,
    pub(crate) cancelled: Cancelled,
    pub(crate) progress: Progress,
    pub(crate) coverage: Mutex<Coverage>,
    pub(crate) usage: Mutex<Usage>,
    pub(crate) children: tokio::sync::Mutex<ChildrenState>,
    pub(crate) generates: AtomicBool,
    pub(crate) rows: tokio::sync::Mutex<RowBuffer>,
    pub(crate) wrote: AtomicBool,
}

/// A cursor as it travels: where the task wants to go on, and how far its rows and children are.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Resume {
    pub(crate) rows: u32,
    pub(crate) children: u32,
    /// The runs that have led here, each from the cursor of the one before it.
    #[serde(default)]
    pub(crate) course: Vec<u32>,
    pub(crate) at: Box<RawValue>,
}

impl Attempt {
    pub(crate) fn new(
        task: DispatchTask,
        host: Arc<Host>,
        stop_at: Option<Timestamp>,
        cancelled: Cancelled,
        progress: Progress,
    ) -> Result<Self, PayloadError> {
        let resume = task
            .cursor
            .as_ref()
            .map(Payload::decode::<Resume>)
            .transpose()?;
        let (rows, children, mut course) = resume.map_or((0, 0, Vec::new()), |resume| {
            (resume.rows, resume.children, resume.course)
        });
        course.push(host.runtime.random() as u32);
        Ok(Self {
            task,
            host,
            course,
            stop_at,
            cancelled,
            progress,
            coverage: Mutex::default(),
            usage: Mutex::default(),
            children: tokio::sync::Mutex::new(ChildrenState::starting_at(children)),
            generates: AtomicBool::new(children > 0),
            rows: tokio::sync::Mutex::new(RowBuffer::starting_at(rows)),
            wrote: AtomicBool::new(rows > 0),
        })
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer {
            collection: self.task.collection_id,
            container: self.task.parent_id,
            task: self.task.task_id,
            attempt: self.task.attempt,
        }
    }

    pub(crate) fn objects(&self) -> Option<&dyn Objects> {
        self.host.objects.as_deref()
    }
}

impl<R> TaskContext<R> {
    pub(crate) fn new(attempt: Arc<Attempt>) -> Self {
        Self {
            attempt,
            requires: PhantomData,
        }
    }

    /// The task that runs.
    pub fn task_id(&self) -> TaskId {
        self.attempt.task.task_id
    }

    /// The collection it belongs to.
    pub fn collection_id(&self) -> CollectionId {
        self.attempt.task.collection_id
    }

    /// Its place in its container; for a generated child, the ordinal its generator gave it.
    pub fn ordinal(&self) -> u32 {
        self.attempt.task.ordinal
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt.task.attempt
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.attempt.host.runtime.now()
    }

    /// Waits, on the engine's clock, so that it takes no time in a simulation.
    pub async fn sleep(&self, duration: Duration) {
        self.attempt.host.runtime.sleep(duration).await;
    }

    /// The time left before the attempt is stopped, if there is a limit: the task's own deadline,
    /// or the worker's (a Lambda that is about to end). With little left, return
    /// [`TaskError::deadline`].
    pub fn remaining(&self) -> Option<Duration> {
        self.attempt.stop_at.map(|at| at.since(self.now()))
    }

    /// Where the last attempt stopped, if it returned [`TaskError::deadline`].
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if it is not a `T`.
    pub fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, TaskError> {
        let Some(cursor) = &self.attempt.task.cursor else {
            return Ok(None);
        };
        let resume: Resume = cursor.decode()?;
        Ok(Some(serde_json::from_str(resume.at.get())?))
    }

    /// Completes when the task should stop now: its collection was cancelled, or the worker cannot
    /// wait any longer. Return [`TaskError::Cancelled`].
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.attempt.cancelled.clone().cancelled()
    }

    /// Whether the task should stop now.
    pub fn is_cancelled(&self) -> bool {
        self.attempt.cancelled.is_cancelled()
    }

    /// Completes when the worker is leaving: what can go on elsewhere should hand back a cursor
    /// with [`TaskError::deadline`] soon. Completes as well when the task should stop.
    pub fn leaving(&self) -> impl Future<Output = ()> + Send + 'static {
        self.attempt.cancelled.clone().leaving()
    }

    /// Whether the worker is leaving.
    pub fn is_leaving(&self) -> bool {
        self.attempt.cancelled.is_leaving()
    }

    /// Shows that work goes on; extends the lease. Creating children, writing rows, reading pages
    /// and counting coverage do so by themselves.
    pub fn checkpoint(&self) {
        self.attempt.progress.checkpoint();
    }

    /// A handle on this attempt's progress, for callbacks.
    pub fn progress(&self) -> Progress {
        self.attempt.progress.clone()
    }

    /// Counts `n` of the task's targets under the outcome `class`. Counted once, when the attempt
    /// completes or hands back a cursor; a failed attempt's counts are dropped.
    pub fn cover(&self, class: impl Into<std::borrow::Cow<'static, str>>, n: u64) {
        self.checkpoint();
        self.attempt
            .coverage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(class, n);
    }

    /// Reports bytes received from and sent to the network, for the bill.
    pub fn meter(&self, bytes_in: u64, bytes_out: u64) {
        let used = Usage {
            wall_ms: 0,
            bytes_in,
            bytes_out,
        };
        self.attempt
            .usage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .merge(&used);
    }

    /// The scope document of the collection, fetched and verified, or `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if it cannot be fetched or is not what was submitted.
    pub async fn scope(&self) -> Result<Option<bytes::Bytes>, TaskError> {
        match (&self.attempt.task.scope, self.attempt.objects()) {
            (None, _) => Ok(None),
            (Some(claim), Some(objects)) => Ok(Some(claim.fetch(objects).await?)),
            (Some(claim), None) => Err(PayloadError::NoObjectStore { len: claim.len }.into()),
        }
    }

    /// The claim on the scope document: its hash names it in caches.
    pub fn scope_claim(&self) -> Option<&Claim> {
        self.attempt.task.scope.as_ref()
    }

    /// What the worker set up once, shared by all its tasks.
    pub fn resources(&self) -> &Resources {
        &self.attempt.host.resources
    }

    /// The object store, for results that are files. `None` if the worker has none.
    pub fn objects(&self) -> Option<&Arc<dyn Objects>> {
        self.attempt.host.objects.as_ref()
    }

    /// Task data and collection data. Exists only where `TaskDataAccess` is declared.
    pub fn task_data(&self) -> TaskData
    where
        R: DeclaresTaskData,
    {
        TaskData::new(Arc::clone(&self.attempt))
    }

    /// The recon tables. Exists only where `ReconDataAccess` is declared.
    pub fn recon(&self) -> Recon
    where
        R: DeclaresReconData,
    {
        Recon::new(Arc::clone(&self.attempt))
    }

    /// The children of this generator. Exists only where `QueueAccess` is declared.
    pub fn queue(&self) -> Children
    where
        R: DeclaresQueue,
    {
        self.attempt.generates.store(true, Ordering::Relaxed);
        Children::of(Arc::clone(&self.attempt))
    }

    /// The right to use raw sockets. Exists only where `RawSocketAccess` is declared.
    pub fn raw_sockets(&self) -> RawSockets
    where
        R: DeclaresRawSockets,
    {
        RawSockets
    }
}

impl<R> Clone for TaskContext<R> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.attempt))
    }
}

impl<R> fmt::Debug for TaskContext<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext")
            .field("task", &self.attempt.task.task_id)
            .field("kind", &self.attempt.task.kind)
            .field("attempt", &self.attempt.task.attempt)
            .finish_non_exhaustive()
    }
}
