//! The time of an environment that is frozen between two events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use task_core::Timestamp;
use task_core::ports::runtime::{Runtime, TokioRuntime};

/// The runtime of a function: that of tokio, but for the clock, which is the system's each time
/// it is asked.
///
/// [`TokioRuntime`] reads the system's clock once and counts from there. An environment that was
/// frozen for an hour may have counted nothing of it, and would date its messages an hour back.
/// Clones share their clock; within one process it never goes backwards.
///
/// ```
/// use sortie_transports::lambda::FunctionRuntime;
/// use task_core::ports::runtime::Runtime as _;
///
/// let runtime = FunctionRuntime::new();
/// let earlier = runtime.now();
/// assert!(earlier.as_millis() > 0 && runtime.now() >= earlier);
/// ```
#[derive(Clone, Debug, Default)]
pub struct FunctionRuntime {
    tokio: TokioRuntime,
    /// The latest time that was told, in milliseconds.
    latest: Arc<AtomicU64>,
}

impl FunctionRuntime {
    /// Must be used inside of a tokio runtime.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Runtime for FunctionRuntime {
    fn now(&self) -> Timestamp {
        let epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(epoch.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(now.max(self.latest.fetch_max(now, Relaxed)))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.tokio.sleep(duration)
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.tokio.spawn(future);
    }

    fn random(&self) -> u64 {
        self.tokio.random()
    }
}
