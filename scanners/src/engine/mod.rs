//! The engine: runs a probe over the targets of a chunk.
//!
//! It is two state machines that are told the time and do no I/O: one says what to send, the other
//! takes what comes. They share counters and one bit for each target. A thin shell drives them, by
//! threads on a real link ([`Engine::run`]) or by turns in one thread ([`Engine::run_by_turns`]),
//! which on a link in memory makes a run that can be repeated.
//!
//! | concern | how |
//! |---|---|
//! | rate | within 1 %, at most 2 % more over any 100 ms, however the machine stalls ([`Pacer`]) |
//! | networks | a cap for each prefix ([`PrefixCap`]) |
//! | loss | later passes go to the silent only, a second later or more, from other ports |
//! | much loss | passes are added, as many as it takes or as may be ([`Reach`]) |
//! | duplicates | a bit for each target: each is told once |
//! | honesty | loss is measured by the scan itself and comes with the result ([`Confidence`]) |
//! | a link that goes down | is waited for, so long ([`EngineConfig::link_patience`]) |
//! | death | a [`Checkpoint`] says where to go on |

mod adapt;
mod canary;
mod checkpoint;
mod config;
mod dedupe;
mod drive;
mod error;
mod flap;
mod loss;
mod observer;
mod pace;
mod prefix;
mod reach;
mod receive;
mod report;
mod retry;
mod send;
mod shared;
mod stats;

pub use checkpoint::{Checkpoint, InvalidCheckpoint};
pub use config::{Close, EngineConfig};
pub use dedupe::Answered;
pub use error::{InvalidConfig, ScanError};
pub use loss::{Basis, Confidence, Share};
pub use observer::{Found, Observer};
pub use pace::Pacer;
pub use prefix::PrefixCap;
pub use reach::Reach;
pub use report::{Progress, Report, Step};
pub use retry::MAX_PASSES;
pub use stats::{Received, Sent};

use crate::link::{Link, Moment};
use crate::probe::{Answer as _, IpVersion, Probe};
use crate::target::ChunkTargets;

use adapt::Adapt;
use checkpoint::SenderMark;
use drive::Ends;
use reach::Plan;
use receive::Receiver;
use send::Sender;
use shared::Shared;

/// A scan that is ready to run: a probe, the targets, and how.
#[derive(Clone, Debug)]
pub struct Engine<P> {
    probe: P,
    targets: ChunkTargets,
    config: EngineConfig,
    resume: Option<Checkpoint>,
}

impl<P: Probe> Engine<P> {
    /// A scan of `targets`.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] names the setting that is out of its range.
    pub fn new(
        probe: P,
        targets: ChunkTargets,
        mut config: EngineConfig,
    ) -> Result<Self, InvalidConfig> {
        config.check()?;
        if config.passes > probe.passes() {
            return Err(InvalidConfig {
                what: "passes",
                allowed: "not more than the probe can tell apart",
            });
        }
        if let Some(reach) = &mut config.reach {
            reach.passes = reach.passes.min(probe.passes());
        }
        Ok(Self {
            probe,
            targets,
            config,
            resume: None,
        })
    }

    /// Goes on from `checkpoint`. It decides how many senders there are.
    ///
    /// # Errors
    ///
    /// [`ScanError::OtherScan`] when it is of other targets, another chunk, or another number of
    /// passes.
    pub fn resume(mut self, checkpoint: Checkpoint) -> Result<Self, ScanError> {
        let head = &checkpoint.head;
        if head.fingerprint != self.targets.set().fingerprint() {
            return Err(ScanError::OtherScan("set of targets"));
        }
        if head.chunk != *self.targets.chunk() {
            return Err(ScanError::OtherScan("chunk"));
        }
        if head.passes != self.config.passes {
            return Err(ScanError::OtherScan("number of passes"));
        }
        if !head.shares(self.targets.len()) {
            return Err(ScanError::OtherScan("share of each sender"));
        }
        self.resume = Some(checkpoint);
        Ok(self)
    }

    /// Runs the scan: a thread for each sender, and this one to receive. `observer` is told of
    /// what is found, here.
    ///
    /// # Errors
    ///
    /// [`ScanError`]. What was found before stays found.
    pub fn run<O: Observer<P::Answer> + ?Sized>(
        &self,
        link: &dyn Link,
        observer: &mut O,
    ) -> Result<Report, ScanError> {
        self.drive(link, |senders, receiver, shared, ends| {
            let clock = link.clock();
            let patience = self.config.link_patience;
            drive::by_threads(senders, receiver, shared, ends, &*clock, patience, observer)
        })
    }

    /// Runs the scan in this thread, sending and receiving by turns: for links in virtual time, and
    /// for low rates.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_by_turns<O: Observer<P::Answer> + ?Sized>(
        &self,
        link: &dyn Link,
        observer: &mut O,
    ) -> Result<Report, ScanError> {
        self.drive(link, |senders, receiver, _, ends| {
            let clock = link.clock();
            let patience = self.config.link_patience;
            drive::by_turns(senders, receiver, ends, &*clock, patience, observer)
        })
    }

    fn drive(
        &self,
        link: &dyn Link,
        run: impl FnOnce(
            Vec<Sender<'_, P>>,
            Receiver<'_, P>,
            &Shared,
            Ends,
        ) -> Result<Report, ScanError>,
    ) -> Result<Report, ScanError> {
        self.check_paths()?;
        let answered = Answered::new(self.targets.len());
        let mut received = Received::default();
        let mut marks = self.fresh_marks();
        if let Some(checkpoint) = &self.resume {
            checkpoint
                .restore(&answered)
                .map_err(|_| ScanError::OtherScan("number of targets"))?;
            if !checkpoint.adds_up(answered.count(), P::Answer::CLASSES.len()) {
                return Err(ScanError::OtherScan("number of answers"));
            }
            checkpoint.head.recall(&mut received);
            marks.clone_from(&checkpoint.head.senders);
        }
        let rate = match self.config.adapt {
            true => Adapt::new(self.config.rate).rate(),
            false => self.config.rate,
        };
        let shared = Shared::new(answered, marks.clone(), rate, self.plan(&marks));
        let closes = match self.config.close {
            Close::Auto => !link.describe().resets,
            Close::Ours => true,
            Close::Others => false,
        };
        let ends = Ends::open(link, &self.probe, marks.len())?;
        let now = link.clock().now();
        let senders = marks.into_iter().enumerate();
        let senders = senders
            .map(|mark| self.sender(&shared, mark, now))
            .collect();
        let receiver = Receiver::new(
            &self.probe,
            &self.targets,
            &shared,
            &self.config,
            closes,
            received,
            now,
        );
        run(senders, receiver, &shared, ends)
    }

    fn sender<'a>(
        &'a self,
        shared: &'a Shared,
        mark: (usize, SenderMark),
        now: Moment,
    ) -> Sender<'a, P> {
        let rounds = self.probe.canary_rounds();
        Sender::new(
            &self.probe,
            &self.targets,
            shared,
            &self.config,
            mark,
            rounds,
            now,
        )
    }

    /// How many passes there are to be at first: those that were asked for, or that a scan that is
    /// resumed had come to.
    fn plan(&self, marks: &[SenderMark]) -> Plan {
        let most = self.config.most_passes();
        let begun = marks.iter().map(SenderMark::begun).max().unwrap_or(0);
        let passes = begun.clamp(self.config.passes, most);
        Plan {
            passes,
            settled: passes == most,
        }
    }

    /// Equal shares of the positions, from their start.
    fn fresh_marks(&self) -> Vec<SenderMark> {
        let (len, senders) = (self.targets.len(), self.config.senders as u64);
        // At most 2^33 · 64.
        let cut = |sender: u64| len * sender / senders;
        let mark = |sender| SenderMark {
            range: cut(sender)..cut(sender + 1),
            pass: 0,
            next: cut(sender),
            delayed: Vec::new(),
        };
        (0..senders).map(mark).collect()
    }

    /// Whether the probe can be sent to every version of IP that there are targets of.
    fn check_paths(&self) -> Result<(), ScanError> {
        let set = self.targets.set();
        for (version, wanted) in [(IpVersion::V4, set.has_v4()), (IpVersion::V6, set.has_v6())] {
            let mut slot = [0; 128];
            if wanted && self.probe.prepare(version, &mut slot) == 0 {
                return Err(ScanError::NoPath(version));
            }
        }
        Ok(())
    }
}
