//! A machine that has so many files, and looks that take one each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sortie_task_defs::scan::{Found, InvalidOption, LocalFailure, Probe, Scan, Target, Tools};
use task_core::TaskError;
use task_core::conformance::ManualRuntime;
use task_core::ports::runtime::Runtime;

/// The machine that looks are made on.
pub(crate) struct Machine {
    pub(crate) runtime: ManualRuntime,
    /// How many looks there is a file for.
    pub(crate) files: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) most_open: AtomicUsize,
    pub(crate) refused: AtomicUsize,
    /// How often each target was looked at to the end.
    pub(crate) looked: Mutex<BTreeMap<u32, u32>>,
}

/// Looks that take a file each, and their time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slow {}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sight {
    pub(crate) n: u32,
    /// How long a look takes.
    pub(crate) millis: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) n: u32,
    /// How long it took.
    pub(crate) took: u64,
}

impl Machine {
    /// With files for all.
    pub(crate) fn new(runtime: ManualRuntime) -> Self {
        Self {
            runtime,
            files: AtomicUsize::new(usize::MAX),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            looked: Mutex::default(),
        }
    }
}

impl Target for Sight {
    type Key = u32;

    fn key(&self) -> u32 {
        self.n
    }
}

impl Probe for Slow {
    const FAMILY: &'static str = "slow";
    const METHOD: &'static str = "none";
    type Row = Sight;
    type Target = Sight;
    type Record = Seen;
    type Scanner = Arc<Machine>;

    fn check(&self) -> Result<(), InvalidOption> {
        Ok(())
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(45)
    }

    fn targets(&self, row: Sight, targets: &mut Vec<Sight>) {
        targets.push(row);
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Arc<Machine>, TaskError> {
        Ok(tools.resources().get::<Machine>().unwrap())
    }

    async fn look(&self, machine: &Arc<Machine>, sight: &Sight) -> Result<Seen, LocalFailure> {
        let file = File::open(machine)?;
        let begun = machine.runtime.now();
        // In two steps, as a conversation is: it takes longer if it is not driven on.
        for _ in 0..2 {
            machine
                .runtime
                .sleep(Duration::from_millis(sight.millis / 2))
                .await;
        }
        drop(file);
        *machine.looked.lock().unwrap().entry(sight.n).or_default() += 1;
        let took = machine.runtime.now().since(begun).as_millis() as u64;
        Ok(Seen { n: sight.n, took })
    }

    fn outcome(_: &Seen) -> &'static str {
        "seen"
    }

    fn models(_: &Seen, _: &mut Found) {}
}

struct File<'a>(&'a Machine);

impl<'a> File<'a> {
    fn open(machine: &'a Machine) -> Result<Self, LocalFailure> {
        let open = machine.open.load(Ordering::Relaxed);
        if open >= machine.files.load(Ordering::Relaxed) {
            machine.refused.fetch_add(1, Ordering::Relaxed);
            return Err(LocalFailure("too many open files".to_owned()));
        }
        machine.open.store(open + 1, Ordering::Relaxed);
        machine.most_open.fetch_max(open + 1, Ordering::Relaxed);
        Ok(Self(machine))
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A chunk of looks.
pub(crate) fn chunk(looks: impl IntoIterator<Item = u64>, concurrency: u16) -> Scan<Slow> {
    let targets = looks.into_iter().zip(0..);
    Scan {
        targets: targets.map(|(millis, n)| Sight { n, millis }).collect(),
        concurrency,
        options: Slow {},
    }
}
