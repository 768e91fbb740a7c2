//! The receiving half: a state machine that is told the time and given frames.

use std::ops::{ControlFlow, Range};
use std::time::Duration;

use crate::link::{Arrival, Batch, LinkCounters, Moment};
use crate::probe::{Answer as _, Attempt, Probe, Valid};
use crate::target::ChunkTargets;

use super::adapt::{Adapt, Epoch};
use super::checkpoint::{Checkpoint, Head, SenderMark};
use super::config::EngineConfig;
use super::loss::Confidence;
use super::observer::{Found, Observer};
use super::reach::Plan;
use super::report::{Progress, Report, Steps};
use super::shared::Shared;
use super::stats::Received;

/// How often there is a look at the clock for everything but packets.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How often the rate is judged.
const EPOCH: Duration = Duration::from_secs(1);

/// Frames that end connections, waiting to be sent.
const CLOSING: usize = 1024;

/// Repeated answers that are closed between two ticks. Whoever sends one answer again and again
/// does not get one for each.
const REPEATS: usize = 1000;

const STRIDE: usize = 128;

/// Takes answers, and keeps the books.
pub(super) struct Receiver<'a, P> {
    probe: &'a P,
    targets: &'a ChunkTargets,
    shared: &'a Shared,
    asked: &'a EngineConfig,
    /// How long answers to a pass are waited for before it is decided whether there is another.
    verdict: Duration,
    /// How many passes every sender has ended, and since when, as far as a tick has seen it.
    ended: (u8, Moment),
    /// How many were over before this run.
    over: u8,
    start: Moment,
    received: Received,
    silent: u64,
    link: LinkCounters,
    closing: Option<Closing>,
    cooldown: Duration,
    next_tick: Moment,
    next_epoch: Moment,
    adapt: Option<Adapt>,
    /// The totals of canaries and drops when the last epoch ended.
    judged: (u64, u64, u64),
    steps: Steps,
    marks: Option<Marks>,
}

struct Closing {
    batch: Batch,
    /// The slots that are filled and not yet sent.
    waiting: Range<usize>,
    /// How many repeated answers may still be closed before the next tick.
    repeats: usize,
}

/// Marks of the senders on their way to be a checkpoint.
struct Marks {
    every: Duration,
    next: Moment,
    /// Taken a while ago: what was sent by then has been answered, if it ever is.
    settled: Vec<SenderMark>,
}

impl<'a, P: Probe> Receiver<'a, P> {
    pub(super) fn new(
        probe: &'a P,
        targets: &'a ChunkTargets,
        shared: &'a Shared,
        config: &'a EngineConfig,
        closes: bool,
        received: Received,
        now: Moment,
    ) -> Self {
        Self {
            probe,
            targets,
            shared,
            asked: config,
            verdict: config.retry_after.min(config.cooldown),
            ended: (shared.ended(), now),
            over: shared.ended(),
            start: now,
            silent: targets.len() - shared.answered.count(),
            received,
            link: LinkCounters::default(),
            closing: closes.then(|| Closing {
                batch: Batch::new(CLOSING, STRIDE),
                waiting: 0..0,
                repeats: REPEATS,
            }),
            cooldown: config.cooldown,
            next_tick: now,
            next_epoch: now + EPOCH,
            adapt: config.adapt.then(|| Adapt::new(config.rate)),
            judged: (0, 0, 0),
            steps: Steps::default(),
            // A mark is up to a tenth old when it is taken, waits four and is superseded after
            // four more: in all less than the interval that was promised.
            marks: config.checkpoint_every.map(|every| Marks {
                every: every / 10 * 4,
                // The first one at once: without any, who goes on does not know the chunk.
                next: now,
                settled: shared.marks(),
            }),
        }
    }

    /// Takes a frame; tells `observer` if it is the first answer of a target.
    pub(super) fn frame(
        &mut self,
        arrival: Arrival,
        frame: &[u8],
        observer: &mut (impl Observer<P::Answer> + ?Sized),
    ) {
        let valid = match self.probe.validate(frame, arrival.checksum_ready) {
            Ok(valid) => valid,
            Err(rejected) => return self.received.reject(rejected),
        };
        let Some(position) = self.targets.position(valid.addr, valid.port) else {
            self.received.strays += 1;
            return;
        };
        let pass = match valid.attempt {
            Attempt::Pass(pass) => pass,
            Attempt::Canary(round) => {
                self.received.canaries += 1;
                self.close(&valid, true);
                return self.shared.canaries.answered(position, round);
            }
        };
        let first = self.shared.answered.mark(position);
        self.close(&valid, !first);
        if !first {
            self.received.duplicates += 1;
            return;
        }
        let answer = self.probe.classify(&valid);
        self.silent -= 1;
        self.received.answer(&answer, pass);
        if answer.steady() {
            self.shared.canaries.offer(position);
        }
        // The position has a target: it was found by its address and port.
        if let Some(target) = self.targets.get(position) {
            observer.found(&Found {
                after: arrival.at - self.start,
                target,
                pass,
                answer,
            });
        }
    }

    /// Frames that end connections, to be sent now; then call [`closed`](Self::closed).
    pub(super) fn closing(&self) -> Option<(&Batch, Range<usize>)> {
        let closing = self.closing.as_ref()?;
        let waiting = closing.waiting.clone();
        (!waiting.is_empty()).then_some((&closing.batch, waiting))
    }

    /// Whether there is no room for another of these frames before some are sent.
    pub(super) fn must_close(&self) -> bool {
        let closing = self.closing.as_ref();
        closing.is_some_and(|closing| closing.waiting.end >= CLOSING)
    }

    /// Takes note that the first `count` of the frames that end connections went; the others wait.
    pub(super) fn closed(&mut self, count: usize) {
        if let Some(Closing { waiting, .. }) = &mut self.closing {
            let count = count.min(waiting.len());
            self.received.closed += count as u64;
            waiting.start += count;
            if waiting.start == waiting.end {
                *waiting = 0..0;
            }
        }
    }

    /// Takes note that the link is down at `now`; `first` if it was not down before.
    pub(super) fn down(&self, first: bool, now: Moment) {
        self.shared.seen_down(now);
        if first {
            self.shared.outage();
        }
    }

    /// When [`tick`](Self::tick) is due.
    pub(super) fn next_tick(&self) -> Moment {
        self.next_tick
    }

    /// Does what time asks for. Breaks when the scan is over, or is to stop.
    pub(super) fn tick(
        &mut self,
        now: Moment,
        link: LinkCounters,
        observer: &mut (impl Observer<P::Answer> + ?Sized),
    ) -> ControlFlow<Outcome> {
        self.next_tick = now + TICK;
        self.link = link;
        if let Some(closing) = &mut self.closing {
            closing.repeats = REPEATS;
        }
        if now >= self.next_epoch {
            self.next_epoch = now + EPOCH;
            self.end_epoch(now);
        }
        let ended = self.shared.ended();
        if ended != self.ended.0 {
            self.ended = (ended, now);
        }
        self.checkpoint(now, observer);
        if observer.progress(&self.progress(now)).is_break() {
            return ControlFlow::Break(Outcome::Stopped);
        }
        self.plan(now);
        let over = match self.silent {
            // What is still to be sent are resets. A link that is down takes none.
            0 => self.closing().is_none() || now - self.shared.last_sent() >= self.cooldown,
            // In this order: the last probe of a sender goes before it is done.
            _ => self.shared.all_done() && now - self.shared.listening_since() >= self.cooldown,
        };
        match over {
            true => ControlFlow::Break(Outcome::Complete),
            false => ControlFlow::Continue(()),
        }
    }

    /// What came of it all.
    pub(super) fn report(mut self, now: Moment, link: LinkCounters, outcome: Outcome) -> Report {
        self.link = link;
        self.end_epoch(now);
        let waiting = self.closing.as_ref();
        let waiting = waiting.map_or(0, |closing| closing.waiting.len());
        self.received.left_open += waiting as u64;
        let passes = self.shared.plan().passes;
        // Of a pass that is not over nothing is known, nor of one whose answers are under way.
        let over = match (outcome, self.ended) {
            (Outcome::Complete, _) => passes,
            (_, (ended, at)) if now - at >= self.verdict => passes.min(ended),
            (_, (ended, _)) => passes.min(ended.saturating_sub(1).max(self.over)),
        };
        let names = P::Answer::CLASSES.iter().copied();
        Report {
            chunk: self.targets.chunk().clone(),
            asked: self.asked.clone(),
            complete: outcome == Outcome::Complete,
            elapsed: now - self.start,
            sending: self.shared.last_sent() - self.start,
            targets: self.targets.len(),
            classes: names.zip(self.received.by_class).collect(),
            silent: self.silent,
            sent: self.shared.sent(),
            received: self.received,
            admitted: link.admitted,
            dropped: link.dropped,
            passes,
            confidence: self.confidence(over),
            steps: self.steps.into_vec(),
        }
    }

    /// Decides whether there is another pass, once those that were planned are over and answers
    /// had time to come.
    fn plan(&mut self, now: Moment) {
        let Plan { passes, settled } = self.shared.plan();
        let Some(reach) = self.asked.reach.filter(|_| !settled) else {
            return;
        };
        // In this order: the last probe of a pass goes before the pass ends.
        if self.shared.ended() < passes || now - self.shared.listening_since() < self.verdict {
            return;
        }
        let more = reach.goes_on(passes, self.confidence(passes));
        let passes = passes + u8::from(more);
        self.shared.set_plan(Plan {
            passes,
            settled: !more || passes >= reach.passes,
        });
    }

    /// What `passes` passes can be said to have found; `None` of none.
    fn confidence(&self, passes: u8) -> Option<Confidence> {
        if passes == 0 {
            return None;
        }
        let until = ..usize::from(passes);
        let steady = self.received.steady_by_pass.get(until).unwrap_or_default();
        let answered: u64 = self
            .received
            .by_pass
            .get(until)
            .unwrap_or_default()
            .iter()
            .sum();
        let silent = self.targets.len().saturating_sub(answered);
        Confidence::estimate(steady, self.shared.canaries.tally(), silent)
    }

    fn progress(&self, now: Moment) -> Progress {
        Progress {
            elapsed: now - self.start,
            targets: self.targets.len(),
            sent: self.shared.sent(),
            received: self.received,
            rate: self.shared.rate(),
            dropped: self.link.dropped,
        }
    }

    fn end_epoch(&mut self, now: Moment) {
        let (judged, lost) = self.shared.canaries.tally();
        let dropped = self.link.dropped;
        let totals = (
            self.shared.sent().probes(),
            self.received.targets(),
            dropped,
        );
        self.steps
            .note(now - self.start, self.shared.rate(), totals);
        if let Some(adapt) = &mut self.adapt {
            let epoch = Epoch {
                judged: judged - self.judged.0,
                lost: lost - self.judged.1,
                dropped: dropped.saturating_sub(self.judged.2),
            };
            self.shared.set_rate(adapt.look(epoch));
        }
        self.judged = (judged, lost, dropped);
    }

    fn checkpoint(&mut self, now: Moment, observer: &mut (impl Observer<P::Answer> + ?Sized)) {
        let Some(marks) = &mut self.marks else {
            return;
        };
        if now < marks.next {
            return;
        }
        marks.next = now + marks.every;
        let settled = std::mem::replace(&mut marks.settled, self.shared.marks());
        let head = Head::new(
            self.targets.chunk().clone(),
            self.targets.set().fingerprint(),
            self.asked.passes,
            settled,
            &self.received,
        );
        observer.checkpoint(&Checkpoint::new(head, &self.shared.answered));
    }

    /// Prepares the frame that ends what `answer` began.
    fn close(&mut self, answer: &Valid<P::Evidence>, repeated: bool) {
        let Some(closing) = &mut self.closing else {
            return;
        };
        // Not into a slot: where there is no more of them, it is to be counted all the same.
        let mut frame = [0; STRIDE];
        let len = self.probe.close(answer, &mut frame);
        if len == 0 {
            return;
        }
        let slot = closing.waiting.end;
        if slot >= CLOSING || (repeated && closing.repeats == 0) {
            self.received.left_open += 1;
            return;
        }
        closing.repeats -= usize::from(repeated);
        closing
            .batch
            .set(slot, frame.get(..len).unwrap_or_default());
        closing.waiting.end += 1;
    }
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything was sent, and answers were waited for.
    Complete,
    /// The observer stopped it.
    Stopped,
}
