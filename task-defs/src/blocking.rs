//! Work that blocks or computes for long, kept away from the threads that drive futures, so that
//! the worker's heartbeat goes on beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use task_core::{Progress, TaskContext, TaskError};

/// Runs `work` on a thread where blocking is allowed. A panic in it goes on in the caller.
///
/// Without a tokio runtime it runs right here: a simulation has one thread and its own time, so
/// nobody waits for it.
///
/// It is not interrupted when the caller is dropped: long work must look for a sign itself.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TaskError> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Ok(work());
    };
    match runtime.spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(TaskError::retry(format!("the worker shuts down: {error}"))),
        },
    }
}

/// What `work` gives, unless the attempt is cancelled first. The work itself sees that by its
/// [`Sign`].
pub(crate) async fn until_cancelled<R, T>(
    cx: &TaskContext<R>,
    work: impl Future<Output = Result<T, TaskError>>,
) -> Result<T, TaskError> {
    tokio::select! {
        done = work => done,
        () = cx.cancelled() => Err(TaskError::Cancelled),
    }
}

/// Tells blocking work to stop when the attempt is dropped, which does not stop a thread.
#[derive(Default)]
pub(crate) struct Stop(pub(crate) Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What long blocking work shows and looks at.
#[derive(Clone)]
pub(crate) struct Sign {
    pub(crate) progress: Progress,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Sign {
    pub(crate) fn new(progress: Progress, stop: Arc<AtomicBool>) -> Self {
        Self { progress, stop }
    }

    /// Shows life now and then, `done` being how many entries were gone through. False if the
    /// work must stop.
    pub(crate) fn goes_on(&self, done: u64) -> bool {
        if !done.is_multiple_of(ENTRIES_PER_SIGN) {
            return true;
        }
        self.progress.checkpoint();
        !self.stop.load(Ordering::Relaxed)
    }
}

/// Entries between two signs of life.
const ENTRIES_PER_SIGN: u64 = 1024;
