//! One thread, virtual time, machines that can die: what decides when anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use task_core::Timestamp;
use task_core::ports::runtime::Runtime;

use super::dice::{Dice, hash};

/// One life of a machine. A machine that comes back has another number.
pub(super) type Machine = u32;

/// The machine that never dies: it holds what belongs to nobody, such as the carrier's timers.
pub(super) const NOBODY: Machine = 0;

/// Where the clock starts: 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600_000;

/// Polls without the clock moving after which nothing will move it: the largest batches take some
/// thousands.
const MOST_POLLS: u32 = 500_000;

/// An executor. Which of the tasks that can run does run next is decided by the seed; the order
/// in which they were woken has no say, because some of tokio's primitives wake in an order that
/// differs from process to process.
pub(super) struct World {
    seed: u64,
    inner: Mutex<Inner>,
    ready: Arc<Mutex<BTreeSet<u64>>>,
}

struct Inner {
    now: u64,
    tasks: BTreeMap<u64, Task>,
    made: u64,
    timers: BTreeMap<(u64, u64), Option<Waker>>,
    asleep: u64,
    dice: Dice,
    alive: BTreeSet<Machine>,
    machines: Machine,
    doomed: BTreeSet<Machine>,
    /// Since the clock moved.
    polls: u32,
}

struct Task {
    machine: Machine,
    /// Absent while it is polled.
    future: Option<BoxFuture<'static, ()>>,
    waker: Waker,
}

type Taken = (BoxFuture<'static, ()>, Waker);

impl Task {
    fn take(&mut self) -> Option<Taken> {
        let future = self.future.take()?;
        Some((future, self.waker.clone()))
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let inner = Inner {
            now: START,
            tasks: BTreeMap::new(),
            made: 0,
            timers: BTreeMap::new(),
            asleep: 0,
            dice: Dice::new(hash(&[seed, 1])),
            alive: BTreeSet::from([NOBODY]),
            machines: NOBODY,
            doomed: BTreeSet::new(),
            polls: 0,
        };
        Arc::new(Self {
            seed,
            inner: Mutex::new(inner),
            ready: Arc::default(),
        })
    }

    /// Another machine, whose clock is wrong by `skew_ms`.
    pub(super) fn boot(self: &Arc<Self>, skew_ms: i64) -> Arc<MachineRuntime> {
        let machine = {
            let mut inner = self.lock();
            inner.machines += 1;
            let machine = inner.machines;
            inner.alive.insert(machine);
            machine
        };
        self.runtime(machine, skew_ms)
    }

    /// What a machine sees of the world.
    pub(super) fn runtime(self: &Arc<Self>, machine: Machine, skew_ms: i64) -> Arc<MachineRuntime> {
        Arc::new(MachineRuntime {
            world: Arc::clone(self),
            machine,
            skew_ms,
            dice: Mutex::new(Dice::new(hash(&[self.seed, 2, machine.into()]))),
            distance: Mutex::new(Dice::new(hash(&[self.seed, 8, machine.into()]))),
        })
    }

    /// The machine is gone when the task that runs now has been polled: nothing of it runs again.
    pub(super) fn kill(&self, machine: Machine) {
        let mut inner = self.lock();
        if inner.alive.contains(&machine) && machine != NOBODY {
            inner.doomed.insert(machine);
        }
    }

    pub(super) fn is_alive(&self, machine: Machine) -> bool {
        let inner = self.lock();
        inner.alive.contains(&machine) && !inner.doomed.contains(&machine)
    }

    /// The true time.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.lock().now)
    }

    /// Virtual time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_millis(self.lock().now - START)
    }

    pub(super) fn spawn(&self, machine: Machine, future: BoxFuture<'static, ()>) {
        let refused = {
            let mut inner = self.lock();
            if inner.alive.contains(&machine) {
                let id = inner.made;
                inner.made += 1;
                let ready = Arc::clone(&self.ready);
                let task = Task {
                    machine,
                    future: Some(future),
                    waker: Waker::from(Arc::new(Ready { id, ready })),
                };
                inner.tasks.insert(id, task);
                self.ready().insert(id);
                None
            } else {
                Some(future)
            }
        };
        // Dropped without the lock: it may own what wakes others.
        drop(refused);
    }

    /// Runs one task, or lets the clock go on to `until` at most.
    ///
    /// # Errors
    ///
    /// What is wrong with an engine in which a task panics, or which keeps itself busy without
    /// end: time stands still for as long as anything can run.
    pub(super) fn step(self: &Arc<Self>, until: Timestamp) -> Result<(), String> {
        self.reap();
        let Some((id, taken)) = self.choose()? else {
            self.wait(until);
            return Ok(());
        };
        let Some((mut future, waker)) = taken else {
            return Ok(());
        };
        let mut cx = Context::from_waker(&waker);
        // Nothing is used again of an engine that has panicked.
        let poll = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
            Ok(poll) => poll,
            Err(panic) => return Err(format!("the engine panicked: {}", text_of(&*panic))),
        };
        let ended = {
            let mut inner = self.lock();
            match inner.tasks.get_mut(&id) {
                Some(task) if poll.is_pending() => {
                    task.future = Some(future);
                    None
                }
                Some(_) => {
                    inner.tasks.remove(&id);
                    Some(future)
                }
                None => Some(future),
            }
        };
        drop(ended);
        self.reap();
        Ok(())
    }

    /// Any of those that can run, with its future, unless it has ended meanwhile.
    fn choose(&self) -> Result<Option<(u64, Option<Taken>)>, String> {
        let mut inner = self.lock();
        let id = {
            let mut ready = self.ready();
            let (Some(&low), Some(&high)) = (ready.first(), ready.last()) else {
                return Ok(None);
            };
            let from = inner.dice.between(low, high);
            let id = ready.range(from..).next().or_else(|| ready.first());
            let Some(&id) = id else { return Ok(None) };
            ready.remove(&id);
            id
        };
        inner.polls += 1;
        if inner.polls > MOST_POLLS {
            return Err(format!(
                "something is busy without end: {MOST_POLLS} steps and no time has passed"
            ));
        }
        let task = inner.tasks.get_mut(&id);
        Ok(Some((id, task.and_then(Task::take))))
    }

    fn wait(&self, until: Timestamp) {
        let woken = {
            let mut inner = self.lock();
            let next = inner.timers.first_key_value().map(|((due, _), _)| *due);
            let Some(due) = next.filter(|due| *due <= until.as_millis()) else {
                inner.now = inner.now.max(until.as_millis());
                inner.polls = 0;
                return;
            };
            if due > inner.now {
                inner.polls = 0;
            }
            inner.now = inner.now.max(due);
            let mut woken = Vec::new();
            // All that is due at this moment, so that the seed and not the timers' order decides.
            while let Some(timer) = inner.timers.first_entry().filter(|t| t.key().0 <= due) {
                woken.extend(timer.remove());
            }
            woken
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Drops all that ran on machines that were killed.
    fn reap(&self) {
        let dead: Vec<_> = {
            let mut inner = self.lock();
            let doomed = std::mem::take(&mut inner.doomed);
            if doomed.is_empty() {
                return;
            }
            inner.alive.retain(|machine| !doomed.contains(machine));
            let ids: Vec<u64> = inner
                .tasks
                .iter()
                .filter(|(_, task)| doomed.contains(&task.machine))
                .map(|(id, _)| *id)
                .collect();
            ids.into_iter()
                .filter_map(|id| {
                    self.ready().remove(&id);
                    inner.tasks.remove(&id)
                })
                .collect()
        };
        drop(dead);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

struct Ready {
    id: u64,
    ready: Arc<Mutex<BTreeSet<u64>>>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.insert(self.id);
    }
}

/// What a panic says.
fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(no message)")
}

/// The runtime of one machine: what it spawns dies with it, and its clock may be wrong.
pub(super) struct MachineRuntime {
    world: Arc<World>,
    machine: Machine,
    skew_ms: i64,
    dice: Mutex<Dice>,
    /// How long the way to the store and to the carrier is.
    distance: Mutex<Dice>,
}

impl MachineRuntime {
    pub(super) const fn machine(&self) -> Machine {
        self.machine
    }

    /// The time that a call to another machine takes, one way: up to 30 ms, often none. In between
    /// others act, and this machine may die.
    pub(super) async fn way(&self) {
        let length = {
            let mut dice = self.distance.lock().unwrap_or_else(PoisonError::into_inner);
            match dice.below(3) {
                0 => dice.between(1, 30),
                _ => 0,
            }
        };
        if length > 0 {
            self.sleep(Duration::from_millis(length)).await;
        }
    }
}

impl fmt::Debug for MachineRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineRuntime")
            .field("machine", &self.machine)
            .field("skew_ms", &self.skew_ms)
            .finish_non_exhaustive()
    }
}

impl Runtime for MachineRuntime {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.lock().now.saturating_add_signed(self.skew_ms))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut inner = self.world.lock();
        // Rounded up to the clock's millisecond: nobody wakes early.
        let length = duration
            .saturating_add(Duration::from_nanos(999_999))
            .as_millis();
        let due = inner
            .now
            .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        let id = (due, inner.asleep);
        inner.asleep += 1;
        drop(inner);
        Box::pin(Sleep {
            world: Arc::clone(&self.world),
            id,
        })
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.world.spawn(self.machine, future);
    }

    fn random(&self) -> u64 {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        dice.roll()
    }
}

struct Sleep {
    world: Arc<World>,
    id: (u64, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.world.lock();
        if inner.now >= self.id.0 {
            return Poll::Ready(());
        }
        let old = inner.timers.insert(self.id, Some(cx.waker().clone()));
        drop(inner);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.world.lock().timers.remove(&self.id);
        drop(waker);
    }
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
