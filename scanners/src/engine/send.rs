//! The sending half: a state machine that is told the time and says what to send.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::Duration;

use crate::link::{Batch, Moment};
use crate::probe::{Attempt, IpVersion, Probe};
use crate::target::{ChunkTargets, Target};

use super::canary::CanaryTurns;
use super::checkpoint::SenderMark;
use super::config::EngineConfig;
use super::pace::Pacer;
use super::prefix::PrefixTurns;
use super::retry::Walk;
use super::shared::Shared;

/// Most probes that wait for the turn of their network.
const MAX_DELAYED: usize = 4096;

/// How soon a sender with nothing to send looks again.
const SOON: Duration = Duration::from_millis(10);

/// Bytes of a slot: any probe of ours, on two cache lines.
const STRIDE: usize = 128;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send these slots of the batch, and say how many went.
    Send(Range<usize>),
    /// Nothing before then.
    Wait(Moment),
    /// Nothing any more.
    Done,
}

/// Sends the probes of a range of positions.
pub(super) struct Sender<'a, P> {
    probe: &'a P,
    targets: &'a ChunkTargets,
    shared: &'a Shared,
    index: usize,
    range: Range<u64>,
    walk: Walk,
    retry_after: Duration,
    pacer: Pacer,
    /// Its share of the rate.
    share: f64,
    turns: Option<PrefixTurns>,
    /// Positions that wait for the turn of their network, the next one first.
    delayed: BinaryHeap<Reverse<(Moment, u64)>>,
    canaries: Option<CanaryTurns>,
    /// Where in the batch a canary goes that is due.
    canary_slot: usize,
    batch: Batch,
    /// Which template lies in each slot.
    laid: Vec<Option<IpVersion>>,
    /// What each filled slot is, to be counted when it is gone.
    attempts: Vec<Attempt>,
    filled: Range<usize>,
    /// How often a mark is left; never without checkpoints.
    mark_every: Option<Duration>,
    mark_at: Moment,
    last_sent: Moment,
}

impl<'a, P: Probe> Sender<'a, P> {
    /// The sender `index`, which goes on at `mark`. `canary_rounds` is of the probe's ports; the
    /// first sender probes the canaries.
    pub(super) fn new(
        probe: &'a P,
        targets: &'a ChunkTargets,
        shared: &'a Shared,
        config: &EngineConfig,
        (index, mark): (usize, SenderMark),
        canary_rounds: u16,
        now: Moment,
    ) -> Self {
        let share = 1.0 / shared.senders() as f64;
        let mut turns = config
            .prefix_cap
            .map(|cap| PrefixTurns::new(cap, shared.senders()));
        // What waited before the scan was resumed waits for a turn again.
        let mut turn = |at| match (&mut turns, targets.get(at)) {
            (Some(turns), Some(target)) => turns.take(target.addr(), now),
            _ => now,
        };
        let mut delayed = BinaryHeap::with_capacity(MAX_DELAYED);
        let waiting = mark.delayed.iter().take(MAX_DELAYED);
        delayed.extend(waiting.map(|&at| Reverse((turn(at), at))));
        let sender = Self {
            probe,
            targets,
            shared,
            index,
            walk: Walk::new(mark.range.clone(), mark.pass, mark.next, now),
            range: mark.range,
            retry_after: config.retry_after,
            // Senders take turns. At a low rate each would otherwise send at the same moment.
            pacer: Pacer::new(shared.rate() * share, now).later(index as f64 * share),
            share,
            turns,
            delayed,
            canaries: (config.canaries && index == 0).then(|| CanaryTurns::new(canary_rounds)),
            canary_slot: 0,
            batch: Batch::new(config.batch, STRIDE),
            laid: vec![None; config.batch],
            attempts: vec![Attempt::Pass(0); config.batch],
            filled: 0..0,
            mark_every: config.checkpoint_every.map(|every| every / 10),
            mark_at: now,
            last_sent: now,
        };
        // Those that were over before the scan was resumed.
        sender.tell_ended();
        sender
    }

    /// The frames.
    pub(super) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Takes note that the link is down at `now`, and what was to be sent still is; `first` if it
    /// was not down before.
    pub(super) fn down(&self, first: bool, now: Moment) {
        self.shared.seen_down(now);
        if first && let Some(counters) = self.shared.counters(self.index) {
            counters.down();
        }
    }

    /// What to do at `now`.
    pub(super) fn poll(&mut self, now: Moment) -> Step {
        if !self.filled.is_empty() {
            return Step::Send(self.filled.clone());
        }
        self.leave_mark(now);
        if let Some(step) = self.between_plans(now) {
            return step;
        }
        self.pacer.set_rate(self.shared.rate() * self.share);
        let allowed = self.pacer.allowance(now).min(self.batch.capacity());
        if allowed == 0 {
            return Step::Wait(self.pacer.ready_at(now));
        }
        // A queue on the way that is full has room for the first frames of a burst. Canaries take
        // any place in it, or they would see no loss.
        let place = now.as_nanos().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.canary_slot = place as usize % allowed;
        let mut end = 0;
        while end < allowed && self.fill(end, now) {
            end += 1;
        }
        self.filled = 0..end;
        match end {
            0 => self.idle(now),
            _ => Step::Send(self.filled.clone()),
        }
    }

    /// Takes note that the first `count` of what was to be sent had gone by `now`.
    pub(super) fn sent(&mut self, count: usize, now: Moment) {
        let end = (self.filled.start + count).min(self.filled.end);
        let gone = self.filled.start..end;
        if let Some(counters) = self.shared.counters(self.index) {
            if gone.is_empty() {
                counters.full();
            } else {
                counters.sent_at(now);
            }
            for attempt in self.attempts.get(gone.clone()).unwrap_or_default() {
                counters.sent(*attempt);
            }
        }
        self.pacer.took(gone.len(), now);
        self.filled.start = end;
        self.last_sent = now;
    }

    /// Puts the next probe into `slot`; false if there is none now.
    fn fill(&mut self, slot: usize, now: Moment) -> bool {
        let Some((target, attempt)) = self.canary(slot, now).or_else(|| self.next(now)) else {
            return false;
        };
        let version = IpVersion::of(target.addr());
        if let Some(laid) = self.laid.get_mut(slot)
            && *laid != Some(version)
        {
            let len = self.probe.prepare(version, self.batch.slot_mut(slot));
            self.batch.set_len(slot, len);
            *laid = Some(version);
        }
        self.probe
            .patch(self.batch.slot_mut(slot), &target, attempt);
        if let Some(kept) = self.attempts.get_mut(slot) {
            *kept = attempt;
        }
        true
    }

    /// The canary that is due, if `slot` is the place for one.
    fn canary(&mut self, slot: usize, now: Moment) -> Option<(Target, Attempt)> {
        if slot != self.canary_slot {
            return None;
        }
        let canaries = self.canaries.as_mut()?;
        let (targets, turns) = (self.targets, &mut self.turns);
        // A canary does not wait for its network: it is passed over.
        let may_go = |position| match (turns, targets.get(position)) {
            (Some(turns), Some(target)) => turns.take_now(target.addr(), now),
            _ => true,
        };
        let rate = self.shared.rate();
        let (position, round) = canaries.due(&self.shared.canaries, now, rate, may_go)?;
        Some((targets.get(position)?, Attempt::Canary(round)))
    }

    /// The next target of the pass, and those that waited for their network before it.
    fn next(&mut self, now: Moment) -> Option<(Target, Attempt)> {
        let attempt = Attempt::Pass(self.walk.pass());
        if let Some(&Reverse((turn, position))) = self.delayed.peek()
            && turn <= now
        {
            self.delayed.pop();
            return Some((self.targets.get(position)?, attempt));
        }
        if now < self.walk.start() {
            return None;
        }
        while self.delayed.len() < MAX_DELAYED {
            let position = self.walk.step(&self.shared.answered)?;
            // The walk is within the chunk, so there is a target.
            let target = self.targets.get(position)?;
            let Some(turns) = &mut self.turns else {
                return Some((target, attempt));
            };
            let turn = turns.take(target.addr(), now);
            if turn <= now {
                return Some((target, attempt));
            }
            self.delayed.push(Reverse((turn, position)));
            if let Some(counters) = self.shared.counters(self.index) {
                counters.delayed();
            }
        }
        None
    }

    /// When there may be something to send, after there was nothing at `now`.
    fn idle(&mut self, now: Moment) -> Step {
        // Canaries are looked at in between.
        let soon = now + SOON;
        if let Some(Reverse((turn, _))) = self.delayed.peek() {
            return Step::Wait((*turn).min(soon));
        }
        if now >= self.walk.start() && self.walk.position() >= self.range.end {
            self.walk.end_pass(self.last_sent, self.retry_after);
            self.tell_ended();
            if let Some(step) = self.between_plans(now) {
                return step;
            }
        }
        Step::Wait(
            self.walk
                .start()
                .min(soon)
                .max(now + Duration::from_nanos(1)),
        )
    }

    /// What to do where all passes are over that there are to be; `None` where they are not. Until
    /// it is decided whether there is another one, no canary is sent either: the answers to what
    /// was sent are what is waited for.
    fn between_plans(&mut self, now: Moment) -> Option<Step> {
        let plan = self.shared.plan();
        if self.walk.pass() < plan.passes {
            return None;
        }
        if plan.settled {
            self.finish();
            return Some(Step::Done);
        }
        Some(Step::Wait(now + SOON))
    }

    /// Says how many passes are over.
    fn tell_ended(&self) {
        if let Some(counters) = self.shared.counters(self.index) {
            counters.set_ended(self.walk.pass());
        }
    }

    fn finish(&mut self) {
        self.shared.set_mark(self.index, self.mark());
        if let Some(counters) = self.shared.counters(self.index) {
            counters.set_done();
        }
    }

    fn leave_mark(&mut self, now: Moment) {
        if let Some(every) = self.mark_every
            && now >= self.mark_at
        {
            self.mark_at = now + every;
            self.shared.set_mark(self.index, self.mark());
        }
    }

    fn mark(&self) -> SenderMark {
        SenderMark {
            range: self.range.clone(),
            pass: self.walk.pass(),
            next: self.walk.position(),
            delayed: self
                .delayed
                .iter()
                .map(|Reverse((_, position))| *position)
                .collect(),
        }
    }
}
