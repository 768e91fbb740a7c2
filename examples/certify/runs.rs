//! Many runs on all cores, and one by itself.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use serde::Serialize;
use sortie::core::mutant::Mutant;
use sortie::sim::{Fault, Path, SimError};

use crate::args::{Args, Case, Weather};

/// What many runs add up to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) runs: u64,
    pub(crate) events: u64,
    pub(crate) effects: u64,
    pub(crate) virtual_seconds: f64,
    pub(crate) faults: BTreeMap<Fault, u64>,
    pub(crate) paths: BTreeMap<Path, u64>,
    pub(crate) states: BTreeMap<String, u64>,
    pub(crate) violations: Vec<Broken>,
}

/// A run in which an invariant does not hold.
#[derive(Debug, Serialize)]
pub(crate) struct Broken {
    pub(crate) seed: u64,
    pub(crate) weather: &'static str,
    pub(crate) sqlite: bool,
    /// What does not hold.
    pub(crate) what: String,
    /// The options by which this program runs it again.
    pub(crate) replay: String,
    /// All that can be said of it.
    pub(crate) text: String,
}

impl Totals {
    pub(crate) fn add(&mut self, run: Self) {
        self.runs += run.runs;
        self.events += run.events;
        self.effects += run.effects;
        self.virtual_seconds += run.virtual_seconds;
        add(&mut self.faults, run.faults);
        add(&mut self.paths, run.paths);
        add(&mut self.states, run.states);
        self.violations.extend(run.violations);
    }

    fn of(case: Case) -> Self {
        let mut totals = Self {
            runs: 1,
            ..Self::default()
        };
        match case.sim().run() {
            Ok(report) => {
                totals.events = report.events;
                totals.effects = report.effects;
                totals.virtual_seconds = report.took.as_secs_f64();
                totals.states.insert(report.run.state.to_string(), 1);
                totals.faults = report.faults_by_kind();
                totals.paths = report.paths;
            }
            Err(error) => totals.violations.push(Broken {
                seed: case.seed,
                weather: case.weather.as_str(),
                sqlite: case.sqlite,
                what: match &error {
                    SimError::Violation(violation) => violation.what.clone(),
                    error => error.to_string(),
                },
                replay: case.to_string(),
                text: error.to_string(),
            }),
        }
        totals
    }
}

fn add<K: Ord>(sums: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, n) in more {
        *sums.entry(key).or_default() += n;
    }
}

/// Runs `seeds` seeds from `base` on in all weathers.
pub(crate) fn all(args: &Args, base: u64, seeds: u64, sqlite: bool) -> Totals {
    let weathers = Weather::ALL.len() as u64;
    let totals = Mutex::new(Totals::default());
    on_all_cores(args, seeds.saturating_mul(weathers), |job| {
        let run = Totals::of(Case {
            seed: base + job / weathers,
            weather: Weather::ALL[(job % weathers) as usize],
            sqlite,
            mutant: None,
        });
        let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.add(run);
    });
    totals.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Gives out the numbers below `jobs`, with a word on standard error now and then.
pub(crate) fn on_all_cores(args: &Args, jobs: u64, work: impl Fn(u64) + Sync) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..args.threads.map_or(cores, usize::from) {
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

/// One run, with all that can be said of it.
pub(crate) fn one(case: Case, log: bool) -> anyhow::Result<ExitCode> {
    let _planted = case.mutant.map(Mutant::plant);
    let mut sim = case.sim();
    if log {
        sim = sim.log();
    }
    let mut out = std::io::stdout().lock();
    let report = match sim.run() {
        Ok(report) => report,
        Err(SimError::Violation(violation)) => {
            if log {
                out.write_all(violation.log.as_bytes())
                    .context("standard output")?;
            }
            writeln!(out, "{case}: {violation}").context("standard output")?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(log) = &report.log {
        out.write_all(log.as_bytes()).context("standard output")?;
    }
    writeln!(
        out,
        "{case}: {}, {} targets, {} events in {:?}, {} faults, fingerprint {:016x}",
        report.run.state,
        report.run.ledger.targets,
        report.events,
        report.took,
        report.faults.len(),
        report.fingerprint
    )
    .context("standard output")?;
    Ok(ExitCode::SUCCESS)
}
