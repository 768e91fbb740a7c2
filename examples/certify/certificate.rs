//! The certificate: figures, as JSON or as text.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use sortie::core::mutant::Mutant;
use sortie::sim::{Fault, Path};

use crate::args::Args;
use crate::hunt::{Hunt, hunt};
use crate::runs::{self, Broken, Totals};

/// What runs this program.
const COMMAND: &str = "cargo run --release --example certify --";

#[derive(Debug, Serialize)]
pub(crate) struct Certificate {
    base: u64,
    seeds: u64,
    sqlite_seeds: u64,
    runs: u64,
    events: u64,
    effects: u64,
    virtual_hours: f64,
    faults: BTreeMap<Fault, u64>,
    faults_injected: u64,
    states: BTreeMap<String, u64>,
    /// How often the runs went which rare way.
    paths: BTreeMap<Path, u64>,
    /// Faults that never struck and ways that no run went: of these nothing is certified.
    missing: Vec<&'static str>,
    violations: Vec<Broken>,
    mutants: Vec<Hunt>,
    mutants_killed: usize,
    seconds: f64,
}

pub(crate) fn certify(args: &Args) -> anyhow::Result<Certificate> {
    let started = Instant::now();
    let base = args.base()?;
    let mut totals = runs::all(args, base, args.seeds, false);
    totals.add(runs::all(args, base, args.sqlite(), true));
    let hunts = Mutex::new(Vec::new());
    let wanted = if args.hunt == 0 { 0 } else { Mutant::ALL.len() };
    runs::on_all_cores(args, wanted as u64, |n| {
        let hunted = hunt(Mutant::ALL[n as usize], args, base);
        let mut hunts = hunts.lock().unwrap_or_else(PoisonError::into_inner);
        hunts.push(hunted);
    });
    let mut mutants = hunts.into_inner().unwrap_or_else(PoisonError::into_inner);
    mutants.sort_by_key(|hunt| hunt.mutant);
    let Totals {
        runs,
        events,
        effects,
        virtual_seconds,
        faults,
        paths,
        states,
        violations,
    } = totals;
    let faults_missing = Fault::ALL
        .iter()
        .filter(|fault| !faults.contains_key(fault));
    let paths_missing = Path::ALL.iter().filter(|path| !paths.contains_key(path));
    let missing = faults_missing.map(|fault| fault.as_str());
    let missing = missing.chain(paths_missing.map(|path| path.as_str()));
    Ok(Certificate {
        base,
        seeds: args.seeds,
        sqlite_seeds: args.sqlite(),
        runs,
        events,
        effects,
        virtual_hours: virtual_seconds / 3600.0,
        faults_injected: faults.values().sum(),
        missing: missing.collect(),
        faults,
        paths,
        states,
        violations,
        mutants_killed: mutants.iter().filter(|hunt| hunt.killed).count(),
        mutants,
        seconds: started.elapsed().as_secs_f64(),
    })
}

impl Certificate {
    /// Nothing violated, every mutant that was hunted found out, nothing left untried.
    pub(crate) fn holds(&self) -> bool {
        self.violations.is_empty()
            && self.mutants_killed == self.mutants.len()
            && self.missing.is_empty()
    }

    pub(crate) fn print(&self, json: bool) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            return Ok(writeln!(out)?);
        }
        write!(out, "{self}")?;
        Ok(())
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds from {} in three weathers, and {} on SQLite: {} runs, {} events, {:.0} \
             virtual hours, {} effects, in {:.1} s",
            self.seeds,
            self.base,
            self.sqlite_seeds,
            self.runs,
            self.events,
            self.virtual_hours,
            self.effects,
            self.seconds
        )?;
        writeln!(f, "\n{} faults struck:", self.faults_injected)?;
        for (fault, n) in &self.faults {
            writeln!(f, "  {:<30} {n:>9}", fault.as_str())?;
        }
        writeln!(f, "\nrare ways that the runs went:")?;
        for (path, n) in &self.paths {
            writeln!(f, "  {:<30} {n:>9}", path.as_str())?;
        }
        if !self.missing.is_empty() {
            let missing = self.missing.join(", ");
            writeln!(
                f,
                "\nnot met, so not certified; give it more seeds: {missing}"
            )?;
        }
        writeln!(f, "\nthe runs ended:")?;
        for (state, n) in &self.states {
            writeln!(f, "  {state:<30} {n:>9}")?;
        }
        let (killed, all) = (self.mutants_killed, self.mutants.len());
        writeln!(f, "\n{killed} of {all} mutants found out:")?;
        for hunt in &self.mutants {
            let by = hunt.by.as_deref().unwrap_or("nothing");
            let found = if hunt.killed { "" } else { "NOT FOUND OUT; " };
            let Hunt { mutant, runs, .. } = hunt;
            writeln!(f, "  {mutant:<22} after {runs:>5} runs: {found}{by}")?;
        }
        writeln!(f, "\n{} violations", self.violations.len())?;
        for violation in &self.violations {
            writeln!(f, "{}", violation.text)?;
            writeln!(f, "replay: {COMMAND} {}\n", violation.replay)?;
        }
        Ok(())
    }
}
