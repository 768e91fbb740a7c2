//! The machines: managers and workers that boot, die and come back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use task_core::manager::{FenceKey, Manager, ManagerConfig, ManagerLoop, StopHandle};
use task_core::ports::data::DataStore;
use task_core::ports::objects::Objects;
use task_core::ports::runtime::Runtime;
use task_core::ports::transport::Transport;
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{Registry, Resources, Timestamp, WorkerKind};

use super::carrier::{Carrier, Queues, User};
use super::dice::{Dice, hash};
use super::faults::Fault;
use super::keeper::{Keeper, Shared};
use super::objects::Shelf;
use super::world::{Machine, MachineRuntime, NOBODY};

/// Where a machine stands. When it dies another one takes its place.
#[derive(Debug)]
struct Place {
    user: User,
    concurrency: usize,
    machine: Option<Machine>,
    /// Milliseconds of virtual time at which the next machine boots.
    back_at: u128,
    stop: Option<Arc<StopHandle>>,
}

/// All machines, and what they share.
pub(super) struct Site {
    pub(super) shared: Shared,
    pub(super) queues: Arc<Queues>,
    registry: Arc<Registry>,
    resources: Arc<Resources>,
    key: FenceKey,
    places: Vec<Place>,
    dice: Dice,
    forgotten: Arc<Forgotten>,
    leaving: bool,
}

/// When the carrier forgot what it was given, unless a manager has seen to it.
#[derive(Debug, Default)]
struct Forgotten(Mutex<Option<Timestamp>>);

impl Forgotten {
    fn set(&self, at: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time between two looks at the machines.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// The time that a manager has after it was told to leave.
const MANAGER_GRACE: Duration = Duration::from_secs(30);

/// The interval of the managers' ticks: long enough that idle hours cost little.
pub(super) const TICK: Duration = Duration::from_secs(10);

impl Site {
    pub(super) fn new(
        seed: u64,
        shared: Shared,
        queues: Arc<Queues>,
        registry: Arc<Registry>,
        resources: Arc<Resources>,
    ) -> Self {
        let mut dice = Dice::new(hash(&[seed, 6]));
        let mut places = Vec::new();
        let mut place = |user, concurrency| {
            places.push(Place {
                user,
                concurrency,
                machine: None,
                back_at: 0,
                stop: None,
            });
        };
        place(User::Manager, 1);
        for _ in 0..4 {
            if shared.chaos.strikes(Fault::MoreManagers, NOBODY).is_some() {
                place(User::Manager, 1);
            }
        }
        for kind in WorkerKind::ALL {
            for _ in 0..dice.between(1, 2) {
                // The cap that Lambda's concurrency is.
                let concurrency = dice.between(1, 8);
                place(User::Worker(kind), concurrency as usize);
            }
        }
        let mut key = [0; 16];
        key[..8].copy_from_slice(&dice.roll().to_be_bytes());
        key[8..].copy_from_slice(&dice.roll().to_be_bytes());
        Self {
            shared,
            queues,
            registry,
            resources,
            key: FenceKey::new(key),
            places,
            dice,
            forgotten: Arc::default(),
            leaving: false,
        }
    }

    /// Boots what is due, and sees who has died. Says whether the carrier has forgotten all.
    pub(super) fn look_after(&mut self) -> bool {
        let now = self.shared.world.elapsed().as_millis();
        for at in 0..self.places.len() {
            let place = &mut self.places[at];
            match place.machine {
                Some(machine) if !self.shared.world.is_alive(machine) => {
                    place.machine = None;
                    place.stop = None;
                    let away = self
                        .dice
                        .time(Duration::from_millis(100), Duration::from_secs(30));
                    place.back_at = now + away.as_millis();
                }
                None if place.back_at <= now => self.boot(at),
                _ => {}
            }
        }
        if self.shared.chaos.strikes(Fault::Blackout, NOBODY).is_some() {
            self.black_out();
            return true;
        }
        false
    }

    /// Tasks that can run at once, by the kind of worker.
    pub(super) fn workers(&self) -> BTreeMap<WorkerKind, u64> {
        let mut workers = BTreeMap::new();
        for place in &self.places {
            if let User::Worker(kind) = place.user {
                *workers.entry(kind).or_default() += place.concurrency as u64;
            }
        }
        workers
    }

    /// Whether [`shut_down`](Self::shut_down) was called.
    pub(super) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Everybody is told to leave; for the end.
    pub(super) fn shut_down(&mut self) {
        self.leaving = true;
        for place in &mut self.places {
            place.stop.take().inspect(|stop| stop.stop());
        }
    }

    /// All machines die at once, and the carrier forgets.
    fn black_out(&mut self) {
        for place in &self.places {
            place
                .machine
                .inspect(|machine| self.shared.world.kill(*machine));
        }
        self.queues.forget();
        self.forgotten.set(Some(self.shared.world.now()));
    }

    fn boot(&mut self, at: usize) {
        let user = self.places[at].user;
        let chaos = Arc::clone(&self.shared.chaos);
        let runtime = self.shared.world.boot(chaos.skew_ms(NOBODY));
        let machine = runtime.machine();
        chaos.note(machine, format_args!("boots as {user:?}"));
        let (stop, stopped) = StopHandle::new();
        let stop = Arc::new(stop);
        let concurrency = self.places[at].concurrency;
        // Whoever starts while nobody has recovered does so: the one before may have died of it.
        let forgotten = Arc::clone(&self.forgotten);
        match user {
            User::Worker(kind) => {
                let worker = self.worker(kind, &runtime, concurrency, &stop);
                runtime.spawn(Box::pin(worker.run(stopped)));
            }
            User::Manager | User::Client => {
                if let Some(life) = self.life(Fault::ManagerLeaves, &runtime) {
                    self.end_after(life + MANAGER_GRACE, &runtime);
                    self.leave_after(life, &runtime, &stop);
                }
                let manager = Arc::new(self.manager(&runtime));
                let managing = ManagerLoop::new(Arc::clone(&manager))
                    .tick_every(TICK)
                    // The second one has messages while the first one ticks.
                    .transactions(2)
                    .run(stopped);
                let (shared, clock) = (self.shared.clone(), Arc::clone(&runtime));
                runtime.spawn(Box::pin(async move {
                    // As an engine does that starts after a crash. If it cannot, it starts again.
                    if let Some(at) = forgotten.get() {
                        if manager.recover().await.is_err() {
                            clock.sleep(Duration::from_secs(1)).await;
                            if manager.recover().await.is_err() {
                                shared.world.kill(clock.machine());
                                return;
                            }
                        }
                        let verdict = shared.model().check_recovered(at);
                        shared.judge(verdict);
                        forgotten.set(None);
                    }
                    managing.await;
                }));
            }
        }
        let place = &mut self.places[at];
        place.machine = Some(machine);
        place.stop = Some(stop);
    }

    pub(super) fn carrier(&self, user: User, runtime: &Arc<MachineRuntime>) -> Arc<dyn Transport> {
        Arc::new(Carrier {
            queues: Arc::clone(&self.queues),
            user,
            runtime: Arc::clone(runtime),
            world: Arc::clone(&self.shared.world),
            chaos: Arc::clone(&self.shared.chaos),
            audit: Arc::clone(&self.shared.audit),
        })
    }

    fn keeper(&self, runtime: &Arc<MachineRuntime>, mortal_writes: bool) -> Arc<Keeper> {
        Arc::new(Keeper {
            shared: self.shared.clone(),
            runtime: Arc::clone(runtime),
            mortal_writes,
        })
    }

    fn shelf(&self, runtime: &Arc<MachineRuntime>) -> Arc<dyn Objects> {
        Arc::new(Shelf {
            objects: Arc::clone(&self.shared.objects),
            chaos: Arc::clone(&self.shared.chaos),
            machine: runtime.machine(),
        })
    }

    pub(super) fn manager(&self, runtime: &Arc<MachineRuntime>) -> Manager {
        Manager::new(
            self.keeper(runtime, false),
            self.carrier(User::Manager, runtime),
            Arc::clone(runtime) as Arc<dyn Runtime>,
            Arc::clone(&self.registry),
            ManagerConfig::new(self.key),
        )
        .with_objects(self.shelf(runtime))
    }

    fn worker(
        &self,
        kind: WorkerKind,
        runtime: &Arc<MachineRuntime>,
        concurrency: usize,
        stop: &Arc<StopHandle>,
    ) -> WorkerLoop {
        let carrier = self.carrier(User::Worker(kind), runtime);
        let clock = Arc::clone(runtime) as Arc<dyn Runtime>;
        let registry = self.registry.routed_to(kind);
        let mut worker = StockWorker::new(registry, Arc::clone(&carrier), Arc::clone(&clock))
            .with_objects(self.shelf(runtime))
            .with_resources(Arc::clone(&self.resources));
        if kind != WorkerKind::External {
            let keeper = self.keeper(runtime, true);
            worker = worker
                .with_data(Arc::clone(&keeper) as Arc<dyn DataStore>)
                .with_recon(keeper);
        }
        let grace = Duration::from_secs(5);
        let mut managed = WorkerLoop::new(kind, Arc::new(worker), carrier, clock)
            .concurrency(concurrency)
            .cancellations(self.shelf(runtime), Duration::from_secs(2))
            .grace(grace);
        if kind != WorkerKind::BareMetal
            && let Some(life) = self.life(Fault::LambdaTimeout, runtime)
        {
            managed = managed.stop_at(runtime.now().after(life));
            self.end_after(life, runtime);
        } else if let Some(life) = self.life(Fault::WorkerLeaves, runtime) {
            self.end_after(life + grace * 2, runtime);
            self.leave_after(life, runtime, stop);
        }
        managed
    }

    fn life(&self, fault: Fault, runtime: &MachineRuntime) -> Option<Duration> {
        let (shortest, longest) = (Duration::from_secs(3), Duration::from_secs(300));
        let chaos = &self.shared.chaos;
        chaos.after(fault, runtime.machine(), shortest, longest)
    }

    fn end_after(&self, life: Duration, runtime: &Arc<MachineRuntime>) {
        let world = Arc::clone(&self.shared.world);
        let (sleep, machine) = (runtime.sleep(life), runtime.machine());
        let end = async move {
            sleep.await;
            world.kill(machine);
        };
        self.shared.world.spawn(NOBODY, Box::pin(end));
    }

    /// The machine is told to leave after `life`.
    fn leave_after(&self, life: Duration, runtime: &Arc<MachineRuntime>, stop: &Arc<StopHandle>) {
        let (sleep, stop) = (runtime.sleep(life), Arc::clone(stop));
        let leave = async move {
            sleep.await;
            stop.stop();
        };
        self.shared.world.spawn(NOBODY, Box::pin(leave));
    }
}
