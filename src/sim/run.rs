//! A simulation to run: what is simulated, and what goes wrong.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stores::MemoryStore;
use task_core::ports::recon::ReconStore;
use task_core::ports::store::{Store, StoreError};
use task_core::{CollectionId, Plan, Registry, Resources, Workflow, WorkflowError};
use transports::objects::ObjectStoreObjects;

use super::audit::Audit;
use super::blocking::Blocking;
use super::carrier::Queues;
use super::chaos::{Chaos, Injected};
use super::faults::{Fault, Faults};
use super::generated;
use super::keeper::Shared;
use super::model::Model;
use super::play::{PATIENCE, Play};
use super::report::{SimError, SimReport};
use super::shrink::shrink;
use super::site::Site;
use super::watch::Watch;
use super::world::{NOBODY, World};

/// A simulation to run. See [the module](super) for what it does.
#[derive(Debug)]
#[must_use = "a simulation does nothing until it is run"]
pub struct Sim {
    pub(super) seed: u64,
    registry: Arc<Registry>,
    workflow: Option<Result<Job, WorkflowError>>,
    faults: Faults,
    resources: fn() -> Resources,
    cancel_after: Option<Duration>,
    keep_log: bool,
    storm: Duration,
    patience: Duration,
    store: StoreChoice,
    generated: bool,
    shrink: bool,
}

/// What is submitted.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) plan: Plan,
    pub(super) scope: Option<Vec<u8>>,
}

enum StoreChoice {
    Memory,
    #[cfg(feature = "sqlite")]
    Sqlite,
    Own(Box<dyn Fn() -> Result<Faces, StoreError> + Send + Sync>),
}

/// Both faces of one store.
type Faces = (Arc<dyn Store>, Arc<dyn ReconStore>);

impl fmt::Debug for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "Sqlite",
            Self::Own(_) => "Own",
        })
    }
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) violation: Option<String>,
    pub(super) at: Duration,
    pub(super) injected: Vec<Injected>,
    pub(super) log: Option<String>,
    report: Option<SimReport>,
}

impl Sim {
    /// A simulation of nothing yet, without faults.
    ///
    /// ```
    /// use sortie::sim::{Sim, SimError};
    ///
    /// assert!(matches!(Sim::new(7).run(), Err(SimError::NoWorkflow)));
    /// ```
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            registry: Arc::default(),
            workflow: None,
            faults: Faults::none(),
            resources: Resources::new,
            cancel_after: None,
            keep_log: false,
            storm: Duration::from_secs(3600),
            patience: PATIENCE,
            store: StoreChoice::Memory,
            generated: false,
            shrink: true,
        }
    }

    /// A simulation of a workflow made from the seed, of tasks whose right results are known and
    /// checked: nested containers, generators of up to 1,000 children, conditions, policies,
    /// retries, cursors, deadlines, results that go through the object store; one in ten is
    /// cancelled. Without faults.
    ///
    /// ```
    /// use sortie::sim::{Faults, Sim};
    ///
    /// let report = Sim::generated(7).faults(Faults::light()).run()?;
    /// assert!(report.run.state.is_terminal());
    /// # Ok::<(), sortie::sim::SimError>(())
    /// ```
    pub fn generated(seed: u64) -> Self {
        let made = generated::make(seed);
        let mut sim = Self::new(seed)
            .registry(generated::registry())
            .workflow(made.workflow);
        sim.cancel_after = made.cancel_after;
        sim.patience = made.patience;
        sim.generated = true;
        sim
    }

    /// The definitions.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Arc::new(registry);
        self
    }

    /// The workflow. It takes the place of a [generated](Self::generated) one.
    pub fn workflow(mut self, mut workflow: Workflow) -> Self {
        self.generated = false;
        self.patience = PATIENCE;
        let scope = workflow.take_scope();
        self.workflow = Some(workflow.build().map(|plan| Job { plan, scope }));
        self
    }

    /// What goes wrong. Default: nothing.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// What is set up once for all tasks of a run. A function, because a failing run is run again
    /// to find what brings it about, and must find everything as it was.
    pub fn resources(mut self, make: fn() -> Resources) -> Self {
        self.resources = make;
        self
    }

    /// Cancels the run after this much virtual time.
    pub fn cancel_after(mut self, after: Duration) -> Self {
        self.cancel_after = Some(after);
        self
    }

    /// Keeps the log.
    pub fn log(mut self) -> Self {
        self.keep_log = true;
        self
    }

    /// Faults end after this much virtual time, and the run must come to its end. Default: an
    /// hour.
    pub fn storm(mut self, length: Duration) -> Self {
        self.storm = length;
        self
    }

    /// On a SQLite store in memory instead of the plain one. Slower by far.
    #[cfg(feature = "sqlite")]
    pub fn on_sqlite(mut self) -> Self {
        self.store = StoreChoice::Sqlite;
        self
    }

    /// On a store of your own. `open` makes it for each run, new or emptied; it may do real I/O, on
    /// a tokio runtime that the simulation keeps for it, and each call is waited for. Everything
    /// that is promised must hold on it, too. That a seed always gives the same run, and that the
    /// faults of a failing one can be shrunk, holds as far as the store returns equal rows in the
    /// same order each time, which is more than the port asks for.
    ///
    /// ```
    /// use sortie::sim::{Faults, Sim};
    /// use sortie::stores::MemoryStore;
    ///
    /// let run = Sim::generated(3).faults(Faults::light());
    /// run.on_store(async || Ok(MemoryStore::new())).run()?;
    /// # Ok::<(), sortie::sim::SimError>(())
    /// ```
    pub fn on_store<S: Store + ReconStore>(
        mut self,
        open: impl AsyncFn() -> Result<S, StoreError> + Send + Sync + 'static,
    ) -> Self {
        self.store = StoreChoice::Own(Box::new(move || Ok(both(Blocking::open(open())?))));
        self
    }

    /// Whether the faults of a failing run are shrunk to the few that matter, which takes up to
    /// some hundreds of runs. Default: yes.
    pub fn shrink(mut self, shrink: bool) -> Self {
        self.shrink = shrink;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// [`SimError::Violation`] if an invariant does not hold, with the few faults that bring it
    /// about and the command to see it again.
    pub fn run(self) -> Result<SimReport, SimError> {
        let job = match &self.workflow {
            None => return Err(SimError::NoWorkflow),
            Some(Ok(job)) => job.clone(),
            Some(Err(_)) => {
                // Taken out, because such errors cannot be copied.
                return match self.workflow {
                    Some(Err(error)) => Err(error.into()),
                    _ => Err(SimError::NoWorkflow),
                };
            }
        };
        job.plan.check(&self.registry)?;
        let first = self.once(&job, None, self.keep_log)?;
        match (first.violation, first.report) {
            (None, Some(report)) => Ok(report),
            (what, _) => {
                let what =
                    what.unwrap_or_else(|| "the end cannot be read from the store".to_owned());
                let most = if self.shrink { MOST_TRIES } else { 0 };
                if self.shrink {
                    // In case that nobody has the patience to wait for less.
                    eprintln!(
                        "seed {}: {what}; looking for the faults that matter",
                        self.seed
                    );
                }
                let violation = shrink(
                    self.seed,
                    most,
                    what,
                    first.at,
                    first.injected,
                    |only, log| self.once(&job, Some(only), log),
                )?;
                Err(SimError::Violation(Box::new(violation)))
            }
        }
    }

    /// Runs it with all faults, or with `only` these.
    fn once(
        &self,
        job: &Job,
        only: Option<BTreeSet<(Fault, u64)>>,
        keep_log: bool,
    ) -> Result<Ended, SimError> {
        let world = World::new(self.seed);
        let faults = self.faults.clone();
        let chaos = Chaos::new(self.seed, faults, only, keep_log, Arc::clone(&world));
        let (store, recon) = match &self.store {
            StoreChoice::Memory => both(MemoryStore::new()),
            #[cfg(feature = "sqlite")]
            StoreChoice::Sqlite => both(Blocking::sqlite()?),
            StoreChoice::Own(open) => open()?,
        };
        let calm = self.faults.is_none();
        let model = Arc::new(Mutex::new(Model::new(job.plan.clone(), calm)));
        let shared = Shared {
            store,
            recon,
            world: Arc::clone(&world),
            chaos: Arc::clone(&chaos),
            audit: Arc::new(Mutex::new(Audit::new(Arc::clone(&model), calm))),
            model,
            objects: Arc::new(ObjectStoreObjects::memory()),
        };
        let site = Site::new(
            self.seed,
            shared.clone(),
            Queues::new(&world, self.generated),
            Arc::clone(&self.registry),
            Arc::new((self.resources)().with(Watch::new(shared.clone()))),
        );
        let client = world.runtime(NOBODY, 0);
        let mut play = Play {
            id: CollectionId::new(&*client),
            site,
            shared,
            client,
            job: job.clone(),
            submitted: false,
            cancelled: false,
            cancel_at: self.cancel_after,
            storm: self.storm,
            patience: self.patience,
            generated: self.generated,
        };
        play.play();
        let violation = chaos.violation();
        let report = match &violation {
            None => play.report(self.seed),
            Some(_) => None,
        };
        Ok(Ended {
            violation,
            at: world.elapsed(),
            injected: chaos.injected(),
            log: chaos.take_log(),
            report,
        })
    }
}

/// Both faces of a store.
fn both<S: Store + ReconStore>(store: S) -> Faces {
    let store = Arc::new(store);
    (Arc::clone(&store) as _, store)
}

/// Runs that are spent on shrinking.
const MOST_TRIES: usize = 400;
