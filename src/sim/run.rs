//! One simulated run, from the submission until all is at rest.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stores::MemoryStore;
use task_core::message::{CancelCollection, Message, SubmitCollection, ToManager};
use task_core::ports::objects::Objects;
use task_core::ports::runtime::Runtime;
use task_core::ports::store::Store;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::{
    Claim, CollectionId, MessageId, Payload, Plan, Queue, Registry, Resources, Workflow,
    WorkflowError,
};
use transports::objects::ObjectStoreObjects;

use super::audit::Audit;
use super::carrier::{Queues, User};
use super::chaos::{Chaos, Injected};
use super::end;
use super::faults::{Fault, Faults};
use super::forger;
use super::generated;
use super::keeper::Shared;
use super::model::Model;
use super::report::{SimError, SimReport, ready};
use super::shrink::shrink;
use super::site::{LOOK, Site};
use super::world::{MachineRuntime, NOBODY, World};

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
    store: StoreChoice,
    generated: bool,
    shrink: bool,
}

/// What is submitted.
#[derive(Clone, Debug)]
struct Job {
    plan: Plan,
    scope: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
enum StoreChoice {
    Memory,
    #[cfg(feature = "sqlite")]
    Sqlite,
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
            store: StoreChoice::Memory,
            generated: false,
            shrink: true,
        }
    }

    /// The definitions.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Arc::new(registry);
        self
    }

    /// The workflow.
    pub fn workflow(mut self, mut workflow: Workflow) -> Self {
        let scope = workflow.take_scope();
        self.workflow = Some(workflow.build().map(|plan| Job { plan, scope }));
        self
    }

    /// A workflow made from the seed, of tasks whose right results are known and checked: nested
    /// containers, generators of up to 1,000 children, conditions, policies, retries, cursors,
    /// deadlines; one in ten is cancelled.
    pub fn generated(self) -> Self {
        let made = generated::make(self.seed);
        let mut sim = self.registry(generated::registry()).workflow(made.workflow);
        sim.cancel_after = made.cancel_after;
        sim.generated = true;
        sim
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
                let what = what.unwrap_or_default();
                let most = if self.shrink { MOST_TRIES } else { 0 };
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
        let store: Arc<dyn Store> = match self.store {
            StoreChoice::Memory => Arc::new(MemoryStore::new()),
            #[cfg(feature = "sqlite")]
            StoreChoice::Sqlite => Arc::new(super::blocking::Blocking::open()?),
        };
        let shared = Shared {
            store,
            world: Arc::clone(&world),
            chaos: Arc::clone(&chaos),
            model: Arc::new(Mutex::new(Model::default())),
            audit: Arc::new(Mutex::new(Audit::default())),
        };
        if let Ok(mut audit) = shared.audit.lock() {
            audit.calm = self.faults.is_none();
        }
        let objects: Arc<dyn Objects> = Arc::new(ObjectStoreObjects::memory());
        let site = Site::new(
            self.seed,
            shared.clone(),
            Queues::new(&world),
            Arc::clone(&objects),
            Arc::clone(&self.registry),
            Arc::new((self.resources)()),
        );
        let client = world.runtime(NOBODY, 0);
        let mut play = Play {
            id: CollectionId::new(&*client),
            site,
            shared,
            client,
            job: job.clone(),
            objects,
            submitted: false,
            cancelled: false,
            cancel_at: self.cancel_after,
            storm: self.storm,
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

/// Runs that are spent on shrinking.
const MOST_TRIES: usize = 400;

/// A run in progress.
struct Play {
    id: CollectionId,
    site: Site,
    shared: Shared,
    client: Arc<MachineRuntime>,
    job: Job,
    objects: Arc<dyn Objects>,
    submitted: bool,
    cancelled: bool,
    cancel_at: Option<Duration>,
    storm: Duration,
    generated: bool,
}

/// Virtual time after the storm in which a run must be over: queues are waited in for a day, and
/// a retry may wait for another.
const PATIENCE: Duration = Duration::from_secs(10 * 24 * 3600);

/// Virtual time in which what is left over must come to rest.
const AFTERMATH: Duration = Duration::from_secs(2 * 24 * 3600);

impl Play {
    fn play(&mut self) {
        let chaos = Arc::clone(&self.shared.chaos);
        let over = |play: &Self| play.is_over();
        if !self.until(self.storm + PATIENCE, over) {
            if chaos.violation().is_none() {
                chaos.violated("the run does not come to its end".to_owned());
            }
            return;
        }
        chaos.calm();
        let limit = self.shared.world.elapsed() + AFTERMATH;
        // Late twins are still on their way; they must not do anything.
        if !self.until(limit, |play| play.is_at_rest()) {
            if chaos.violation().is_none() {
                chaos.violated("the queues are not emptied".to_owned());
            }
            return;
        }
        self.site.shut_down();
        let limit = self.shared.world.elapsed() + Duration::from_secs(60);
        self.until(limit, |_| false);
        if let Err(violation) = end::check(&self.shared, self.id, self.generated) {
            chaos.violated(violation);
        }
    }

    /// Lets the world run until `done`, or for as long as `limit`; says whether it is done.
    fn until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let world = Arc::clone(&self.shared.world);
        let leaving = self.shared.chaos.is_calm() && self.site.is_leaving();
        while world.elapsed() < limit {
            if self.shared.chaos.violation().is_some() {
                return false;
            }
            if done(self) {
                return true;
            }
            if !leaving {
                if self.site.look_after() {
                    self.say_again();
                }
                self.act();
            }
            let look = world.now().after(self.pace());
            while world.now() < look {
                world.step(look);
            }
        }
        false
    }

    /// Between two looks; long after the storm little happens.
    fn pace(&self) -> Duration {
        if self.shared.chaos.is_calm() {
            LOOK * 20
        } else {
            LOOK
        }
    }

    /// What comes from outside: the client, the operator, those who mean no good.
    fn act(&mut self) {
        let (chaos, elapsed) = (Arc::clone(&self.shared.chaos), self.shared.world.elapsed());
        if !self.submitted {
            self.submitted = true;
            self.submit();
        }
        if self.cancel_at.is_some_and(|at| elapsed >= at) {
            self.cancel_at = None;
            self.cancelled = true;
            chaos.note(NOBODY, format_args!("cancel"));
            let body = Message::CancelCollection(CancelCollection {
                collection_id: self.id,
            });
            let message = ToManager::new(MessageId::new(&*self.client), body);
            self.audit().cancels.insert(message.id, self.id);
            self.say(message);
        }
        if elapsed >= self.storm && !chaos.is_calm() {
            chaos.calm();
            chaos.note(NOBODY, format_args!("the storm is over"));
            self.redrive();
        }
        if let Some(mut dice) = chaos.strikes(Fault::PoisonMessage, NOBODY) {
            let (queue, body) = forger::garbage(&mut dice);
            self.send(queue, body);
        }
        if let Some(mut dice) = chaos.strikes(Fault::Forgery, NOBODY) {
            let seen = self.audit().seen.clone();
            if !seen.is_empty()
                && let Some(body) = forger::lie(&self.shared, &seen, &mut dice, &*self.client)
            {
                self.send(Queue::Manager, body);
            }
        }
    }

    /// What a client was told to be sent may be gone with the carrier; saying it twice is
    /// harmless.
    fn say_again(&mut self) {
        self.submitted = false;
        if self.cancelled {
            self.cancel_at = Some(Duration::ZERO);
        }
    }

    fn submit(&mut self) {
        let limit = self.site.queues.current().limits().message_bytes;
        let job = self.job.clone();
        let (id, objects) = (self.id, Arc::clone(&self.objects));
        let message = ready(async {
            let scope = match job.scope {
                Some(scope) => Some(
                    Claim::store(format!("scopes/{id}"), scope.into(), &*objects)
                        .await
                        .ok()?,
                ),
                None => None,
            };
            let plan = Payload::encode(&job.plan).ok()?;
            let key = || format!("plans/{id}");
            let plan = plan.check_in(limit / 2, key, Some(&*objects)).await.ok()?;
            Some(Message::SubmitCollection(SubmitCollection {
                collection_id: id,
                plan,
                scope,
            }))
        });
        match message {
            Some(body) => self.say(ToManager::new(MessageId::new(&*self.client), body)),
            None => self
                .shared
                .chaos
                .violated("the plan cannot be encoded".to_owned()),
        }
    }

    /// A client says it until it was taken, and its messages meet faults as all others do.
    fn say(&self, message: ToManager) {
        let carrier = self.site.carrier(User::Client, &self.client);
        let clock = Arc::clone(&self.client);
        let body = message.encode();
        self.client.spawn(Box::pin(async move {
            loop {
                let sent = carrier
                    .send(Queue::Manager, vec![Outgoing::now(body.clone())])
                    .await;
                if sent.is_ok_and(|results| results.iter().all(Result::is_ok)) {
                    return;
                }
                clock.sleep(Duration::from_secs(1)).await;
            }
        }));
    }

    fn send(&self, queue: Queue, body: bytes::Bytes) {
        let inner = self.site.queues.current();
        let _ = ready(inner.send(queue, vec![Outgoing::now(body)]));
    }

    /// The operator sends again what was put aside.
    fn redrive(&self) {
        let inner = self.site.queues.current();
        for queue in Queue::ALL {
            let _ = ready(inner.redrive(queue));
        }
    }

    fn is_over(&self) -> bool {
        let model = self.shared.model();
        // The word of a cancellation may come too late, but it must come.
        model
            .collections
            .get(&self.id)
            .is_some_and(|collection| collection.state.is_terminal())
    }

    fn is_at_rest(&self) -> bool {
        let inner = self.site.queues.current();
        let empty = Queue::ALL
            .iter()
            .all(|queue| ready(inner.depth(*queue)).is_ok_and(|depth| depth == 0));
        empty && end::is_drained(&self.shared)
    }

    fn audit(&self) -> MutexGuard<'_, Audit> {
        let audit = self.shared.audit.lock();
        audit.unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, seed: u64) -> Option<SimReport> {
        let (shared, id) = (&self.shared, self.id);
        let collection = ready(shared.store.collection(id)).ok()??;
        let containers = ready(shared.store.containers(id)).ok()?;
        let now = shared.world.now();
        let audit = self.audit();
        Some(SimReport {
            seed,
            run: crate::engine::Report::new(collection, containers, now),
            faults: shared.chaos.injected(),
            took: shared.world.elapsed(),
            effects: shared.model().effects,
            parked: audit.parked.clone(),
            events: shared.chaos.events(),
            fingerprint: shared.chaos.fingerprint(),
            log: shared.chaos.take_log(),
            store: Arc::clone(&shared.store),
            id,
        })
    }
}
