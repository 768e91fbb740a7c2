//! A scan by connections, from its targets to its report.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::engine::{Found, Observer, Pacer, Progress, Received, Sent};
use crate::link::{Clock as _, MonotonicClock};
use crate::target::{Chunk, ChunkTargets, InvalidChunk, Target, TargetSet};

use super::answer::{ConnectAnswer, Outcome};

/// A thread does nothing but connect.
const STACK: usize = 128 * 1024;
/// How often the observer is told where the scan is.
const TELL: Duration = Duration::from_millis(100);

/// A scan by ordinary connections. See the [module](super) for a whole one.
#[derive(Clone, Debug)]
pub struct ConnectScan {
    targets: TargetSet,
    chunk: Chunk,
    rate: f64,
    at_once: u16,
    patience: Duration,
}

/// What came of it. Each target is in one of the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConnectReport {
    /// How many targets there are.
    pub targets: u64,
    /// Connections that were made.
    pub open: u64,
    /// Those that were refused.
    pub closed: u64,
    /// Targets that no way leads to.
    pub unreachable: u64,
    /// Targets that did not answer in time.
    pub silent: u64,
    /// Targets that this machine could not try (no descriptor or port was left), or did not come
    /// to, because the observer stopped the scan.
    pub not_tried: u64,
    /// What the system said when it first could not try.
    pub trouble: Option<String>,
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
            rate: 100.0,
            at_once: 128,
            patience: Duration::from_secs(2),
        }
    }

    /// Scans `chunk` only.
    pub fn chunk(mut self, chunk: Chunk) -> Self {
        self.chunk = chunk;
        self
    }

    /// Connections a second; at least one an hour.
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Connections at once, each with a thread of its own: 1 to 4,096.
    pub fn at_once(mut self, at_once: u16) -> Self {
        self.at_once = at_once.clamp(1, 4096);
        self
    }

    /// How long a target may take to answer; at least a millisecond. The system repeats the SYN
    /// after a second, so less than that is one probe, and less than 3 s two.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(1));
        self
    }

    /// Runs it, and tells `observer` on this thread. There are no checkpoints.
    ///
    /// # Errors
    ///
    /// [`InvalidChunk`], when the chunk is of other targets.
    pub fn run<O: Observer<ConnectAnswer> + ?Sized>(
        &self,
        observer: &mut O,
    ) -> Result<ConnectReport, InvalidChunk> {
        let targets = self.targets.chunk(&self.chunk)?;
        let crew = Crew::new(&targets, self.rate, self.patience);
        let mut report = ConnectReport {
            targets: targets.len(),
            ..ConnectReport::default()
        };
        let (ended, endings) = mpsc::channel();
        thread::scope(|scope| {
            let threads = u64::from(self.at_once).min(targets.len());
            for _ in 0..threads {
                let (crew, ended) = (&crew, ended.clone());
                let worker = thread::Builder::new().stack_size(STACK);
                // Fewer threads are slower, and none at all leaves every target untried.
                if worker
                    .spawn_scoped(scope, move || crew.work(&ended))
                    .is_err()
                {
                    break;
                }
            }
            // The channel closes when the last of them ends.
            drop(ended);
            let mut told = Instant::now();
            loop {
                match endings.recv_timeout(TELL) {
                    Ok((target, outcome)) => crew.count(target, outcome, &mut report, observer),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if told.elapsed() >= TELL {
                    told = Instant::now();
                    if observer.progress(&crew.progress(&report)).is_break() {
                        crew.stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        // There is nothing left to stop.
        let _ = observer.progress(&crew.progress(&report));
        let tried = report.open + report.closed + report.unreachable + report.silent;
        report.not_tried = report.targets - tried;
        report.elapsed = crew.started.elapsed();
        Ok(report)
    }
}

/// What the threads share.
struct Crew<'a> {
    targets: &'a ChunkTargets,
    patience: Duration,
    started: Instant,
    clock: MonotonicClock,
    pacer: Mutex<Pacer>,
    next: AtomicU64,
    stop: AtomicBool,
}

impl<'a> Crew<'a> {
    fn new(targets: &'a ChunkTargets, rate: f64, patience: Duration) -> Self {
        let clock = MonotonicClock::start();
        Self {
            targets,
            patience,
            started: Instant::now(),
            clock,
            pacer: Mutex::new(Pacer::new(rate, clock.now())),
            next: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// Connects to one target after the other until there is none.
    fn work(&self, ended: &Sender<(Target, Outcome)>) {
        while self.may_go() {
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(target) = self.targets.get(position) else {
                return;
            };
            let address = SocketAddr::new(target.addr(), target.port());
            let attempt = TcpStream::connect_timeout(&address, self.patience).map(drop);
            // Nobody listens any more only when the scan has panicked.
            let _ = ended.send((target, Outcome::from(attempt)));
        }
    }

    fn count<O: Observer<ConnectAnswer> + ?Sized>(
        &self,
        target: Target,
        outcome: Outcome,
        report: &mut ConnectReport,
        observer: &mut O,
    ) {
        let answer = match outcome {
            Outcome::Answer(answer) => answer,
            Outcome::Silent => return report.silent += 1,
            Outcome::NotTried(error) => {
                report.trouble.get_or_insert_with(|| error.to_string());
                return;
            }
        };
        match answer {
            ConnectAnswer::Open => report.open += 1,
            ConnectAnswer::Closed => report.closed += 1,
            ConnectAnswer::Unreachable => report.unreachable += 1,
        }
        observer.found(&Found {
            after: self.started.elapsed(),
            target,
            pass: 0,
            answer,
        });
    }

    /// Waits for its turn; `false` when the scan is to stop.
    fn may_go(&self) -> bool {
        while !self.stop.load(Ordering::Relaxed) {
            let now = self.clock.now();
            let wait = {
                let mut pacer = self.pacer.lock().unwrap_or_else(PoisonError::into_inner);
                if pacer.allowance(now) > 0 {
                    pacer.take(1);
                    return true;
                }
                pacer.ready_at(now) - now
            };
            // Not for longer, so that a slow scan stops when it is asked to.
            thread::sleep(wait.min(TELL));
        }
        false
    }

    fn progress(&self, report: &ConnectReport) -> Progress {
        let begun = self.next.load(Ordering::Relaxed).min(self.targets.len());
        let mut sent = Sent::default();
        let mut received = Received::default();
        let classes = [report.open, report.closed, report.unreachable];
        if let Some(first) = sent.passes.first_mut() {
            *first = begun;
        }
        if let Some(first) = received.by_pass.first_mut() {
            *first = classes.iter().sum();
        }
        for (sum, count) in received.by_class.iter_mut().zip(classes) {
            *sum = count;
        }
        Progress {
            elapsed: self.started.elapsed(),
            targets: self.targets.len(),
            sent,
            received,
            rate: self
                .pacer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .rate(),
            dropped: 0,
        }
    }
}
