//! Time, randomness and spawning: what decides when and how things run.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::time::Timestamp;

/// The clock, the dice and the spawner.
///
/// Nothing in the engine asks the operating system for any of the three, so a simulator that
/// implements this trait controls a run completely.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// The present moment. Never goes backwards within one process.
    fn now(&self) -> Timestamp;

    /// Completes no earlier than `duration` from now; cancel it by dropping it.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs a future to its end, independent of the caller.
    fn spawn(&self, future: BoxFuture<'static, ()>);

    /// 64 random bits. Need not be fit for secrets.
    fn random(&self) -> u64;
}

/// The runtime of real life: the system's clock and tokio's timers and tasks.
///
/// Must be used inside of a tokio runtime.
#[cfg(feature = "tokio-runtime")]
#[derive(Clone, Copy, Debug)]
pub struct TokioRuntime {
    started: std::time::Instant,
    epoch: Timestamp,
}

#[cfg(feature = "tokio-runtime")]
impl TokioRuntime {
    /// Reads the system's clock once; from then on time is monotonic.
    pub fn new() -> Self {
        let epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: std::time::Instant::now(),
            epoch: Timestamp::from_millis(u64::try_from(epoch.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[cfg(feature = "tokio-runtime")]
impl Default for TokioRuntime {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "tokio-runtime")]
impl Runtime for TokioRuntime {
    fn now(&self) -> Timestamp {
        self.epoch.after(self.started.elapsed())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        drop(tokio::spawn(future));
    }

    fn random(&self) -> u64 {
        // The standard library's hasher is keyed by the operating system once per thread, and
        // with another key each time: enough for ids and fences, without another crate.
        std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), self.started.elapsed())
    }
}
