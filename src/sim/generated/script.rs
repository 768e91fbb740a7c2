//! What a generated task does in its attempts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{Child, Limits, RetryPolicy, TaskContext, TaskDefinition, TaskError};

use crate::sim::dice::{Dice, hash, hash_bytes};
use crate::sim::watch::Watch;

/// A task's life, written down beforehand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Script {
    /// What its rows carry.
    pub(super) key: u64,
    pub(super) targets: u64,
    /// Steps, each of which ends with a checkpoint.
    pub(super) steps: u32,
    pub(super) step_ms: u64,
    /// The first attempts that fail.
    pub(super) fails: u32,
    /// Attempts that fail do so because nothing is heard of them, until the worker ends them.
    pub(super) stalls: bool,
    /// Hands back a cursor half-way, once, although nobody asks for it.
    pub(super) pauses: bool,
    /// Does not hear that its worker leaves or is short of time; only that it must stop.
    pub(super) stubborn: bool,
    /// Returns more than a message can carry, or leaves behind more rows when it fails than when
    /// it does not.
    pub(super) sprawls: bool,
    /// The scope that it must find, by its hash.
    pub(super) scope: Option<u64>,
    pub(super) end: End,
    /// Rows that it writes, if it writes them itself.
    pub(super) rows: u32,
}

/// How the last attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    Fine,
    Fatal,
    Panic,
    OutOfScope,
    /// Fine, but with one target more than it stands for.
    Overcounted,
}

/// A row of any generated task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) key: u64,
    pub(super) seq: u32,
}

impl Row {
    /// Adds up to something that tells sets of rows apart.
    pub(super) fn weight(self) -> u64 {
        hash(&[self.key, self.seq.into()])
    }
}

/// The limits of generated tasks: short, so that what is lost is missed soon. Most tasks have
/// another limit for the queue, which knows how much stands in it.
pub(super) const LIMITS: Limits = Limits {
    queued: QUEUED,
    running: Duration::from_secs(15),
    total: None,
};

/// The shortest time for which a generated task may wait in a queue.
pub(super) const QUEUED: Duration = Duration::from_secs(60);

/// How often a generated task may fail, at most.
pub(super) const MOST_FAILURES: u32 = 6;

/// For how long nothing is heard of an attempt that stalls, unless it is ended.
const STALL: Duration = Duration::from_secs(1800);

/// What an attempt takes besides its steps, at most: ways to the store and to the carrier.
pub(super) const AROUND: Duration = Duration::from_millis(500);

impl Script {
    pub(super) fn random(dice: &mut Dice) -> Self {
        // Most tasks are short; a few outlive their lease, which their checkpoints extend.
        let (steps, step_ms) = match dice.below(80) {
            0 => (dice.between(30, 60) as u32, dice.between(3000, 4500)),
            1..=3 => (dice.between(5, 20) as u32, dice.between(2000, 4500)),
            4..=24 => (dice.between(2, 6) as u32, dice.between(100, 1500)),
            _ => (1, dice.between(1, 300)),
        };
        Self {
            key: dice.roll(),
            targets: dice.below(4) * dice.below(30),
            steps,
            step_ms,
            fails: match dice.below(96) {
                0..=7 => 1,
                8..=15 => 2,
                // As often as any policy allows.
                16 => MOST_FAILURES,
                _ => 0,
            },
            stalls: dice.below(6) == 0,
            pauses: dice.below(12) == 0,
            stubborn: dice.below(6) == 0,
            sprawls: dice.below(30) == 0,
            scope: None,
            end: match dice.below(120) {
                0 => End::Fatal,
                1 => End::Panic,
                2 => End::OutOfScope,
                3 => End::Overcounted,
                _ => End::Fine,
            },
            // A few write more than a page.
            rows: match dice.below(80) {
                0 => dice.between(250, 600) as u32,
                _ => dice.between(1, 12) as u32,
            },
        }
    }

    /// Its place in a workflow, with options.
    pub(super) fn child<T: TaskDefinition>(task: T, queued: Duration, dice: &mut Dice) -> Child<T> {
        let retry = RetryPolicy {
            max_failures: dice.between(3, u64::from(MOST_FAILURES)) as u32,
            base: Duration::from_millis(dice.between(100, 2000)),
            cap: Duration::from_secs(20),
        };
        let total = (dice.below(15) == 0).then(|| Duration::from_secs(dice.between(20, 200)));
        Child::new(task).retry(retry).limits(Limits {
            queued,
            total,
            ..LIMITS
        })
    }

    /// Goes through the steps from where an earlier attempt stopped. Returns the key of its rows,
    /// which is the script's if it found the scope that it must find.
    pub(super) async fn play<R>(&self, cx: &TaskContext<R>) -> Result<u64, TaskError> {
        let scope = cx.scope().await?.map(|document| hash_bytes(6, &document));
        let key = if scope == self.scope { self.key } else { 0 };
        let cursor: Option<u32> = cx.cursor()?;
        let first = cursor.unwrap_or(0);
        if cx.attempt() <= self.fails {
            cx.sleep(if self.stalls { STALL } else { self.step() })
                .await;
            return Err(TaskError::retry("it was written that this attempt fails"));
        }
        let watch = cx.resources().get::<Watch>();
        for step in first..self.steps {
            if let Some(watch) = &watch
                && cx.is_leaving()
                && !cx.is_cancelled()
            {
                watch.heard_leaving();
            }
            let short = cx.remaining().is_some_and(|left| left < self.step() * 2);
            let asked = !self.stubborn && (short || cx.is_leaving());
            let pause = cursor.is_none() && self.pause() == Some(step);
            if step > first && (asked || pause) {
                return Err(TaskError::deadline(&step));
            }
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            if let Some(watch) = &watch {
                watch.step(cx.collection_id());
            }
            cx.sleep(self.step()).await;
            cx.checkpoint();
            cx.cover("done", self.share(step));
        }
        match self.end {
            End::Fine => Ok(key),
            End::Overcounted => {
                cx.cover("done", 1);
                Ok(key)
            }
            End::Fatal => Err(TaskError::fatal("it was written that it fails")),
            // A panic, but one that the process's hook does not print.
            End::Panic => std::panic::resume_unwind(Box::new("it was written that it panics")),
            End::OutOfScope => Err(TaskError::OutOfScope("it was written".to_owned())),
        }
    }

    /// The step before which it hands back a cursor.
    fn pause(&self) -> Option<u32> {
        (self.pauses && self.steps > 1).then_some(self.steps / 2)
    }

    /// Attempts that it takes when nothing goes wrong, and it may fail `max_failures` times.
    pub(super) fn attempts(&self, max_failures: u32) -> u32 {
        if self.fails >= max_failures {
            return max_failures;
        }
        self.fails + 1 + u32::from(self.pause().is_some())
    }

    /// The time for which all of its attempts keep a worker busy, at most, when nothing goes
    /// wrong.
    pub(super) fn work(&self, max_failures: u32) -> Duration {
        let failed = self.fails.min(max_failures);
        let fails_in = match self.stalls {
            // The worker looks now and then.
            true => LIMITS.running * 2,
            false => self.step(),
        };
        fails_in * failed + self.step() * self.steps + AROUND * self.attempts(max_failures)
    }

    fn step(&self) -> Duration {
        Duration::from_millis(self.step_ms)
    }

    /// The targets that a step accounts for; all steps together account for all.
    fn share(&self, step: u32) -> u64 {
        self.done_before(step + 1) - self.done_before(step)
    }

    /// The targets that all steps before this one account for.
    pub(super) fn done_before(&self, step: u32) -> u64 {
        self.targets * u64::from(step) / u64::from(self.steps)
    }
}
