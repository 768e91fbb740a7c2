//! What was received and is not applied yet, sorted so that transactions do not wait for each other.
//!
//! Managers take turns on a collection, because each of its messages moves the same counters. So a
//! batch that is applied beside others must not share a collection with any of them: here messages
//! stand by their family, which is what stores lock (a collection and all below it), and a family
//! that is in hand is given to nobody else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::message::{Message, ToManager};
use crate::ports::transport::{Delivery, ParkReason};

/// A delivery, and what it says or why that cannot be read.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) delivery: Delivery,
    pub(super) message: Result<ToManager, ParkReason>,
}

impl Arrived {
    pub(super) fn read(delivery: Delivery) -> Self {
        let message = ToManager::decode(&delivery.body);
        Self { delivery, message }
    }
}

/// The first 48 bits of a collection's id, and of the id of all that belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Family([u8; 6]);

impl Family {
    fn of(arrived: &Arrived) -> Self {
        let Ok(ToManager { body, .. }) = &arrived.message else {
            return Self::default();
        };
        let id = match body {
            Message::SubmitCollection(submit) => submit.collection_id.as_bytes(),
            Message::CancelCollection(cancel) => cancel.collection_id.as_bytes(),
            Message::CreateTasks(create) => create.parent_id.as_bytes(),
            Message::CompleteTask(complete) => complete.task_id.as_bytes(),
            Message::Heartbeat(heartbeat) => heartbeat.task_id.as_bytes(),
            Message::Tick => return Self::default(),
        };
        let mut family = Self::default();
        family.0.copy_from_slice(&id[..6]);
        family
    }
}

/// Who receives puts in, and several hands take out.
#[derive(Debug)]
pub(super) struct Intake {
    state: Mutex<State>,
    /// Messages of a batch, at most.
    batch: usize,
    /// Something can be taken, or never will be.
    ready: Notify,
    /// There is room for more, or nobody takes anything any more.
    room: Notify,
}

#[derive(Debug)]
struct State {
    /// What waits, in the order in which it came. No family is there without a message.
    waiting: BTreeMap<Family, VecDeque<Arrived>>,
    /// Families of which something waits and nothing is in hand, by who waits longest.
    free: VecDeque<Family>,
    in_hand: BTreeSet<Family>,
    bytes: usize,
    idle: usize,
    closed: bool,
}

impl Intake {
    /// For `hands` that take up to `batch` messages at a time.
    pub(super) fn new(hands: usize, batch: usize) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: BTreeMap::new(),
                free: VecDeque::new(),
                in_hand: BTreeSet::new(),
                bytes: 0,
                idle: hands,
                closed: false,
            }),
            batch,
            ready: Notify::new(),
            room: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when more may be put in; `false` if nobody would take it.
    pub(super) async fn has_room(&self) -> bool {
        loop {
            let notified = self.room.notified();
            {
                let state = self.state();
                if state.closed {
                    return false;
                }
                if state.bytes < BATCH_BYTES {
                    return true;
                }
            }
            notified.await;
        }
    }

    pub(super) fn put(&self, arrived: impl IntoIterator<Item = Arrived>) {
        let mut state = self.state();
        for arrived in arrived {
            state.put(arrived);
        }
        self.wake(state);
    }

    /// Nothing more comes, or nobody takes any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.ready.notify_waiters();
        self.room.notify_waiters();
    }

    /// What nobody has taken.
    pub(super) fn rest(&self) -> Vec<Arrived> {
        let waiting = std::mem::take(&mut self.state().waiting);
        waiting.into_values().flatten().collect()
    }

    /// Completes with a batch of at least one message, or with `None` when there never will be
    /// another. Cancel it by dropping it: that loses nothing.
    pub(super) async fn take(&self) -> Option<Batch<'_>> {
        loop {
            let mut notified = std::pin::pin!(self.ready.notified());
            notified.as_mut().enable();
            if let Some(batch) = self.try_take() {
                return Some(batch);
            }
            {
                let state = self.state();
                if state.closed && state.waiting.is_empty() {
                    return None;
                }
            }
            notified.await;
        }
    }

    /// A batch, if there is something that may be taken.
    pub(super) fn try_take(&self) -> Option<Batch<'_>> {
        let mut state = self.state();
        if state.free.is_empty() {
            return None;
        }
        // Others are about to ask, too, and what one hand takes the others have to wait for.
        let share = state.free.len().div_ceil(state.idle.max(1));
        state.idle = state.idle.saturating_sub(1);
        let mut load = Load::default();
        state.fill(&mut load, share, self.batch);
        self.room.notify_one();
        Some(Batch { intake: self, load })
    }

    fn release(&self, families: &BTreeSet<Family>) {
        let mut state = self.state();
        state.idle += 1;
        for family in families {
            state.in_hand.remove(family);
            if state.waiting.contains_key(family) {
                state.free.push_back(*family);
            }
        }
        let over = state.closed && state.waiting.is_empty();
        self.wake(state);
        if over {
            self.ready.notify_waiters();
        }
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let hands = state.free.len().min(state.idle);
        drop(state);
        for _ in 0..hands {
            self.ready.notify_one();
        }
    }
}

impl State {
    fn put(&mut self, arrived: Arrived) {
        let family = Family::of(&arrived);
        self.bytes += arrived.delivery.body.len();
        let waiting = self.waiting.entry(family).or_default();
        if waiting.is_empty() && !self.in_hand.contains(&family) {
            self.free.push_back(family);
        }
        waiting.push_back(arrived);
    }

    /// Adds up to `share` families, the one that waits longest first, while there is room.
    fn fill(&mut self, load: &mut Load, share: usize, most: usize) {
        for _ in 0..share {
            if load.is_full(most) {
                break;
            }
            let Some(family) = self.free.pop_front() else {
                break;
            };
            self.in_hand.insert(family);
            load.families.insert(family);
            self.load(family, load, most);
        }
    }

    /// Adds what waits of a family, while there is room.
    fn load(&mut self, family: Family, load: &mut Load, most: usize) {
        let Some(waiting) = self.waiting.get_mut(&family) else {
            return;
        };
        while !load.is_full(most)
            && let Some(arrived) = waiting.pop_front()
        {
            self.bytes -= arrived.delivery.body.len();
            load.bytes += arrived.delivery.body.len();
            load.messages.push(arrived);
        }
        if waiting.is_empty() {
            self.waiting.remove(&family);
        }
    }
}

#[derive(Debug, Default)]
struct Load {
    families: BTreeSet<Family>,
    messages: Vec<Arrived>,
    bytes: usize,
}

impl Load {
    fn is_full(&self, most: usize) -> bool {
        self.messages.len() >= most || self.bytes >= BATCH_BYTES
    }
}

/// Messages to apply in one transaction. Until it is dropped, nobody else gets any of their families.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    intake: &'a Intake,
    load: Load,
}

impl Batch<'_> {
    pub(super) fn messages(&self) -> &[Arrived] {
        &self.load.messages
    }

    pub(super) fn take_messages(&mut self) -> Vec<Arrived> {
        std::mem::take(&mut self.load.messages)
    }

    pub(super) fn is_full(&self) -> bool {
        self.load.is_full(self.intake.batch)
    }

    /// Adds what has come since, of its own families and then of others.
    pub(super) fn top_up(&mut self) {
        let most = self.intake.batch;
        let mut state = self.intake.state();
        for family in self.load.families.clone() {
            state.load(family, &mut self.load, most);
        }
        let share = state.free.len().div_ceil(state.idle + 1);
        state.fill(&mut self.load, share, most);
        self.intake.room.notify_one();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.intake.release(&self.load.families);
    }
}

/// Bytes of messages after which a batch is full: a message of a generator holds many children, and
/// a transaction should not hold hundreds of thousands. And what may wait to be taken, so that a
/// manager which cannot keep up leaves messages to others.
const BATCH_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop")]

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use crate::id::{CollectionId, MessageId};
    use crate::message::CancelCollection;
    use crate::ports::transport::Receipt;
    use crate::time::Timestamp;

    use super::*;

    const HANDS: usize = 3;
    const MOST: usize = 4;

    /// The `n`-th message, of a family.
    fn message(family: u8, n: u64) -> Arrived {
        let id = |high: u128, low: u128| uuid::Uuid::from_u128(high << 80 | low);
        let message = ToManager {
            v: crate::envelope::WIRE_VERSION,
            id: MessageId::from_uuid(id(0, n.into())),
            body: Message::CancelCollection(CancelCollection {
                collection_id: CollectionId::from_uuid(id(1 + u128::from(family), 7)),
            }),
        };
        Arrived::read(Delivery {
            receipt: Receipt::from_number(n),
            body: message.encode().into(),
            receive_count: 1,
            sent_at: Timestamp::from_millis(0),
        })
    }

    /// Which messages, in order.
    fn numbers(batch: &Batch<'_>) -> Vec<u64> {
        let ids = batch
            .messages()
            .iter()
            .map(|arrived| arrived.message.as_ref().unwrap().id);
        ids.map(|id| id.as_uuid().as_u128() as u64).collect()
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(Vec<u8>),
        Take,
        TopUp(usize),
        Drop(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let families = prop::collection::vec(0u8..5, 1..12);
        let step = prop_oneof![
            families.prop_map(Step::Put),
            Just(Step::Take),
            Just(Step::Take),
            (0..HANDS).prop_map(Step::TopUp),
            (0..HANDS).prop_map(Step::Drop),
        ];
        prop::collection::vec(step, 0..40)
    }

    proptest! {
        #[test]
        fn each_message_is_taken_once_in_order_and_no_family_twice_at_a_time(steps in steps()) {
            let intake = Intake::new(HANDS, MOST);
            let mut families = Vec::new();
            let mut batches: Vec<Batch<'_>> = Vec::new();
            let mut taken: Vec<u64> = Vec::new();
            let steps = steps.into_iter().chain(std::iter::repeat_n(Step::Drop(0), HANDS));
            let over = std::iter::repeat_n([Step::Take, Step::Drop(0)], 500).flatten();
            for step in steps.chain(over) {
                match step {
                    Step::Put(of) => {
                        let first = families.len() as u64;
                        intake.put((first..).zip(&of).map(|(n, family)| message(*family, n)));
                        families.extend(of);
                    }
                    Step::Take if batches.len() < HANDS => {
                        let free = intake.state().free.len();
                        let batch = intake.try_take();
                        prop_assert_eq!(batch.is_some(), free > 0);
                        batches.extend(batch);
                        // Who asks next gets something, too, if there is something for two.
                        let left = intake.state().free.len();
                        prop_assert!(left > 0 || free < 2 || batches.len() == HANDS);
                    }
                    Step::TopUp(at) if at < batches.len() => {
                        let before = numbers(&batches[at]);
                        batches[at].top_up();
                        prop_assert!(numbers(&batches[at]).starts_with(&before));
                    }
                    Step::Drop(at) if at < batches.len() => {
                        taken.extend(numbers(&batches.remove(at)));
                    }
                    _ => {}
                }
                let mut held = BTreeSet::new();
                for batch in &batches {
                    prop_assert!((1..=MOST).contains(&batch.messages().len()));
                    let own: BTreeSet<u8> =
                        numbers(batch).iter().map(|n| families[*n as usize]).collect();
                    for family in own {
                        prop_assert!(held.insert(family), "family {} is in two hands", family);
                    }
                }
            }
            for family in 0..5 {
                let of = |n: &u64| families[*n as usize] == family;
                let order: Vec<u64> = taken.iter().copied().filter(of).collect();
                prop_assert!(order.is_sorted());
            }
            taken.sort_unstable();
            prop_assert!(taken.into_iter().eq(0..families.len() as u64));
            prop_assert_eq!(intake.state().bytes, 0);
        }
    }

    #[test]
    fn who_waits_is_woken_by_a_message_a_family_that_is_free_again_and_the_end() {
        let intake = Intake::new(2, MOST);
        let mut first = std::pin::pin!(intake.take());
        assert!(first.as_mut().now_or_never().is_none());
        intake.put([message(1, 0)]);
        let held = first.now_or_never().unwrap().unwrap();
        intake.put([message(1, 1)]);
        let mut second = std::pin::pin!(intake.take());
        assert!(second.as_mut().now_or_never().is_none());
        drop(held);
        let held = second.now_or_never().unwrap().unwrap();
        assert_eq!(numbers(&held), [1]);
        let mut last = std::pin::pin!(intake.take());
        assert!(last.as_mut().now_or_never().is_none());
        intake.put([message(1, 2)]);
        intake.close();
        assert!(
            last.as_mut().now_or_never().is_none(),
            "its family is in hand, and comes back"
        );
        drop(held);
        assert_eq!(numbers(&last.now_or_never().unwrap().unwrap()), [2]);
        assert!(intake.take().now_or_never().unwrap().is_none());
    }

    #[test]
    fn there_is_room_while_little_waits_and_somebody_takes() {
        let intake = Intake::new(1, 1_000_000);
        let large = || {
            let mut arrived = message(1, 0);
            arrived.delivery.body = vec![0; BATCH_BYTES / 2].into();
            arrived
        };
        intake.put([large()]);
        assert_eq!(intake.has_room().now_or_never(), Some(true));
        intake.put([large()]);
        let mut room = std::pin::pin!(intake.has_room());
        assert!(room.as_mut().now_or_never().is_none());
        let batch = intake.try_take().unwrap();
        assert_eq!(batch.messages().len(), 2);
        assert_eq!(room.now_or_never(), Some(true));
        intake.put([large(), large()]);
        let mut room = std::pin::pin!(intake.has_room());
        assert!(room.as_mut().now_or_never().is_none());
        intake.close();
        assert_eq!(room.now_or_never(), Some(false));
        drop(batch);
        assert_eq!(intake.rest().len(), 2);
    }
}
