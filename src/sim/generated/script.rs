//! What a generated task does in its attempts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{Child, Limits, RetryPolicy, TaskContext, TaskDefinition, TaskError};

use crate::sim::dice::{Dice, hash};

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

/// The limits of generated tasks: short, so that what is lost is missed soon.
pub(super) const LIMITS: Limits = Limits {
    queued: Duration::from_secs(3600),
    running: Duration::from_secs(15),
    total: None,
};

impl Script {
    pub(super) fn random(dice: &mut Dice) -> Self {
        // Most tasks are short; a few outlive their lease, which their checkpoints extend.
        let (steps, step_ms) = match dice.below(40) {
            0 => (dice.between(30, 60) as u32, dice.between(3000, 4500)),
            1..=2 => (dice.between(5, 12) as u32, dice.between(2000, 4500)),
            3..=12 => (dice.between(2, 6) as u32, dice.between(100, 1500)),
            _ => (1, dice.between(1, 300)),
        };
        Self {
            key: dice.roll(),
            targets: dice.below(4) * dice.below(30),
            steps,
            step_ms,
            fails: match dice.below(12) {
                0 => 1,
                1 => 2,
                _ => 0,
            },
            end: match dice.below(60) {
                0 => End::Fatal,
                1 => End::Panic,
                2 => End::OutOfScope,
                _ => End::Fine,
            },
            rows: dice.between(1, 12) as u32,
        }
    }

    /// Its place in a workflow, with options.
    pub(super) fn child<T: TaskDefinition>(task: T, dice: &mut Dice) -> Child<T> {
        let retry = RetryPolicy {
            max_failures: dice.between(3, 6) as u32,
            base: Duration::from_millis(dice.between(100, 2000)),
            cap: Duration::from_secs(20),
        };
        let total = (dice.below(15) == 0).then(|| Duration::from_secs(dice.between(20, 200)));
        Child::new(task)
            .retry(retry)
            .limits(Limits { total, ..LIMITS })
    }

    /// Goes through the steps from where an earlier attempt stopped.
    pub(super) async fn play<R>(&self, cx: &TaskContext<R>) -> Result<(), TaskError> {
        let first: u32 = cx.cursor()?.unwrap_or(0);
        if cx.attempt() <= self.fails {
            cx.sleep(self.step()).await;
            return Err(TaskError::retry("it was written that this attempt fails"));
        }
        for step in first..self.steps {
            let short = cx.remaining().is_some_and(|left| left < self.step() * 2);
            if step > first && (short || cx.is_leaving()) {
                return Err(TaskError::deadline(&step));
            }
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            cx.sleep(self.step()).await;
            cx.checkpoint();
            cx.cover("done", self.share(step));
        }
        match self.end {
            End::Fine => Ok(()),
            End::Fatal => Err(TaskError::fatal("it was written that it fails")),
            // A panic, but one that the process's hook does not print.
            End::Panic => std::panic::resume_unwind(Box::new("it was written that it panics")),
            End::OutOfScope => Err(TaskError::OutOfScope("it was written".to_owned())),
        }
    }

    fn step(&self) -> Duration {
        Duration::from_millis(self.step_ms)
    }

    /// The targets that a step accounts for; all steps together account for all.
    fn share(&self, step: u32) -> u64 {
        let until = |step: u32| self.targets * u64::from(step) / u64::from(self.steps);
        until(step + 1) - until(step)
    }
}
