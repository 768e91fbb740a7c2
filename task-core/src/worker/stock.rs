//! The stock worker: runs registered definitions.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use serde_json::value::RawValue;

use super::{Completion, Control, Worker};
use crate::envelope::DispatchTask;
use crate::manager::MAX_ERROR_BYTES;
use crate::message::Outcome;
use crate::payload::{Payload, PayloadError, result_prefix};
use crate::ports::data::DataStore;
use crate::ports::objects::Objects;
use crate::ports::recon::ReconStore;
use crate::ports::runtime::Runtime;
use crate::ports::transport::{ParkReason, Transport};
use crate::task::{Attempt, Host, Registry, Resources, Resume, TaskError};

/// Runs the definitions of a registry.
///
/// An External worker gets no data store, and its registry (`registry![External: …]`) holds no
/// task that would ask for one.
#[derive(Debug)]
pub struct StockWorker {
    registry: Registry,
    host: Arc<Host>,
}

/// Largest payload, row or cursor that is read, in bytes, unless a worker is told otherwise.
const DEFAULT_PAYLOAD_LIMIT: u64 = 256 << 20;

impl StockWorker {
    /// A worker for the definitions of `registry`. It sends children to `transport`.
    pub fn new<K>(
        registry: Registry<K>,
        transport: Arc<dyn Transport>,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        let host = Host {
            runtime,
            transport,
            objects: None,
            data: None,
            recon: None,
            resources: Arc::default(),
            payload_limit: DEFAULT_PAYLOAD_LIMIT,
        };
        Self {
            registry: registry.any(),
            host: Arc::new(host),
        }
    }

    /// With task data, for Internal and bare-metal workers.
    #[must_use]
    pub fn with_data(mut self, data: Arc<dyn DataStore>) -> Self {
        self.host_mut().data = Some(data);
        self
    }

    /// With recon data, for Internal and bare-metal workers.
    #[must_use]
    pub fn with_recon(mut self, recon: Arc<dyn ReconStore>) -> Self {
        self.host_mut().recon = Some(recon);
        self
    }

    /// With an object store, for payloads and outputs over the carrier's limit.
    #[must_use]
    pub fn with_objects(mut self, objects: Arc<dyn Objects>) -> Self {
        self.host_mut().objects = Some(objects);
        self
    }

    /// With what was set up for all tasks.
    #[must_use]
    pub fn with_resources(mut self, resources: Arc<Resources>) -> Self {
        self.host_mut().resources = resources;
        self
    }

    /// The largest payload, row or cursor that is read, in bytes. Default: 256 MiB.
    #[must_use]
    pub fn payload_limit(mut self, bytes: u64) -> Self {
        self.host_mut().payload_limit = bytes;
        self
    }

    fn host_mut(&mut self) -> &mut Host {
        Arc::make_mut(&mut self.host)
    }

    async fn attempt(
        &self,
        task: DispatchTask,
        control: Control,
        run: crate::task::RunFn,
    ) -> Completion {
        let attempt = Attempt::new(
            task,
            Arc::clone(&self.host),
            control.stop_at,
            control.cancelled,
            control.progress,
        );
        let attempt = match attempt {
            Ok(attempt) => Arc::new(attempt),
            Err(error) => {
                return Completion::bare(Outcome::Fatal {
                    error: format!("the cursor: {error}"),
                });
            }
        };
        let started = self.host.runtime.now();
        let result = match AssertUnwindSafe(run(Arc::clone(&attempt)))
            .catch_unwind()
            .await
        {
            Ok(result) => result,
            Err(panic) => Err(TaskError::Fatal(panic_text(&*panic))),
        };
        let (outcome, data) = match conclude(&attempt, result).await {
            Ok(ended) => ended,
            Err(error) => (outcome(error), None),
        };
        let counts = matches!(
            outcome,
            Outcome::Succeeded { .. } | Outcome::Deadline { .. }
        );
        let coverage = if counts {
            attempt
                .coverage
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        } else {
            crate::ledger::Coverage::new()
        };
        let mut usage = *attempt.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = self.host.runtime.now().since(started).as_millis();
        usage.wall_ms = u64::try_from(elapsed).unwrap_or(u64::MAX);
        Completion {
            outcome,
            data,
            coverage,
            usage,
        }
    }
}

#[async_trait]
impl Worker for StockWorker {
    async fn run(&self, task: DispatchTask, control: Control) -> Result<Completion, ParkReason> {
        let Some(known) = self.registry.get(&task.kind) else {
            return Err(ParkReason::UnknownKind(task.kind));
        };
        if task.kind_version > known.version {
            return Err(ParkReason::NewerVersion {
                kind: task.kind,
                found: task.kind_version,
                known: known.version,
            });
        }
        Ok(self.attempt(task, control, known.run).await)
    }
}

/// What is left to do when the task has returned: rows, children, output.
async fn conclude(
    attempt: &Arc<Attempt>,
    result: Result<Payload, TaskError>,
) -> Result<(Outcome, Option<Payload>), TaskError> {
    use std::sync::atomic::Ordering::Relaxed;

    let output = match result {
        Ok(output) => Some(output),
        Err(TaskError::Deadline(cursor)) => return hand_back(attempt, &cursor, None).await,
        Err(TaskError::Pause { cursor, after }) => {
            return hand_back(attempt, &cursor, Some(after)).await;
        }
        Err(error) => return Err(error),
    };
    flush(attempt).await?;
    let generates = attempt.generates.load(Relaxed);
    let children = if generates {
        Some(attempt.children.lock().await.next)
    } else {
        None
    };
    let wrote = attempt.wrote.load(Relaxed);
    let data = match output.filter(|output| !wrote && !output.is_null()) {
        Some(output) => {
            let limit = attempt.host.transport.limits().message_bytes / 2;
            let task = &attempt.task;
            let key = || {
                let prefix = result_prefix(task.collection_id, task.task_id);
                format!("{prefix}{}", task.attempt)
            };
            Some(output.check_in(limit, key, attempt.objects()).await?)
        }
        None => None,
    };
    Ok((Outcome::Succeeded { children }, data))
}

/// What an attempt that will be continued leaves behind.
async fn hand_back(
    attempt: &Arc<Attempt>,
    cursor: &Payload,
    after: Option<Duration>,
) -> Result<(Outcome, Option<Payload>), TaskError> {
    flush(attempt).await?;
    let outcome = Outcome::Deadline {
        cursor: resume(attempt, cursor).await?,
        after_ms: after.map(whole_ms),
    };
    Ok((outcome, None))
}

/// Sends what is buffered: rows to the store, children to the manager.
async fn flush(attempt: &Arc<Attempt>) -> Result<(), TaskError> {
    attempt.rows.lock().await.finish(attempt).await?;
    crate::task::Children::of(Arc::clone(attempt)).flush().await
}

/// The task's cursor, with how far its rows and children are.
async fn resume(attempt: &Attempt, cursor: &Payload) -> Result<Payload, TaskError> {
    let Payload::Inline(at) = cursor else {
        return Err(TaskError::fatal("a cursor must be inline"));
    };
    let rows = attempt.rows.lock().await.next;
    let children = attempt.children.lock().await.next;
    if let Some(given) = &attempt.task.cursor {
        let old: Resume = given.decode()?;
        // The same place: the manager is to see that nothing moved.
        if (old.rows, old.children, old.at.get()) == (rows, children, at.get()) {
            return Ok(given.clone());
        }
    }
    let resume = Payload::encode(&Resume {
        rows,
        children,
        course: attempt.course.clone(),
        at: RawValue::to_owned(at),
    })?;
    let limit = attempt.host.transport.limits().message_bytes / 4;
    if resume.inline_len() > limit {
        let (len, limit) = (resume.inline_len() as u64, limit as u64);
        return Err(PayloadError::TooLarge { len, limit }.into());
    }
    Ok(resume)
}

fn outcome(error: TaskError) -> Outcome {
    match error {
        TaskError::Retry { error, after } => Outcome::Retry {
            error: shorten(error),
            after_ms: after.map(whole_ms),
        },
        TaskError::Fatal(error) => Outcome::Fatal {
            error: shorten(error),
        },
        TaskError::OutOfScope(error) => Outcome::OutOfScope {
            error: shorten(error),
        },
        TaskError::Cancelled => Outcome::Cancelled,
        // `conclude` has taken these; what comes here is why it could not.
        TaskError::Deadline(_) | TaskError::Pause { .. } => Outcome::Fatal {
            error: "the cursor was not handed back".to_owned(),
        },
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// At most as long as the manager stores, cut between characters.
fn shorten(mut text: String) -> String {
    if text.len() > MAX_ERROR_BYTES {
        let mut end = MAX_ERROR_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_owned());
    format!("the task panicked: {text}")
}
