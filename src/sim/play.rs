//! One run, from the submission until all is at rest, and those who act from outside.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use task_core::message::{CancelCollection, Message, SubmitCollection, ToManager};
use task_core::ports::runtime::Runtime;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::{Claim, CollectionId, MessageId, Payload, Queue};

use super::audit::Audit;
use super::carrier::User;
use super::end;
use super::faults::Fault;
use super::forger;
use super::generated;
use super::keeper::Shared;
use super::report::{SimReport, ready};
use super::run::Job;
use super::site::{LOOK, Site};
use super::world::{MachineRuntime, NOBODY};

/// A run in progress.
pub(super) struct Play {
    pub(super) id: CollectionId,
    pub(super) site: Site,
    pub(super) shared: Shared,
    pub(super) client: Arc<MachineRuntime>,
    pub(super) job: Job,
    pub(super) submitted: bool,
    pub(super) cancelled: bool,
    pub(super) cancel_at: Option<Duration>,
    pub(super) storm: Duration,
    pub(super) patience: Duration,
    pub(super) generated: bool,
}

/// Virtual time after the storm in which a run must be over, unless more is known of it: queues
/// are waited in for a day, and a retry may wait for another.
pub(super) const PATIENCE: Duration = Duration::from_secs(10 * 24 * 3600);

/// Virtual time for which the storm goes on after the end of the run.
const STORMY_END: Duration = Duration::from_secs(30);

/// Virtual time in which what is left over must come to rest.
const AFTERMATH: Duration = Duration::from_secs(2 * 24 * 3600);

impl Play {
    /// Plays it to the end; what is wrong is told to the chaos.
    pub(super) fn play(&mut self) {
        let chaos = Arc::clone(&self.shared.chaos);
        let over = |play: &Self| play.is_over();
        if !self.until(self.storm + self.patience, over) {
            if chaos.violation().is_none() {
                chaos.violated("the run does not come to its end".to_owned());
            }
            return;
        }
        // What comes after the end meets the storm, too.
        if !chaos.is_calm() {
            let limit = self.shared.world.elapsed() + STORMY_END;
            self.until(limit, |_| false);
        }
        chaos.calm();
        let limit = self.shared.world.elapsed() + AFTERMATH;
        // Late twins are still on their way; they must not do anything.
        if !self.until(limit, Self::is_at_rest) {
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
        if self.generated && chaos.faults().is_none() {
            let (model, workers) = (self.shared.model(), self.site.workers());
            let verdict = generated::check_pace(&model, self.id, &workers);
            self.shared.judge(verdict);
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
                if let Err(violation) = world.step(look) {
                    self.shared.chaos.violated(violation);
                    return false;
                }
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
            self.say(&message);
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
        let (id, objects) = (self.id, Arc::clone(&self.shared.objects));
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
            Some(body) => self.say(&ToManager::new(MessageId::new(&*self.client), body)),
            None => self
                .shared
                .chaos
                .violated("the plan cannot be encoded".to_owned()),
        }
    }

    /// A client says it until it was taken, and its messages meet faults as all others do.
    fn say(&self, message: &ToManager) {
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

    /// What is to be said of it.
    pub(super) fn report(&self, seed: u64) -> Option<SimReport> {
        let (shared, id) = (&self.shared, self.id);
        let collection = ready(shared.store.collection(id)).ok()??;
        let containers = ready(shared.store.containers(id)).ok()?;
        let now = shared.world.now();
        let audit = self.audit();
        Some(SimReport {
            seed,
            run: crate::engine::Report::new(collection, containers, now),
            faults: shared.chaos.injected(),
            paths: shared.chaos.paths(),
            took: shared.world.elapsed(),
            effects: shared.model().effects,
            parked: audit.parked.clone(),
            events: shared.chaos.events(),
            fingerprint: shared.chaos.fingerprint(),
            log: shared.chaos.take_log(),
            store: Arc::clone(&shared.store),
            objects: Arc::clone(&shared.objects),
            id,
        })
    }
}
