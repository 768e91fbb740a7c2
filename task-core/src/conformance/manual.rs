//! Virtual time: a runtime whose clock moves when the test says so.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::ports::runtime::Runtime;
use crate::time::Timestamp;

/// A [`Runtime`] with a clock that stands still until it is [advanced](Self::advance), and dice
/// that fall as the seed wants it. Clones share clock and dice.
///
/// Made for tests on tokio's current-thread runtime: there a test runs the same way each time,
/// and hours pass in no time. Futures are spawned onto the current tokio runtime, whatever it is;
/// on a multi-threaded one, tasks may still be busy when `advance` returns.
///
/// ```
/// # use std::time::Duration;
/// # use sortie_task_core::{conformance::ManualRuntime, ports::runtime::Runtime};
/// # let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # tokio.block_on(async {
/// let runtime = ManualRuntime::new(7);
/// let (start, sleeper) = (runtime.now(), runtime.clone());
/// let (rang, mut heard) = tokio::sync::oneshot::channel();
/// runtime.spawn(Box::pin(async move {
///     sleeper.sleep(Duration::from_secs(3600)).await;
///     let _ = rang.send(sleeper.now());
/// }));
/// runtime.advance(Duration::from_secs(3599)).await;
/// assert!(heard.try_recv().is_err());
/// runtime.advance(Duration::from_secs(10)).await;
/// assert_eq!(heard.try_recv(), Ok(start.after(Duration::from_secs(3600))));
/// # });
/// ```
#[derive(Clone)]
pub struct ManualRuntime {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Mutex<Clock>,
    dice: AtomicU64,
    /// Counts whatever tasks do with the runtime; when it stands still, so do they.
    activity: AtomicU64,
}

struct Clock {
    now: Timestamp,
    sleepers: BTreeMap<SleeperId, Option<Waker>>,
    asleep: u64,
}

/// When a sleeper wakes, and the place in the row of those who wake then.
type SleeperId = (Timestamp, u64);

/// Where the clock starts: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Rounds without activity after which tasks are taken to be idle. In each, tokio's
/// current-thread runtime polls up to 61 tasks, so it is enough for chains of this many wake-ups
/// that never touch the runtime.
const QUIET_ROUNDS: u32 = 64;

/// Rounds after which even busy tasks are left alone: they may be waiting for time to pass.
const MAX_ROUNDS: u32 = 1 << 18;

impl ManualRuntime {
    /// A clock at 2026-01-01T00:00:00Z and dice with this seed.
    pub fn new(seed: u64) -> Self {
        let clock = Clock {
            now: START,
            sleepers: BTreeMap::new(),
            asleep: 0,
        };
        let shared = Shared {
            clock: Mutex::new(clock),
            dice: AtomicU64::new(seed),
            activity: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Lets `duration` pass. Sleepers wake in order, each at its own moment, and all tasks run
    /// until they are idle before the clock moves on.
    pub async fn advance(&self, duration: Duration) {
        let target = end_of(self.shared.clock().now, duration);
        self.settle().await;
        while let Some(waker) = self.shared.next_sleeper(target) {
            if let Some(waker) = waker {
                waker.wake();
            }
            self.settle().await;
        }
        let mut clock = self.shared.clock();
        clock.now = clock.now.max(target);
    }

    /// Lets tasks run until they are idle; no time passes.
    pub async fn settle(&self) {
        let mut quiet = 0;
        let mut seen = self.shared.activity.load(Ordering::Relaxed);
        for _ in 0..MAX_ROUNDS {
            yield_now().await;
            let activity = self.shared.activity.load(Ordering::Relaxed);
            quiet = if activity == seen { quiet + 1 } else { 0 };
            seen = activity;
            if quiet == QUIET_ROUNDS {
                return;
            }
        }
    }

    /// When the next sleeper wakes, if anybody sleeps.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.shared
            .clock()
            .sleepers
            .keys()
            .next()
            .map(|(due, _)| *due)
    }
}

impl Runtime for ManualRuntime {
    fn now(&self) -> Timestamp {
        self.shared.note();
        self.shared.clock().now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.shared.note();
        let mut clock = self.shared.clock();
        let id = (end_of(clock.now, duration), clock.asleep);
        clock.asleep += 1;
        if id.0 > clock.now {
            clock.sleepers.insert(id, None);
        }
        Box::pin(Sleep {
            shared: Arc::clone(&self.shared),
            id,
        })
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        drop(tokio::spawn(Watched {
            shared: Arc::clone(&self.shared),
            future,
        }));
    }

    /// SplitMix64.
    fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        self.shared.note();
        let mut z = self
            .shared
            .dice
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl fmt::Debug for ManualRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = self.shared.clock();
        f.debug_struct("ManualRuntime")
            .field("now", &clock.now)
            .field("sleepers", &clock.sleepers.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        self.activity.fetch_add(1, Ordering::Relaxed);
    }

    /// Moves the clock to the earliest sleeper that wakes up to `target`, and takes its waker
    /// (none if it was never polled).
    fn next_sleeper(&self, target: Timestamp) -> Option<Option<Waker>> {
        let mut clock = self.clock();
        let (&(due, _), _) = clock
            .sleepers
            .first_key_value()
            .filter(|(id, _)| id.0 <= target)?;
        clock.now = clock.now.max(due);
        clock.sleepers.pop_first().map(|(_, waker)| waker)
    }
}

struct Sleep {
    shared: Arc<Shared>,
    id: SleeperId,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut clock = self.shared.clock();
        if clock.now >= self.id.0 {
            return Poll::Ready(());
        }
        let old = clock.sleepers.insert(self.id, Some(cx.waker().clone()));
        // A waker may own the last handle on a task that owns sleepers: never drop it locked.
        drop(clock);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.shared.clock().sleepers.remove(&self.id);
        drop(waker);
    }
}

/// A spawned future whose polls are noted.
struct Watched {
    shared: Arc<Shared>,
    future: BoxFuture<'static, ()>,
}

impl Future for Watched {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.note();
        self.future.as_mut().poll(cx)
    }
}

/// Goes to the end of the row of those who want to run.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The moment `duration` from now, rounded up to the clock's millisecond: nobody wakes early.
fn end_of(now: Timestamp, duration: Duration) -> Timestamp {
    now.after(duration.saturating_add(Duration::from_nanos(999_999)))
}
