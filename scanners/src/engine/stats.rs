//! What is counted.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use serde::Serialize;

use crate::link::Moment;
use crate::probe::{Answer, Attempt, MAX_CLASSES, Rejected};

use super::retry::MAX_PASSES;

/// What a sender counts. On cache lines of its own, so that senders do not slow each other.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct SenderCounters {
    passes: [AtomicU64; MAX_PASSES],
    canaries: AtomicU64,
    full: AtomicU64,
    down: AtomicU64,
    delayed: AtomicU64,
    /// When the last probe went, in nanoseconds of the link's clock.
    last: AtomicU64,
    /// How many passes have ended.
    ended: AtomicU8,
    done: AtomicBool,
}

/// One more, or `count` more. There is one writer, so no locked instruction is needed.
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
}

impl SenderCounters {
    pub(super) fn sent(&self, attempt: Attempt) {
        match attempt {
            Attempt::Canary(_) => add(&self.canaries, 1),
            Attempt::Pass(pass) => {
                if let Some(counter) = self.passes.get(usize::from(pass)) {
                    add(counter, 1);
                }
            }
        }
    }

    pub(super) fn sent_at(&self, now: Moment) {
        self.last.store(now.as_nanos(), Ordering::Relaxed);
    }

    pub(super) fn last_sent(&self) -> Moment {
        Moment::from_nanos(self.last.load(Ordering::Relaxed))
    }

    pub(super) fn full(&self) {
        add(&self.full, 1);
    }

    pub(super) fn down(&self) {
        add(&self.down, 1);
    }

    pub(super) fn delayed(&self) {
        add(&self.delayed, 1);
    }

    pub(super) fn set_ended(&self, passes: u8) {
        self.ended.store(passes, Ordering::Release);
    }

    pub(super) fn ended(&self) -> u8 {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn set_done(&self) {
        self.done.store(true, Ordering::Release);
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sent {
    /// Probes of each pass.
    pub passes: [u64; MAX_PASSES],
    /// Probes of canaries.
    pub canaries: u64,
    /// How often the link was full and a sender had to wait.
    pub link_full: u64,
    /// How often the link was met going down and was waited for; see
    /// [`EngineConfig::link_patience`](super::EngineConfig::link_patience). Each sender that has
    /// something to send counts for itself, and so does the receiver: not 0 means that the link was
    /// down, and not how often.
    pub link_down: u64,
    /// Probes that waited for the turn of their network.
    pub delayed: u64,
}

impl Sent {
    pub(super) fn sum<'a>(counters: impl IntoIterator<Item = &'a SenderCounters>) -> Self {
        let mut sent = Self::default();
        for one in counters {
            for (sum, count) in sent.passes.iter_mut().zip(&one.passes) {
                *sum += count.load(Ordering::Relaxed);
            }
            sent.canaries += one.canaries.load(Ordering::Relaxed);
            sent.link_full += one.full.load(Ordering::Relaxed);
            sent.link_down += one.down.load(Ordering::Relaxed);
            sent.delayed += one.delayed.load(Ordering::Relaxed);
        }
        sent
    }

    /// All probes.
    pub fn probes(&self) -> u64 {
        self.passes.iter().sum::<u64>() + self.canaries
    }
}

/// What came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Received {
    /// Targets that answered, by the pass that they answered to.
    pub by_pass: [u64; MAX_PASSES],
    /// Those of them that answered themselves ([`Answer::steady`](crate::probe::Answer::steady)):
    /// what loss is measured by.
    pub steady_by_pass: [u64; MAX_PASSES],
    /// Targets that answered, by class; see [`Answer::CLASSES`](crate::probe::Answer::CLASSES).
    pub by_class: [u64; MAX_CLASSES],
    /// Answers of targets that had answered before.
    pub duplicates: u64,
    /// Answers of canaries.
    pub canaries: u64,
    /// Proven answers of targets that are in another chunk, or in none.
    pub strays: u64,
    /// Other traffic.
    pub foreign: u64,
    /// Packets that were damaged, cut off or fragmented.
    pub malformed: u64,
    /// Packets to our ports with a wrong cookie.
    pub forged: u64,
    /// Packets that no probe asks for.
    pub unexpected: u64,
    /// Connections that we reset.
    pub closed: u64,
    /// Connections that we should have reset, for which there was no time or no room on the link.
    pub left_open: u64,
}

impl Received {
    /// How many targets answered.
    pub fn targets(&self) -> u64 {
        self.by_class.iter().sum()
    }

    pub(super) fn reject(&mut self, rejected: Rejected) {
        match rejected {
            Rejected::Foreign => self.foreign += 1,
            Rejected::Malformed(_) => self.malformed += 1,
            Rejected::Forged => self.forged += 1,
            Rejected::Unexpected => self.unexpected += 1,
        }
    }

    pub(super) fn answer(&mut self, answer: &impl Answer, pass: u8) {
        if let Some(count) = self.by_class.get_mut(answer.class()) {
            *count += 1;
        }
        let pass = usize::from(pass);
        if let Some(count) = self.by_pass.get_mut(pass) {
            *count += 1;
        }
        if let Some(count) = self.steady_by_pass.get_mut(pass)
            && answer.steady()
        {
            *count += 1;
        }
    }
}
