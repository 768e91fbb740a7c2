//! What a simulated run brought, or what it broke.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde::de::DeserializeOwned;
use task_core::ports::objects::Objects;
use task_core::ports::store::Store;
use task_core::{CollectionId, WorkflowError};

use super::chaos::Injected;
use super::faults::Fault;
use super::paths::Path;
use crate::engine::Report;

/// A run in which every invariant held.
#[derive(Debug)]
#[non_exhaustive]
pub struct SimReport {
    /// The seed.
    pub seed: u64,
    /// The run as the engine reports it.
    pub run: Report,
    /// Faults that struck, in their order.
    pub faults: Vec<Injected>,
    /// How often the run went which rare way.
    pub paths: BTreeMap<Path, u64>,
    /// Virtual time from the start until all was at rest.
    pub took: Duration,
    /// Rows and values that were stored, those of attempts that did not last included.
    pub effects: u64,
    /// Messages that were put aside, by reason.
    pub parked: BTreeMap<String, u64>,
    /// Events in the log.
    pub events: u64,
    /// A hash of the whole log: equal for equal runs, in every process.
    pub fingerprint: u64,
    /// The log, if it was asked for: a line per event.
    pub log: Option<String>,
    pub(super) store: Arc<dyn Store>,
    pub(super) objects: Arc<dyn Objects>,
    pub(super) id: CollectionId,
}

impl SimReport {
    /// How often each fault struck.
    pub fn faults_by_kind(&self) -> BTreeMap<Fault, u64> {
        let mut counts = BTreeMap::new();
        for injected in &self.faults {
            *counts.entry(injected.fault).or_default() += 1;
        }
        counts
    }

    /// How many children of the container called `name` did not make it; 0 if there is none.
    pub fn troubles(&self, name: &str) -> u64 {
        let container = self.run.container(name);
        container.map_or(0, |container| {
            container.children.done() - container.children.good()
        })
    }

    /// All rows of the task or container called `name`, in the order in which its tasks stand;
    /// `None` if the workflow has no such name, or a row is no `T`.
    pub fn rows<T: DeserializeOwned>(&self, name: &str) -> Option<Vec<T>> {
        let dataset = ready(self.store.dataset(self.id, name)).ok()??;
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = ready(self.store.rows(dataset, after, 1000)).ok()?;
            let Some(last) = page.last() else {
                return Some(rows);
            };
            after = Some(last.key);
            for row in page {
                let json = ready(row.body.resolve(u64::MAX, Some(&*self.objects))).ok()?;
                rows.push(serde_json::from_str(json.get()).ok()?);
            }
        }
    }

    /// The first row of the task called `name`: what it returned.
    pub fn result<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.rows(name)?.into_iter().next()
    }
}

/// A future of a store that nobody else uses: it waits for nothing.
pub(super) fn ready<T>(future: impl Future<Output = T>) -> T {
    match future.now_or_never() {
        Some(value) => value,
        None => unreachable!("a store waits for somebody although the simulation is over"),
    }
}

/// Why a simulation did not bring a [`SimReport`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// There is nothing to simulate: [`Sim::workflow`](super::Sim::workflow) was not called.
    #[error("nothing to simulate; give the simulation a workflow")]
    NoWorkflow,
    /// The workflow is not sound.
    #[error("the workflow: {0}")]
    Workflow(#[from] WorkflowError),
    /// The store could not be opened.
    #[error("the store: {0}")]
    Store(#[from] task_core::ports::store::StoreError),
    /// An invariant does not hold.
    #[error("{0}")]
    Violation(Box<Violation>),
}

/// An invariant that does not hold, and the way to see it again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// What does not hold.
    pub what: String,
    /// Virtual time from the start until it was seen.
    pub at: Duration,
    /// Faults that bring it about: as few as were found. Leaving out any one of them alone does
    /// not bring it about, unless the search was cut short.
    pub faults: Vec<Injected>,
    /// How many faults there were before the list was shrunk.
    pub injected: usize,
    /// All events until then, with these few faults.
    pub log: String,
}

/// Lines of the log that are shown.
const TAIL: usize = 12;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        writeln!(
            f,
            "seed {}, after {:?} of virtual time; {} of {} faults bring it about:",
            self.seed,
            self.at,
            self.faults.len(),
            self.injected
        )?;
        for injected in &self.faults {
            let Injected { fault, nth, at_ms } = injected;
            writeln!(f, "  {fault} #{nth} at {at_ms} ms")?;
        }
        writeln!(f, "the last events:")?;
        let before = self.log.lines().count().saturating_sub(TAIL);
        for line in self.log.lines().skip(before) {
            writeln!(f, "  {line}")?;
        }
        match replay(self.seed) {
            Some(command) => write!(f, "replay: {command}"),
            None => Ok(()),
        }
    }
}

/// The command that runs this seed again: this very program, because nobody knows here with which
/// features it was built. A test is known by its thread; on a thread without a name nothing is.
pub(super) fn replay(seed: u64) -> Option<String> {
    let thread = std::thread::current();
    let program = std::env::current_exe().ok()?;
    let arguments: Vec<_> = match thread.name()? {
        "main" => std::env::args().skip(1).collect(),
        test => vec!["--exact".to_owned(), test.to_owned()],
    };
    let mut command = format!("SORTIE_SIM_SEED={seed} SORTIE_SIM_RUNS=1");
    for word in std::iter::once(program.display().to_string()).chain(arguments) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
        command += &match word.chars().all(plain) {
            true => format!(" {word}"),
            false => format!(" '{}'", word.replace('\'', r"'\''")),
        };
    }
    Some(command)
}
