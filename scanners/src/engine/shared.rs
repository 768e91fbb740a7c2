//! What the threads of a scan share: counters, a bitmap, and no locks on the way of a packet.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::link::Moment;

use super::canary::Canaries;
use super::checkpoint::SenderMark;
use super::dedupe::Answered;
use super::reach::Plan;
use super::stats::{SenderCounters, Sent};

#[derive(Debug)]
pub(super) struct Shared {
    /// Written by the receiver, read by senders in later passes.
    pub(super) answered: Answered,
    pub(super) canaries: Canaries,
    senders: Box<[Desk]>,
    /// The rate of all senders together, as the bits of an `f64`.
    rate: AtomicU64,
    /// Decided by the receiver.
    plan: AtomicU8,
    stopped: AtomicBool,
    /// When the link was last seen down, in nanoseconds of its clock.
    down: AtomicU64,
    /// How often the receiver met it going down.
    outages: AtomicU64,
}

/// What one sender leaves for the receiver.
#[derive(Debug)]
struct Desk {
    counters: SenderCounters,
    /// Written a few times between two checkpoints.
    mark: Mutex<SenderMark>,
}

impl Shared {
    pub(super) fn new(answered: Answered, marks: Vec<SenderMark>, rate: f64, plan: Plan) -> Self {
        let desk = |mark| Desk {
            counters: SenderCounters::default(),
            mark: Mutex::new(mark),
        };
        Self {
            answered,
            canaries: Canaries::new(),
            senders: marks.into_iter().map(desk).collect(),
            rate: AtomicU64::new(rate.to_bits()),
            plan: AtomicU8::new(plan.to_byte()),
            stopped: AtomicBool::new(false),
            down: AtomicU64::new(0),
            outages: AtomicU64::new(0),
        }
    }

    pub(super) fn rate(&self) -> f64 {
        f64::from_bits(self.rate.load(Ordering::Relaxed))
    }

    pub(super) fn set_rate(&self, rate: f64) {
        self.rate.store(rate.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn plan(&self) -> Plan {
        Plan::from_byte(self.plan.load(Ordering::Acquire))
    }

    pub(super) fn set_plan(&self, plan: Plan) {
        self.plan.store(plan.to_byte(), Ordering::Release);
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn senders(&self) -> usize {
        self.senders.len()
    }

    /// The counters of sender `index`; `None` if there is none.
    pub(super) fn counters(&self, index: usize) -> Option<&SenderCounters> {
        self.senders.get(index).map(|desk| &desk.counters)
    }

    pub(super) fn sent(&self) -> Sent {
        let mut sent = Sent::sum(self.senders.iter().map(|desk| &desk.counters));
        sent.link_down += self.outages.load(Ordering::Relaxed);
        sent
    }

    /// The link is down at `now`.
    pub(super) fn seen_down(&self, now: Moment) {
        self.down.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }

    /// The receiver, too, met that the link went down.
    pub(super) fn outage(&self) {
        self.outages.fetch_add(1, Ordering::Relaxed);
    }

    /// Since when answers may have come that are waited for: the last probe went then, or the link
    /// was down.
    pub(super) fn listening_since(&self) -> Moment {
        let down = Moment::from_nanos(self.down.load(Ordering::Relaxed));
        self.last_sent().max(down)
    }

    /// When the last probe went so far; the zero of the clock before the first.
    pub(super) fn last_sent(&self) -> Moment {
        let last = self.senders.iter().map(|desk| desk.counters.last_sent());
        last.max().unwrap_or_default()
    }

    /// How many passes every sender has ended.
    pub(super) fn ended(&self) -> u8 {
        let ended = self.senders.iter().map(|desk| desk.counters.ended());
        ended.min().unwrap_or_default()
    }

    pub(super) fn all_done(&self) -> bool {
        self.senders.iter().all(|desk| desk.counters.is_done())
    }

    pub(super) fn set_mark(&self, index: usize, mark: SenderMark) {
        if let Some(desk) = self.senders.get(index) {
            *desk.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
        }
    }

    pub(super) fn marks(&self) -> Vec<SenderMark> {
        let mark = |desk: &Desk| {
            desk.mark
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        self.senders.iter().map(mark).collect()
    }
}
