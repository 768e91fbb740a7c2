//! How a scan is run.

use std::time::Duration;

use serde::Serialize;

use super::error::InvalidConfig;
use super::pace::Pacer;
use super::prefix::PrefixCap;
use super::reach::Reach;
use super::retry::MAX_PASSES;

/// Most threads that send.
pub(super) const MAX_SENDERS: usize = 64;

/// How a scan is run; the defaults suit a scan of the Internet from one machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Probes a second, those of all passes and senders together; from 1 an hour. Default 1,000.
    pub rate: f64,
    /// How often a target is probed until it answers, 1 to 8. Default 2.
    pub passes: u8,
    /// Whether passes are added where loss makes it necessary, and how many; a scan of one pass
    /// keeps to it. `None`: never. Default: up to 4 passes in all, to find 99.5 %.
    pub reach: Option<Reach>,
    /// The least time between two probes of a target; at least 1 s, which is also the default.
    pub retry_after: Duration,
    /// How long late answers are waited for after the last probe, unless nobody is silent any more.
    /// Default 5 s.
    ///
    /// It is paid once for each chunk, and there is no sound way to end it early: whether a target
    /// that is silent will answer cannot be told from those that have. So make a chunk take much
    /// longer than this to send, or scan several at the same time, each with its part of the rate.
    /// Some hosts, on mobile networks above all, take several seconds for a first answer
    /// (Padmanabhan et al., *Timeouts: Beware Surprisingly High Delay*, 2015).
    pub cooldown: Duration,
    /// How long a link may be down before the scan ends with
    /// [`LinkError::Down`](crate::link::LinkError::Down). Until then senders wait and go on where
    /// they were; what was under way is lost, as any packet may be. An interface that is itself set
    /// down loses its IPv6 addresses and its routes, which whoever sets it up again must restore; a
    /// cable that is pulled leaves both. Default 30 s; zero: not at all.
    pub link_patience: Duration,
    /// Threads that send, 1 to 64. Each keeps its share of the rate: where that is less than 2,000
    /// a second, a stall may let a probe of each go at once. Default 1.
    pub senders: usize,
    /// A cap on what each network gets. Default none.
    pub prefix_cap: Option<PrefixCap>,
    /// Whether the rate starts low, follows what the way can carry, and [`rate`](Self::rate) is
    /// only the most. It needs [`canaries`](Self::canaries). Default no.
    pub adapt: bool,
    /// Whether targets that answered are probed again to measure loss: at most one probe in a
    /// hundred, 64 a second. Default yes.
    pub canaries: bool,
    /// Who ends the connections that a SYN-ACK leaves half open. Default: us, if nobody else does.
    pub close: Close,
    /// The longest stretch of sending that a scan which is killed does over; at least 1 s. `None`:
    /// no checkpoints. Default 10 s.
    ///
    /// What was sent less than four tenths of it before a checkpoint is done over. So what has not
    /// answered within that time, a later run asks again only in another pass; to the last pass its
    /// answer is lost. Leave hosts more time than they need.
    pub checkpoint_every: Option<Duration>,
    /// Frames that are handed to the link at once, 1 to 1,024. Default 64.
    pub batch: usize,
}

/// Who ends the connections that an answer leaves half open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// We do, unless the link says that somebody else does
    /// ([`LinkInfo::resets`](crate::link::LinkInfo::resets)).
    #[default]
    Auto,
    /// We do, with a frame for each answer.
    Ours,
    /// Not we. A kernel that sees the answers resets what it did not ask for; if a firewall before
    /// it drops them, the targets are left waiting.
    Others,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            rate: 1000.0,
            passes: 2,
            reach: Some(Reach::default()),
            retry_after: Duration::from_secs(1),
            cooldown: Duration::from_secs(5),
            link_patience: Duration::from_secs(30),
            senders: 1,
            prefix_cap: None,
            adapt: false,
            canaries: true,
            close: Close::default(),
            checkpoint_every: Some(Duration::from_secs(10)),
            batch: 64,
        }
    }
}

impl EngineConfig {
    /// The most passes that there may be: those that are asked for, and those that
    /// [`reach`](Self::reach) may add.
    pub fn most_passes(&self) -> u8 {
        match self.reach {
            Some(reach) if self.passes > 1 => self.passes.max(reach.passes),
            _ => self.passes,
        }
    }

    /// Checks that each value is in its range.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let invalid = |what, allowed| Err(InvalidConfig { what, allowed });
        if !(self.rate.is_finite() && self.rate >= Pacer::MIN_RATE) {
            return invalid("rate", "a number of probes a second, from 1/3600");
        }
        if !(1..=MAX_PASSES).contains(&usize::from(self.passes)) {
            return invalid("passes", "1 to 8");
        }
        if let Some(Reach { share, passes }) = self.reach {
            if !(share > 0.0 && share < 1.0) {
                return invalid("reach.share", "above 0 and below 1");
            }
            if !(1..=MAX_PASSES).contains(&usize::from(passes)) {
                return invalid("reach.passes", "1 to 8");
            }
        }
        if self.retry_after < Duration::from_secs(1) {
            return invalid("retry_after", "1 s or more");
        }
        if !(1..=MAX_SENDERS).contains(&self.senders) {
            return invalid("senders", "1 to 64");
        }
        if self
            .prefix_cap
            .is_some_and(|cap| !(cap.rate.is_finite() && cap.rate > 0.0))
        {
            return invalid("prefix_cap", "a number of probes a second above 0");
        }
        if self
            .checkpoint_every
            .is_some_and(|every| every < Duration::from_secs(1))
        {
            return invalid("checkpoint_every", "1 s or more");
        }
        if self.adapt && !self.canaries {
            return invalid(
                "adapt",
                "off without canaries, which are what the rate follows",
            );
        }
        if !(1..=1024).contains(&self.batch) {
            return invalid("batch", "1 to 1,024");
        }
        Ok(())
    }
}
