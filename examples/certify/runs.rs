//! Many runs on all cores, and one by itself.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use sortie::sim::{Sim, SimError};

use crate::args::{Args, Weather};

/// What many runs add up to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) runs: u64,
    pub(crate) events: u64,
    pub(crate) effects: u64,
    pub(crate) virtual_seconds: f64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) states: BTreeMap<String, u64>,
    pub(crate) violations: Vec<String>,
}

impl Totals {
    pub(crate) fn add(&mut self, run: Self) {
        self.runs += run.runs;
        self.events += run.events;
        self.effects += run.effects;
        self.virtual_seconds += run.virtual_seconds;
        for (fault, n) in run.faults {
            *self.faults.entry(fault).or_default() += n;
        }
        for (state, n) in run.states {
            *self.states.entry(state).or_default() += n;
        }
        self.violations.extend(run.violations);
    }

    fn of(seed: u64, weather: Weather, sqlite: bool) -> Self {
        let mut sim = Sim::new(seed).generated().faults(weather.faults());
        if sqlite {
            sim = sim.on_sqlite();
        }
        let mut totals = Self {
            runs: 1,
            ..Self::default()
        };
        match sim.run() {
            Ok(report) => {
                totals.events = report.events;
                totals.effects = report.effects;
                totals.virtual_seconds = report.took.as_secs_f64();
                totals.states.insert(report.run.state.to_string(), 1);
                let faults = report.faults_by_kind().into_iter();
                totals.faults = faults.map(|(fault, n)| (fault.as_str(), n)).collect();
            }
            Err(error) => {
                let weather = weather.as_str();
                totals
                    .violations
                    .push(format!("seed {seed}, {weather}: {error}"));
            }
        }
        totals
    }
}

/// Runs all seeds in all weathers.
pub(crate) fn all(args: &Args, seeds: u64, sqlite: bool) -> Totals {
    let jobs = seeds * Weather::ALL.len() as u64;
    let totals = Mutex::new(Totals::default());
    on_all_cores(args, jobs, |job| {
        let weather = Weather::ALL[(job % Weather::ALL.len() as u64) as usize];
        let seed = args.base.wrapping_add(job / Weather::ALL.len() as u64);
        let run = Totals::of(seed, weather, sqlite);
        totals
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .add(run);
    });
    totals
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Gives out the numbers below `jobs`, with a word on standard error now and then.
pub(crate) fn on_all_cores(args: &Args, jobs: u64, work: impl Fn(u64) + Sync) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..args.threads.unwrap_or(cores).max(1) {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs {
                        return;
                    }
                    if job % 3000 == 2999 {
                        eprintln!("{} of {jobs} runs", job + 1);
                    }
                    work(job);
                }
            });
        }
    });
}

/// One seed, with all that can be said of it.
pub(crate) fn one(seed: u64, args: &Args) -> anyhow::Result<()> {
    let mut sim = Sim::new(seed).generated().faults(args.faults.faults());
    if args.log {
        sim = sim.log();
    }
    let report = match sim.run() {
        Ok(report) => report,
        Err(SimError::Violation(violation)) => {
            if args.log {
                std::io::stdout().write_all(violation.log.as_bytes())?;
            }
            anyhow::bail!("{violation}");
        }
        Err(error) => return Err(error.into()),
    };
    let mut out = std::io::stdout().lock();
    if let Some(log) = &report.log {
        out.write_all(log.as_bytes()).context("standard output")?;
    }
    writeln!(
        out,
        "seed {seed}: {}, {} tasks' targets, {} events in {:?}, {} faults, fingerprint {:016x}",
        report.run.state,
        report.run.ledger.targets,
        report.events,
        report.took,
        report.faults.len(),
        report.fingerprint
    )
    .context("standard output")
}
