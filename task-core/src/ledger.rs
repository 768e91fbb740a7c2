//! The coverage ledger: what became of every target.
//!
//! A task says how many targets it stands for ([`TaskDefinition::targets`]); each of them ends in
//! exactly one outcome class. The manager adds the counts up as completions are applied, once
//! each, and books the targets of a task that never completed under the reason. What is then
//! missing is *unaccounted*, and must be zero when a collection is over.
//!
//! [`TaskDefinition::targets`]: crate::TaskDefinition::targets

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of targets by outcome class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage(BTreeMap<Cow<'static, str>, u64>);

/// The class of targets whose task failed for good.
pub const DROPPED_FAILED: &str = "dropped_failed";
/// The class of targets whose task ran out of time or was cut off.
pub const DROPPED_TIMEOUT: &str = "dropped_timeout";
/// The class of targets whose task was cancelled or not needed any more.
pub const DROPPED_DISABLED: &str = "dropped_disabled";

impl Coverage {
    /// Longest class name that is accepted from a worker, in bytes.
    pub const MAX_CLASS_BYTES: usize = 64;
    /// Most classes that are accepted from one completion.
    pub const MAX_CLASSES: usize = 64;

    /// Nothing counted yet.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Most classes that a container keeps; what comes in further ones is counted as
    /// [`OTHER`](Self::OTHER), so that no worker can make its row grow without bound.
    pub const MAX_KEPT: usize = 256;
    /// The class of targets whose own class is one too many.
    pub const OTHER: &'static str = "other";

    /// Counts `n` more targets in `class`.
    pub fn add(&mut self, class: impl Into<Cow<'static, str>>, n: u64) {
        if n == 0 {
            return;
        }
        let mut class = class.into();
        if self.0.len() >= Self::MAX_KEPT && !self.0.contains_key(&class) {
            class = Cow::Borrowed(Self::OTHER);
        }
        let count = self.0.entry(class).or_default();
        *count = count.saturating_add(n);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (class, n) in &other.0 {
            self.add(class.clone(), *n);
        }
    }

    /// All targets counted; saturates, so that forged counts cannot wrap.
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The count of one class.
    pub fn get(&self, class: &str) -> u64 {
        self.0.get(class).copied().unwrap_or(0)
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of classes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Classes with their counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(class, n)| (class.as_ref(), *n))
    }
}

impl<C: Into<Cow<'static, str>>> FromIterator<(C, u64)> for Coverage {
    fn from_iter<I: IntoIterator<Item = (C, u64)>>(counts: I) -> Self {
        let mut coverage = Self::new();
        for (class, n) in counts {
            coverage.add(class, n);
        }
        coverage
    }
}

/// The ledger of a whole collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Targets that all tasks created so far stand for.
    pub targets: u64,
    /// What became of them.
    pub outcomes: Coverage,
}

impl Ledger {
    /// Outcomes beyond the targets; always zero, or something was counted twice.
    pub fn overcounted(&self) -> u64 {
        self.outcomes.total().saturating_sub(self.targets)
    }

    /// Targets without an outcome; zero when the collection is over.
    pub fn unaccounted(&self) -> u64 {
        self.targets.saturating_sub(self.outcomes.total())
    }
}

/// What a task used, for the bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Time on the worker, in milliseconds.
    #[serde(default)]
    pub wall_ms: u64,
    /// Bytes received from the network, as far as the task reported them.
    #[serde(default)]
    pub bytes_in: u64,
    /// Bytes sent to the network, as far as the task reported them.
    #[serde(default)]
    pub bytes_out: u64,
}

impl Usage {
    /// Adds `other`, saturating.
    pub fn merge(&mut self, other: &Self) {
        self.wall_ms = self.wall_ms.saturating_add(other.wall_ms);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
    }

    /// Lambda's gigabyte-seconds at `memory_mib` for this time.
    pub fn gigabyte_seconds(&self, memory_mib: u64) -> f64 {
        memory_mib as f64 / 1024.0 * self.wall_ms as f64 / 1000.0
    }
}
