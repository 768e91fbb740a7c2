//! Where a scan is, and what came of it.

use std::time::Duration;

use serde::Serialize;

use crate::target::Chunk;

use super::config::EngineConfig;
use super::loss::Confidence;
use super::stats::{Received, Sent};

/// Where a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// Since the start; a resumed scan starts anew.
    pub elapsed: Duration,
    /// How many targets there are.
    pub targets: u64,
    /// What was sent.
    pub sent: Sent,
    /// What came.
    pub received: Received,
    /// The rate that is aimed at now, in probes a second.
    pub rate: f64,
    /// Frames that the kernel dropped, because they were not taken fast enough.
    pub dropped: u64,
}

impl Progress {
    /// How much of the first pass is sent, from 0 to 1. Later passes go to the silent only, and how
    /// many these are is not known before.
    pub fn first_pass(&self) -> f64 {
        let [first, ..] = self.sent.passes;
        match self.targets {
            0 => 1.0,
            targets => (first as f64 / targets as f64).min(1.0),
        }
    }
}

/// What came of a scan. The same targets and answers give the same counts; the sums add up:
/// whoever did not answer is silent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Which seed, and which positions in the order that follows from it.
    pub chunk: Chunk,
    /// How it was to be run: rate, passes, caps and the rest, as they were asked for.
    pub asked: EngineConfig,
    /// Whether it went to its end; otherwise the observer stopped it.
    pub complete: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// How long probes were sent, from the first to the last, pauses between passes included.
    pub sending: Duration,
    /// How many targets there are.
    pub targets: u64,
    /// How many of them answered, by class: the name, and the count. A resumed scan counts what
    /// was found before, too.
    pub classes: Vec<(&'static str, u64)>,
    /// How many did not answer.
    pub silent: u64,
    /// How many passes there were: those that were asked for, and those that
    /// [`reach`](super::EngineConfig::reach) added.
    pub passes: u8,
    /// What was sent, by this run.
    pub sent: Sent,
    /// What came, to this run and those that it resumed.
    pub received: Received,
    /// Frames that the kernel took in for us.
    pub admitted: u64,
    /// Those of them that it dropped, because they were not taken fast enough.
    pub dropped: u64,
    /// What is known of what was missed; `None` if nothing is. Of a scan that was stopped it says
    /// what the passes found that were over by then.
    pub confidence: Option<Confidence>,
    /// How the answers came as the rate changed.
    pub steps: Vec<Step>,
}

impl Report {
    /// How many targets are of the class `name`; 0 if there is no such class.
    pub fn class(&self, name: &str) -> u64 {
        let of = self.classes.iter().find(|(class, _)| *class == name);
        of.map_or(0, |(_, count)| *count)
    }
}

/// A stretch of the scan at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// When it began, since the start.
    pub after: Duration,
    /// The rate that was aimed at, in probes a second.
    pub rate: f64,
    /// Probes that were sent.
    pub sent: u64,
    /// Targets that answered for the first time. Answers lag behind: at a boundary some count for
    /// the next step.
    pub answered: u64,
    /// Frames that the kernel dropped.
    pub dropped: u64,
}

/// Most steps that are kept; later ones are added to the last.
const MAX_STEPS: usize = 1024;

/// Collects steps from running totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    steps: Vec<Step>,
    /// The totals when the last step was closed.
    seen: (u64, u64, u64),
}

impl Steps {
    /// Takes note of the totals at `after`, while probes go at `rate`.
    pub(super) fn note(&mut self, after: Duration, rate: f64, totals: (u64, u64, u64)) {
        let full = self.steps.len() >= MAX_STEPS;
        let (sent, answered, dropped) = (
            totals.0.saturating_sub(self.seen.0),
            totals.1.saturating_sub(self.seen.1),
            totals.2.saturating_sub(self.seen.2),
        );
        self.seen = totals;
        match self.steps.last_mut() {
            Some(step) if step.rate == rate || full => {
                step.sent += sent;
                step.answered += answered;
                step.dropped += dropped;
            }
            _ => self.steps.push(Step {
                after,
                rate,
                sent,
                answered,
                dropped,
            }),
        }
    }

    pub(super) fn into_vec(self) -> Vec<Step> {
        self.steps
    }
}
