//! When to try again, when to give up, and when enough is enough.

use std::hash::Hasher as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::id::TaskId;
use crate::time::millis;

/// How often a task is tried, and how long it waits between attempts.
///
/// The wait before the n-th retry is `base · 2ⁿ⁻¹`, at most `cap`, of which the second half is
/// jittered by a hash of task and attempt: spread over a fleet, yet the same in every replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Failures after which the task has failed; 1 means no retry. At least 1.
    pub max_failures: u32,
    /// The wait before the first retry.
    #[serde(with = "millis", rename = "base_ms")]
    pub base: Duration,
    /// The longest wait.
    #[serde(with = "millis", rename = "cap_ms")]
    pub cap: Duration,
}

impl RetryPolicy {
    /// Three failures, from 1 s up to a minute.
    pub const DEFAULT: Self = Self {
        max_failures: 3,
        base: Duration::from_secs(1),
        cap: Duration::from_secs(60),
    };

    /// The first failure is final.
    pub const NEVER: Self = Self {
        max_failures: 1,
        base: Duration::ZERO,
        cap: Duration::ZERO,
    };

    /// The wait before the next attempt after `failures` failures, or `None` to give up.
    pub fn next(&self, task: TaskId, failures: u32) -> Option<Duration> {
        if failures >= self.max_failures.max(1) {
            return None;
        }
        let exponent = failures.saturating_sub(1).min(31);
        let full = self.base.saturating_mul(1 << exponent).min(self.cap);
        let mut hasher = SipHasher13::new();
        hasher.write(task.as_bytes());
        hasher.write_u32(failures);
        let share = (hasher.finish() >> 40) as f64 / f64::from(1u32 << 24);
        Some(full / 2 + (full / 2).mul_f64(share))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The time limits of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long a dispatched task may wait in the queue before a worker starts it.
    #[serde(with = "millis", rename = "queued_ms")]
    pub queued: Duration,
    /// How long it may run without showing progress. Progress (a checkpoint, a child created, a
    /// row written) starts it anew.
    #[serde(with = "millis", rename = "running_ms")]
    pub running: Duration,
    /// How long it may take in all, from its first dispatch, attempts and waits included.
    #[serde(with = "millis::option", rename = "total_ms", default)]
    pub total: Option<Duration>,
}

impl Limits {
    /// A day in the queue, a minute without progress, no limit in all.
    ///
    /// The queue's limit is long because waiting is not the task's fault: a container's
    /// `max_in_flight` tasks may share few workers.
    pub const DEFAULT: Self = Self {
        queued: Duration::from_secs(24 * 3600),
        running: Duration::from_secs(60),
        total: None,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What can be set per task in a workflow; the definition's own values are the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOptions {
    /// Retries.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Time limits.
    #[serde(default)]
    pub limits: Limits,
}

impl TaskOptions {
    /// Failures that a message may ask for, at most: whoever sends it must not keep a task alive
    /// for ever.
    pub const MAX_FAILURES: u32 = 1000;

    /// These options within what a message may ask for.
    pub(crate) fn capped(mut self) -> Self {
        self.retry.max_failures = self.retry.max_failures.min(Self::MAX_FAILURES);
        self
    }
}

/// How many children must succeed for their container to be good enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enough {
    /// Every one.
    #[default]
    All,
    /// One.
    Any,
    /// At least this many.
    AtLeast(u64),
    /// At least this share of all, in thousandths: 997 is 99.7 %. At most 1000.
    PerMille(u16),
}

impl Enough {
    /// The successes that `total` children need.
    pub fn needed(self, total: u64) -> u64 {
        match self {
            Self::All => total,
            Self::Any => 1.min(total),
            Self::AtLeast(n) => n,
            Self::PerMille(share) => (total * u64::from(share)).div_ceil(1000),
        }
    }
}

/// When a container is good enough, and how long it may take.
///
/// As soon as enough children have succeeded the others are disabled. potassium-40 gave up 0.25 %
/// of its targets for speed; here that is `PerMille(997)` or a cut-off, and the ledger names what
/// was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionPolicy {
    /// How many must succeed.
    #[serde(default)]
    pub enough: Enough,
    /// Counted from the container's activation: children that are not done by then are cut off
    /// and end in `Timeout`.
    #[serde(with = "millis::option", rename = "cut_off_ms", default)]
    pub cut_off: Option<Duration>,
}

impl CompletionPolicy {
    /// Every child must succeed, whatever time it takes.
    pub const ALL: Self = Self {
        enough: Enough::All,
        cut_off: None,
    };

    /// This many must succeed.
    pub const fn enough(enough: Enough) -> Self {
        Self {
            enough,
            cut_off: None,
        }
    }

    /// With a cut-off.
    #[must_use]
    pub const fn cut_off(mut self, after: Duration) -> Self {
        self.cut_off = Some(after);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_stay_below_the_cap_and_replay(task: u128, failures in 1u32..40, base in 1u64..10_000) {
            let task = TaskId::from_uuid(Uuid::from_u128(task));
            let policy = RetryPolicy {
                max_failures: 50,
                base: Duration::from_millis(base),
                cap: Duration::from_secs(30),
            };
            let wait = policy.next(task, failures).unwrap();
            prop_assert!(wait <= policy.cap);
            prop_assert!(wait >= policy.base.min(policy.cap) / 2);
            prop_assert_eq!(policy.next(task, failures), Some(wait));
            prop_assert_eq!(policy.next(task, 50), None);
        }

        #[test]
        fn shares_round_up(total in 0u64..10_000_000, share in 0u16..=1000) {
            let needed = Enough::PerMille(share).needed(total);
            prop_assert!(needed * 1000 >= total * u64::from(share));
            prop_assert!(needed <= total);
        }
    }

    #[test]
    fn the_first_failure_is_final_without_retries() {
        assert_eq!(
            RetryPolicy::NEVER.next(TaskId::from_uuid(Uuid::nil()), 1),
            None
        );
    }
}
