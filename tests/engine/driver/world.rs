//! A world in which everything that may go wrong does: messages come twice, late and in any
//! order, workers die or work twice, stores and carriers fail, managers are replaced.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sortie::core::conformance::ManualRuntime;
use sortie::core::envelope::DispatchTask;
use sortie::core::message::{CompleteTask, Message, Outcome, ToManager};
use sortie::core::ports::store::{Store, TaskHead};
use sortie::core::workflow::Role;
use sortie::core::{CollectionId, ContainerId, Payload, TaskId};
use sortie::prelude::*;

use super::dice::{Dice, Maker};
use crate::support::audit::{self, Within};
use crate::support::bench::{Bench, Said, carrier};
use crate::support::defs::inert;
use crate::support::faulty::{Faults, FaultyStore, FaultyTransport};
use crate::support::messages::{
    alive, children, chose, ended, failed, fatal, found, handed_back, output, total,
};

const WITHIN: Within = Within {
    planned: 250,
    children: 24,
};

pub(super) struct World {
    dice: Dice,
    bench: Bench,
    faults: Arc<Faults>,
    id: CollectionId,
    /// On their way to the manager.
    said: Vec<ToManager>,
    /// On their way to workers.
    dispatched: Vec<DispatchTask>,
    /// As far as they have been seen.
    tasks: BTreeMap<TaskId, TaskHead>,
    containers: HashMap<ContainerId, TaskState>,
    readers: HashSet<(TaskId, u32)>,
    /// How many things have gone wrong.
    pub(super) mishaps: u64,
}

impl World {
    pub(super) async fn new(seed: u64, truth: Arc<dyn Store>) -> Self {
        let mut dice = Dice(seed);
        let (runtime, faults) = (ManualRuntime::new(seed), Faults::new());
        let store = FaultyStore::new(Arc::clone(&truth), Arc::clone(&faults));
        let transport = FaultyTransport::new(carrier(&runtime), Arc::clone(&faults));
        let mut bench = Bench::over(runtime, store, transport, inert());
        bench.truth = truth;
        let steps = Maker {
            dice: &mut dice,
            names: 0,
        }
        .workflow();
        let id = bench.submit(steps).await;
        Self {
            dice,
            bench,
            faults,
            id,
            said: Vec::new(),
            dispatched: Vec::new(),
            tasks: BTreeMap::new(),
            containers: HashMap::new(),
            readers: HashSet::new(),
            mishaps: 0,
        }
    }

    /// Lets things happen until the run is over, then lets everything late arrive.
    pub(super) async fn run(&mut self) {
        let mut steps = 0;
        while !self.bench.state(self.id).await.is_terminal() {
            if self.step().await {
                self.watch().await;
            }
            steps += 1;
            assert!(steps < 20_000, "the run does not end");
        }
        for fault in self.faults.all() {
            fault.store(0, Ordering::SeqCst);
        }
        while let Some(message) = self.said.pop() {
            self.bench.try_tell(vec![message]).await.unwrap();
        }
        self.watch().await;
        audit::over_within(&self.bench, self.id, WITHIN).await;
        self.rows().await;
    }

    /// One thing happens; says whether the manager had a part in it.
    async fn step(&mut self) -> bool {
        self.dispatched.extend(self.bench.dispatched().await);
        match self.dice.below(16) {
            0..=6 => {
                if let Some(task) = self.dice.take(&mut self.dispatched) {
                    if self.dice.one_in(6) {
                        self.mishap();
                        self.dispatched.push(task.clone());
                    }
                    self.ready(&task).await;
                    self.work(&task);
                }
                return false;
            }
            7..=12 => self.deliver().await,
            13 => {
                let passed = Duration::from_millis(self.dice.below(9_000));
                self.bench.runtime.advance(passed).await;
                self.say(Message::Tick);
            }
            14 => self.accident(),
            _ => {
                if self.dice.one_in(10) {
                    self.mishap();
                    self.bench = self.bench.twin();
                }
                if self.dice.one_in(40) {
                    // The process dies with all that was on its way.
                    self.mishap();
                    self.dispatched.clear();
                    let other = FaultyTransport::new(
                        carrier(&self.bench.runtime),
                        Arc::clone(&self.faults),
                    );
                    self.bench.transport = other;
                    self.bench = self.bench.twin();
                    while self.patiently(self.bench.manager.recover()).await.is_err() {}
                }
            }
        }
        true
    }

    fn mishap(&mut self) {
        self.mishaps += 1;
    }

    fn accident(&mut self) {
        self.faults.all()[self.dice.below(6) as usize].store(1, Ordering::SeqCst);
        self.mishaps += 1;
    }

    fn say(&mut self, said: impl Into<Said>) {
        let message = self.bench.message(said);
        self.said.push(message);
    }

    /// Delivers some messages, perhaps not for the last time.
    async fn deliver(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..=self.dice.below(6) {
            let Some(message) = self.dice.take(&mut self.said) else {
                break;
            };
            if self.dice.one_in(5) {
                self.mishap();
                self.said.push(message.clone());
            }
            batch.push(message);
        }
        let handled = self.patiently(self.bench.try_tell(batch.clone())).await;
        match handled {
            Ok(handled) => assert_eq!(handled.refused, []),
            Err(_) => self.said.extend(batch),
        }
    }

    /// Lets time pass while the manager waits to run a transaction again.
    async fn patiently<T>(&self, told: impl Future<Output = T>) -> T {
        let mut told = std::pin::pin!(told);
        loop {
            let passing = async {
                while self.bench.runtime.next_wake().is_none() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                told = &mut told => return told,
                () = passing => self.bench.runtime.advance(Duration::from_millis(5)).await,
            }
        }
    }

    /// What a worker does with a task.
    fn work(&mut self, task: &DispatchTask) {
        let now = sortie::core::ports::runtime::Runtime::now(&self.bench.runtime);
        if now > task.start_by {
            return;
        }
        if self.dice.one_in(8) {
            self.say(alive(task));
        }
        let trouble = self.dice.below(24);
        if trouble < 5 {
            self.mishap();
        }
        let end = match trouble {
            0 => failed(task),
            1 => fatal(task),
            2 => ended(
                task,
                Outcome::NotStarted {
                    error: "leaving".to_owned(),
                },
            ),
            3 => ended(
                task,
                Outcome::OutOfScope {
                    error: "not ours".to_owned(),
                },
            ),
            // The worker dies.
            4 => {
                return if task.kind == "t.spawner" {
                    self.generate(task, true)
                };
            }
            _ => match &*task.kind {
                "t.spawner" => return self.generate(task, false),
                "t.choice" => chose(task, Arm::from(self.dice.one_in(2))),
                _ => self.scan(task),
            },
        };
        self.say(end);
    }

    /// Covers all that is left, or a part of it, and returns the attempt it was.
    fn scan(&mut self, task: &DispatchTask) -> CompleteTask {
        let targets: u64 = task.payload.decode().unwrap();
        let at: u64 = task
            .cursor
            .as_ref()
            .map_or(0, |cursor| cursor.decode().unwrap());
        if at < targets && self.dice.one_in(4) {
            let until = at + 1;
            return CompleteTask {
                outcome: handed_back(task, until).outcome,
                ..found(task, 1)
            };
        }
        CompleteTask {
            data: output(task, &task.attempt).data,
            ..found(task, targets - at)
        }
    }

    /// Children in a few messages, and the total; or a part of that.
    fn generate(&mut self, task: &DispatchTask, dies: bool) {
        // Mostly the same children each time; sometimes another attempt finds others.
        let usual = task.task_id.as_bytes()[15] % 7;
        let n = if self.dice.one_in(5) {
            self.dice.below(9) as u32
        } else {
            usual.into()
        };
        let mut at: u32 = task
            .cursor
            .as_ref()
            .map_or(0, |cursor| cursor.decode().unwrap());
        while at < n {
            let until = (at + 1 + self.dice.below(4) as u32).min(n);
            self.say(children(task, at..until));
            at = until;
            if dies && self.dice.one_in(2) {
                return;
            }
            if self.dice.one_in(8) {
                let cursor = Payload::encode(&at).unwrap();
                return self.say(ended(
                    task,
                    Outcome::Deadline {
                        cursor,
                        after_ms: None,
                    },
                ));
            }
        }
        if !dies {
            // Its own target, if it has one, is accounted for by no attempt that hands back.
            let own: u64 = task.payload.decode().unwrap();
            self.say(CompleteTask {
                outcome: total(task, at).outcome,
                ..found(task, own)
            });
        }
    }

    /// An aggregator is dispatched only when all before it has ended.
    async fn ready(&mut self, task: &DispatchTask) {
        if task.kind != "t.reader" || !self.readers.insert((task.task_id, task.attempt)) {
            return;
        }
        let containers = self.bench.truth.containers(self.id).await.unwrap();
        let before = |container, position| container == task.parent_id && position < task.ordinal;
        for container in &containers {
            if container
                .parent
                .is_some_and(|parent| before(parent, container.position))
            {
                assert!(
                    container.state.is_terminal(),
                    "{container:#?} is before a reader"
                );
            }
        }
        for other in audit::tasks_within(&self.bench, self.id, WITHIN).await {
            if before(other.container, other.ordinal) {
                assert!(
                    other.status.state.is_terminal(),
                    "{other:#?} is before a reader"
                );
            }
            // And all that is inside of what is before it.
            let inside = containers.iter().find(|c| c.id == other.container);
            if inside.is_some_and(|c| c.parent.is_some_and(|parent| before(parent, c.position))) {
                assert!(other.status.state.is_terminal(), "{other:#?} is read");
            }
        }
    }

    /// States only move forward, and the books are right at any moment.
    async fn watch(&mut self) {
        audit::consistent_within(&self.bench, self.id, WITHIN).await;
        for task in audit::tasks_within(&self.bench, self.id, WITHIN).await {
            let new = &task.status;
            if let Some(old) = self.tasks.get(&task.id) {
                let old = &old.status;
                let same = old.state == new.state;
                assert!(
                    same || old.state.may_become(new.state),
                    "{old:#?} → {new:#?}"
                );
                assert!(old.attempt <= new.attempt, "{old:#?} → {new:#?}");
                assert!(old.accounted <= new.accounted, "{old:#?} → {new:#?}");
                assert!(
                    !old.state.is_terminal() || old == new,
                    "{old:#?} → {new:#?}"
                );
            }
            self.tasks.insert(task.id, task);
        }
        for container in self.bench.truth.containers(self.id).await.unwrap() {
            let new = container.state;
            let old = self.containers.insert(container.id, new).unwrap_or(new);
            assert!(
                old == new || old.may_become(new),
                "{old} → {new} of {container:#?}"
            );
        }
    }

    /// Every leaf that has succeeded has one row, which its last attempt has written; others none.
    async fn rows(&self) {
        let mut rows: HashMap<TaskId, Vec<u32>> = HashMap::new();
        for container in self.bench.truth.containers(self.id).await.unwrap() {
            let all = sortie::core::ports::data::Dataset {
                container: container.id,
                task: None,
            };
            for row in self.bench.truth.rows(all, None, 10_000).await.unwrap() {
                if let Ok(attempt) = row.body.decode::<u32>() {
                    rows.entry(row.key.task).or_default().push(attempt);
                }
            }
        }
        for task in self.tasks.values() {
            if task.role == Role::Generator || &*task.kind == "t.choice" {
                continue;
            }
            let good = task.status.state == TaskState::Succeeded;
            let expected = good.then_some(task.status.attempt);
            let rows = rows.remove(&task.id).unwrap_or_default();
            assert_eq!(rows, Vec::from_iter(expected), "the rows of {task:#?}");
        }
    }
}
