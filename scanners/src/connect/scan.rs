//! A scan by connections, from its targets to its report.

use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::engine::{Found, Observer, Pacer, Progress, Received, Sent};
use crate::target::{Chunk, ChunkTargets, InvalidChunk, Target, TargetSet};

use super::outcome::PortOutcome;
use super::scanner::{ConnectOptions, ConnectScanner};

/// How often the observer is told where the scan is.
const TELL: Duration = Duration::from_millis(100);

/// What was missed for longer than this is not made up for. The timers of the runtime have
/// milliseconds, so a [`Pacer`] that asks ten times as often would never reach its rate here.
const LATE: Duration = Duration::from_millis(10);

/// More connections a second than any system makes.
const MAX_RATE: f64 = 1e6;

/// A scan by ordinary connections.
///
/// ```
/// use sortie_scanners::connect::{ConnectScan, PortOutcome};
/// use sortie_scanners::engine::Found;
/// use sortie_scanners::scope::Scope;
/// use sortie_scanners::target::TargetSet;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let port = listener.local_addr()?.port();
/// let scope = Scope::builder().allow_net("127.0.0.1/32".parse::<ipnet::IpNet>()?).build()?;
/// let targets = TargetSet::builder().addrs("127.0.0.1").ports(&port.to_string()).build(&scope)?;
///
/// let mut found = Vec::new();
/// let mut observer = |it: &Found<PortOutcome>| found.push(serde_json::to_value(it).unwrap());
/// let report = ConnectScan::new(targets).run(&mut observer).await?;
/// assert_eq!(report.open, 1);
/// assert_eq!(found[0]["method"], "connect");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConnectScan {
    targets: TargetSet,
    chunk: Chunk,
    from: u64,
    rate: f64,
    at_once: u16,
    scanner: ConnectScanner,
}

/// What came of it. Each target is in one of the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConnectReport {
    /// How many targets there are, from where it began.
    pub targets: u64,
    /// Connections that were made.
    pub open: u64,
    /// Those that were refused.
    pub closed: u64,
    /// Targets that no way leads to, as somebody on it says.
    pub unreachable: u64,
    /// Targets that no way leads to from this machine: [`PortOutcome::NoRoute`].
    pub no_route: u64,
    /// Targets that did not answer in time.
    pub silent: u64,
    /// Targets that this machine could not try (no descriptor or port was left), or did not come
    /// to, because the observer stopped the scan.
    pub not_tried: u64,
    /// What the system said when it first could not try.
    pub trouble: Option<String>,
    /// The position in the chunk where [`ConnectScan::from`] goes on: all before it have ended.
    pub next: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl ConnectScan {
    /// A scan of all `targets`, in the order of seed 0, at 100 connections a second, 128 of them
    /// at once, each within 2 s.
    pub fn new(targets: TargetSet) -> Self {
        Self {
            chunk: Chunk::all(&targets, 0),
            targets,
            from: 0,
            rate: 100.0,
            at_once: 128,
            scanner: ConnectScanner::default(),
        }
    }

    /// Scans `chunk` only.
    pub fn chunk(mut self, chunk: Chunk) -> Self {
        self.chunk = chunk;
        self
    }

    /// Begins at this position of the chunk: where an earlier scan of it was stopped
    /// ([`ConnectReport::next`]).
    pub fn from(mut self, position: u64) -> Self {
        self.from = position;
        self
    }

    /// Connections a second, from one an hour to a million. Kept in the long run; over any tenth of
    /// a second there are at most 10 % more.
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Connections at once, each with a descriptor and a port of this machine; at least 1.
    pub fn at_once(mut self, at_once: u16) -> Self {
        self.at_once = at_once.max(1);
        self
    }

    /// How long a target may take to answer; at least a millisecond. The system repeats the SYN
    /// after a second, so less than that is one probe, and less than 3 s two.
    pub fn patience(mut self, patience: Duration) -> Self {
        let timeout = patience.max(Duration::from_millis(1));
        self.scanner = ConnectScanner::new(ConnectOptions { timeout });
        self
    }

    /// Runs it, and tells `observer` of what answers. When the observer stops it, what is under way
    /// is seen to its end. There are no checkpoints: [`ConnectReport::next`] is all that it takes.
    ///
    /// # Errors
    ///
    /// [`InvalidChunk`], when the chunk is of other targets.
    pub async fn run<O: Observer<PortOutcome> + ?Sized>(
        &self,
        observer: &mut O,
    ) -> Result<ConnectReport, InvalidChunk> {
        let targets = self.targets.chunk(&self.chunk)?;
        let mut run = Run::new(self, &targets);
        let mut under_way = FuturesUnordered::new();
        let mut tell = interval(TELL);
        tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let room = usize::from(self.at_once).saturating_sub(under_way.len());
            let goes_on = run.next < targets.len();
            if !goes_on && under_way.is_empty() {
                break;
            }
            tokio::select! {
                Some((target, outcome)) = under_way.next() => run.count(target, outcome, observer),
                () = sleep_until(run.turn), if goes_on && room > 0 => {
                    for target in run.take(room) {
                        let probe = self.scanner.probe(target.in_scope());
                        under_way.push(async move { (target, probe.await) });
                    }
                }
                _ = tell.tick() => {
                    if goes_on && observer.progress(&run.progress()).is_break() {
                        break;
                    }
                }
            }
        }
        while let Some((target, outcome)) = under_way.next().await {
            run.count(target, outcome, observer);
        }
        // There is nothing left to stop.
        let _: ControlFlow<()> = observer.progress(&run.progress());
        Ok(run.report())
    }
}

/// A scan on its way.
struct Run<'a> {
    targets: &'a ChunkTargets,
    started: Instant,
    /// When the next connection may be made.
    turn: Instant,
    /// From one turn to the next.
    pause: Duration,
    rate: f64,
    from: u64,
    next: u64,
    report: ConnectReport,
}

impl<'a> Run<'a> {
    fn new(scan: &ConnectScan, targets: &'a ChunkTargets) -> Self {
        let from = scan.from.min(targets.len());
        #[expect(clippy::manual_clamp, reason = "what is no number becomes the least")]
        let rate = scan.rate.max(Pacer::MIN_RATE).min(MAX_RATE);
        let now = Instant::now();
        Self {
            targets,
            started: now,
            turn: now,
            pause: Duration::from_secs_f64(1.0 / rate),
            rate,
            from,
            next: from,
            report: ConnectReport {
                targets: targets.len() - from,
                ..ConnectReport::default()
            },
        }
    }

    /// The targets whose turn it is, `room` at most.
    fn take(&mut self, room: usize) -> impl Iterator<Item = Target> + use<'a> {
        let now = Instant::now();
        self.turn = self.turn.max(now.checked_sub(LATE).unwrap_or(now));
        let first = self.next;
        let end = self.targets.len().min(first.saturating_add(room as u64));
        while self.next < end && self.turn <= now {
            self.turn += self.pause;
            self.next += 1;
        }
        let targets = self.targets;
        (first..self.next).filter_map(|position| targets.get(position))
    }

    fn count<O: Observer<PortOutcome> + ?Sized>(
        &mut self,
        target: Target,
        outcome: PortOutcome,
        observer: &mut O,
    ) {
        match &outcome {
            PortOutcome::Open => self.report.open += 1,
            PortOutcome::Closed => self.report.closed += 1,
            PortOutcome::Unreachable(_) => self.report.unreachable += 1,
            PortOutcome::NoRoute(_) => self.report.no_route += 1,
            // Silence is counted, and not told.
            PortOutcome::Silent => return self.report.silent += 1,
            PortOutcome::LocalFailure(why) => {
                self.report.trouble.get_or_insert_with(|| why.clone());
                return;
            }
        }
        observer.found(&Found {
            after: self.started.elapsed(),
            target,
            pass: 0,
            answer: outcome,
        });
    }

    fn report(mut self) -> ConnectReport {
        let ConnectReport {
            open,
            closed,
            unreachable,
            no_route,
            silent,
            ..
        } = self.report;
        let tried = open + closed + unreachable + no_route + silent;
        self.report.not_tried = self.report.targets - tried;
        self.report.next = self.next;
        self.report.elapsed = self.started.elapsed();
        self.report
    }

    fn progress(&self) -> Progress {
        let mut sent = Sent::default();
        let mut received = Received::default();
        let classes = [
            self.report.open,
            self.report.closed,
            self.report.unreachable,
        ];
        if let Some(first) = sent.passes.first_mut() {
            *first = self.next - self.from;
        }
        if let Some(first) = received.by_pass.first_mut() {
            *first = classes.iter().sum();
        }
        if let Some(first) = received.steady_by_pass.first_mut() {
            *first = self.report.open + self.report.closed;
        }
        for (sum, count) in received.by_class.iter_mut().zip(classes) {
            *sum = count;
        }
        Progress {
            elapsed: self.started.elapsed(),
            targets: self.report.targets,
            sent,
            received,
            rate: self.rate,
            dropped: 0,
        }
    }
}
