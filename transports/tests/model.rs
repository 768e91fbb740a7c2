//! Random use of a queue, held against a model so naive that it can be believed.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sortie_transports::memory::{MemoryConfig, MemoryTransport};
use task_core::Queue;
use task_core::conformance::ManualRuntime;
use task_core::ports::runtime::Runtime;
use task_core::ports::transport::{Delivery, Outgoing, ParkReason, Transport, TransportError};

const QUEUE: Queue = Queue::External;
const BATCH: usize = 4;
const MAX_RECEIVES: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Send {
        count: usize,
        delay: u64,
    },
    Receive {
        max: usize,
        visibility: u64,
    },
    /// The others name a delivery among all there were, stale ones included.
    Ack(prop::sample::Index),
    Extend(prop::sample::Index, u64),
    Park(prop::sample::Index),
    Redrive,
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Few different times, so that they meet.
    let millis = || prop_oneof![Just(0), Just(1), Just(5), 0..20_u64];
    let delivery = || any::<prop::sample::Index>();
    prop_oneof![
        3 => (0..6_usize, millis()).prop_map(|(count, delay)| Step::Send { count, delay }),
        6 => (0..6_usize, millis())
            .prop_map(|(max, visibility)| Step::Receive { max, visibility }),
        4 => delivery().prop_map(Step::Ack),
        4 => (delivery(), millis()).prop_map(|(at, visibility)| Step::Extend(at, visibility)),
        1 => delivery().prop_map(Step::Park),
        1 => Just(Step::Redrive),
        4 => millis().prop_map(Step::Advance),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Queued,
    Acked,
    Dead,
}

#[derive(Debug)]
struct Message {
    visible_at: u64,
    receives: u32,
    /// The latest delivery, by its place among all deliveries.
    latest: Option<usize>,
    fate: Fate,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    messages: Vec<Message>,
    /// Which message each delivery was of.
    deliveries: Vec<usize>,
}

impl Model {
    fn with_fate(&self, fate: Fate) -> BTreeSet<usize> {
        (0..self.messages.len())
            .filter(|&n| self.messages[n].fate == fate)
            .collect()
    }

    fn available(&self) -> BTreeSet<usize> {
        let mut queued = self.with_fate(Fate::Queued);
        queued.retain(|&n| self.messages[n].visible_at <= self.now);
        queued
    }

    /// Messages that came back too often die.
    fn bury(&mut self) {
        for n in self.available() {
            if self.messages[n].receives >= MAX_RECEIVES {
                self.messages[n].fate = Fate::Dead;
            }
        }
    }

    /// The message of a delivery, unless its receipt is stale.
    fn held(&mut self, delivery: usize) -> Option<&mut Message> {
        let message = &mut self.messages[self.deliveries[delivery]];
        (message.latest == Some(delivery) && message.fate == Fate::Queued).then_some(message)
    }
}

struct World {
    carrier: MemoryTransport,
    runtime: ManualRuntime,
    model: Model,
    deliveries: Vec<Delivery>,
}

impl World {
    fn new() -> Self {
        let runtime = ManualRuntime::new(1);
        let config = MemoryConfig::default()
            .receive_batch(BATCH)
            .max_receives(MAX_RECEIVES);
        let carrier = MemoryTransport::new(Arc::new(runtime.clone()), config);
        Self {
            carrier,
            runtime,
            model: Model::default(),
            deliveries: Vec::new(),
        }
    }

    async fn step(&mut self, step: Step) {
        let at = |index: prop::sample::Index| {
            (!self.deliveries.is_empty()).then(|| index.index(self.deliveries.len()))
        };
        match step {
            Step::Send { count, delay } => self.send(count, delay).await,
            Step::Receive { max, visibility } => {
                self.receive(max, visibility).await;
            }
            Step::Ack(index) => {
                let Some(at) = at(index) else { return };
                self.ack(at).await;
            }
            Step::Extend(index, visibility) => {
                let Some(at) = at(index) else { return };
                let receipt = &self.deliveries[at].receipt;
                let done = self
                    .carrier
                    .extend(QUEUE, receipt, millis(visibility))
                    .await;
                let until = self.model.now + visibility;
                check(
                    &done,
                    self.model
                        .held(at)
                        .map(|message| message.visible_at = until),
                );
            }
            Step::Park(index) => {
                let Some(at) = at(index) else { return };
                let reason = ParkReason::Refused("no".into());
                let done = self
                    .carrier
                    .park(QUEUE, self.deliveries[at].clone(), reason)
                    .await;
                check(
                    &done,
                    self.model.held(at).map(|message| message.fate = Fate::Dead),
                );
            }
            Step::Redrive => {
                let dead = self.model.with_fate(Fate::Dead);
                assert_eq!(self.carrier.redrive(QUEUE).await.unwrap(), dead.len());
                for n in dead {
                    self.model.messages[n] = Message {
                        visible_at: self.model.now,
                        receives: 0,
                        latest: None,
                        fate: Fate::Queued,
                    };
                }
            }
            Step::Advance(passed) => {
                self.runtime.advance(millis(passed)).await;
                self.model.now += passed;
            }
        }
    }

    async fn send(&mut self, count: usize, delay: u64) {
        let first = self.model.messages.len();
        let messages = (first..first + count)
            .map(|n| Outgoing {
                body: n.to_string().into(),
                delay: millis(delay),
            })
            .collect();
        let sent = self.carrier.send(QUEUE, messages).await.unwrap();
        assert_eq!(sent.len(), count);
        let visible_at = self.model.now + delay;
        self.model.messages.extend(sent.into_iter().map(|result| {
            assert!(result.is_ok());
            Message {
                visible_at,
                receives: 0,
                latest: None,
                fate: Fate::Queued,
            }
        }));
    }

    async fn receive(&mut self, max: usize, visibility: u64) -> usize {
        let mut available = self.model.available();
        let received = self
            .carrier
            .receive(QUEUE, max, Duration::ZERO, millis(visibility))
            .await;
        let received = received.unwrap();
        assert_eq!(received.len(), available.len().min(max).min(BATCH));
        for delivery in &received {
            let n: usize = std::str::from_utf8(&delivery.body)
                .unwrap()
                .parse()
                .unwrap();
            assert!(
                available.remove(&n),
                "message {n} is hidden, gone, or delivered twice"
            );
            let message = &mut self.model.messages[n];
            message.receives += 1;
            assert_eq!(delivery.receive_count, message.receives);
            message.latest = Some(self.model.deliveries.len());
            message.visible_at = self.model.now + visibility;
            self.model.deliveries.push(n);
        }
        let count = received.len();
        self.deliveries.extend(received);
        count
    }

    async fn ack(&mut self, at: usize) {
        let receipt = &self.deliveries[at].receipt;
        self.carrier
            .ack(QUEUE, std::slice::from_ref(receipt))
            .await
            .unwrap();
        if let Some(message) = self.model.held(at) {
            message.fate = Fate::Acked;
        }
    }

    /// Compares what can be seen from outside. Also lets the carrier bury what must die.
    async fn compare(&mut self) {
        self.model.bury();
        let depth = self.carrier.depth(QUEUE).await.unwrap();
        assert_eq!(depth, self.model.with_fate(Fate::Queued).len() as u64);
        let parked = self.carrier.parked(QUEUE, usize::MAX).await.unwrap();
        let count = parked.len();
        let parked: BTreeSet<usize> = parked
            .iter()
            .map(|letter| std::str::from_utf8(&letter.body).unwrap().parse().unwrap())
            .collect();
        assert_eq!(parked.len(), count, "a dead letter is one letter");
        assert_eq!(parked, self.model.with_fate(Fate::Dead));
    }

    /// Whatever was done before: all that was not acknowledged is still there.
    async fn nothing_is_lost(&mut self) {
        self.step(Step::Advance(1000)).await;
        self.compare().await;
        self.step(Step::Redrive).await;
        let mut left = self.model.with_fate(Fate::Queued);
        while !left.is_empty() {
            let first = self.deliveries.len();
            let count = self.receive(BATCH, 1000).await;
            assert!(count > 0, "{left:?} are lost");
            for at in first..first + count {
                left.remove(&self.model.deliveries[at]);
                self.ack(at).await;
            }
        }
        self.compare().await;
    }
}

fn check(done: &Result<(), TransportError>, expected: Option<()>) {
    match expected {
        Some(()) => assert!(done.is_ok(), "{done:?}"),
        None => assert!(
            matches!(done, Err(TransportError::StaleReceipt)),
            "{done:?}"
        ),
    }
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

proptest! {
    #[test]
    fn a_queue_does_as_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio.block_on(async {
            let mut world = World::new();
            let start = world.runtime.now();
            for step in steps {
                world.step(step).await;
                world.compare().await;
            }
            prop_assert_eq!(world.runtime.now().since(start), millis(world.model.now));
            world.nothing_is_lost().await;
            Ok(())
        })?;
    }
}
