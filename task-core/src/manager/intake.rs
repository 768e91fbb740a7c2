//! What was received and is not applied yet, sorted so that transactions do not wait for each other.
//!
//! Managers take turns on a collection, because each of its messages moves the same counters. So a
//! batch that is applied beside others must not share a collection with any of them: here messages
//! stand by their [`Stripe`], and a stripe that is in hand is given to nobody else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Stripe;
use crate::message::{Message, ToManager};
use crate::ports::transport::{Delivery, ParkReason};

/// A delivery, and what it says or why that cannot be read.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) delivery: Delivery,
    pub(super) message: Result<ToManager, ParkReason>,
}

impl Received {
    pub(super) fn read(delivery: Delivery) -> Self {
        let message = ToManager::decode(&delivery.body);
        Self { delivery, message }
    }
}

/// Where a message belongs. What says nothing of any collection may stand anywhere.
fn stripe(message: &Result<ToManager, ParkReason>) -> Stripe {
    let Ok(ToManager { body, .. }) = message else {
        return Stripe::default();
    };
    match body {
        Message::SubmitCollection(submit) => Stripe::from(&submit.collection_id),
        Message::CancelCollection(cancel) => Stripe::from(&cancel.collection_id),
        Message::CreateTasks(create) => Stripe::from(&create.parent_id),
        Message::CompleteTask(complete) => Stripe::from(&complete.task_id),
        Message::Heartbeat(heartbeat) => Stripe::from(&heartbeat.task_id),
        Message::Tick => Stripe::default(),
    }
}

/// Who receives puts in, and several hands take out.
#[derive(Debug)]
pub(super) struct Intake {
    state: Mutex<State>,
    hands: usize,
    /// Messages of a batch, at most.
    batch: usize,
    /// Something can be taken, or never will be.
    ready: Notify,
    /// There is room for more, or nobody takes anything any more.
    room: Notify,
}

#[derive(Debug)]
struct State {
    /// What waits, in the order in which it came. No stripe is there without a message.
    waiting: BTreeMap<Stripe, VecDeque<Received>>,
    /// Stripes of which something waits and nothing is in hand, by who waits longest.
    free: VecDeque<Stripe>,
    in_hand: BTreeSet<Stripe>,
    messages: usize,
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
                messages: 0,
                bytes: 0,
                idle: hands,
                closed: false,
            }),
            hands,
            batch,
            ready: Notify::new(),
            room: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when more may be put in, which is while less waits than a batch for each hand: what
    /// waits here is kept from other managers, and its visibility runs out. `false` if nobody would
    /// take it.
    pub(super) async fn has_room(&self) -> bool {
        loop {
            let notified = self.room.notified();
            {
                let state = self.state();
                if state.closed {
                    return false;
                }
                let batches = (state.messages / self.batch).max(state.bytes / BATCH_BYTES);
                if batches < self.hands {
                    return true;
                }
            }
            notified.await;
        }
    }

    pub(super) fn put(&self, received: impl IntoIterator<Item = Received>) {
        let mut state = self.state();
        for received in received {
            state.put(received);
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
    pub(super) fn rest(&self) -> Vec<Received> {
        let waiting = std::mem::take(&mut self.state().waiting);
        waiting.into_values().flatten().collect()
    }

    /// Completes with a batch of at least one message, or with `None` when there never will be
    /// another. Cancel it by dropping it: that loses nothing.
    pub(super) async fn take(&self) -> Option<Taken<'_>> {
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
    pub(super) fn try_take(&self) -> Option<Taken<'_>> {
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
        Some(Taken { intake: self, load })
    }

    fn release(&self, stripes: &BTreeSet<Stripe>) {
        let mut state = self.state();
        state.idle += 1;
        for stripe in stripes {
            state.in_hand.remove(stripe);
            if state.waiting.contains_key(stripe) {
                state.free.push_back(*stripe);
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
    fn put(&mut self, received: Received) {
        let stripe = stripe(&received.message);
        self.messages += 1;
        self.bytes += received.delivery.body.len();
        let waiting = self.waiting.entry(stripe).or_default();
        if waiting.is_empty() && !self.in_hand.contains(&stripe) {
            self.free.push_back(stripe);
        }
        waiting.push_back(received);
    }

    /// Adds up to `share` stripes, the one that waits longest first, while there is room.
    fn fill(&mut self, load: &mut Load, share: usize, most: usize) {
        for _ in 0..share {
            if load.is_full(most) {
                break;
            }
            let Some(stripe) = self.free.pop_front() else {
                break;
            };
            self.in_hand.insert(stripe);
            load.stripes.insert(stripe);
            self.load(stripe, load, most);
        }
    }

    /// Adds what waits of a stripe, while there is room.
    fn load(&mut self, stripe: Stripe, load: &mut Load, most: usize) {
        let Some(waiting) = self.waiting.get_mut(&stripe) else {
            return;
        };
        while !load.is_full(most)
            && let Some(received) = waiting.pop_front()
        {
            self.messages -= 1;
            self.bytes -= received.delivery.body.len();
            load.bytes += received.delivery.body.len();
            load.messages.push(received);
        }
        if waiting.is_empty() {
            self.waiting.remove(&stripe);
        }
    }
}

#[derive(Debug, Default)]
struct Load {
    stripes: BTreeSet<Stripe>,
    messages: Vec<Received>,
    bytes: usize,
}

impl Load {
    fn is_full(&self, most: usize) -> bool {
        self.messages.len() >= most || self.bytes >= BATCH_BYTES
    }
}

/// Messages to apply in one transaction. Until it is dropped, nobody else gets any of their stripes.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    intake: &'a Intake,
    load: Load,
}

impl Taken<'_> {
    pub(super) fn messages(&self) -> &[Received] {
        &self.load.messages
    }

    pub(super) fn take_messages(&mut self) -> Vec<Received> {
        std::mem::take(&mut self.load.messages)
    }

    pub(super) fn is_full(&self) -> bool {
        self.load.is_full(self.intake.batch)
    }

    /// Adds what has come since, of its own stripes and then of others.
    pub(super) fn top_up(&mut self) {
        let most = self.intake.batch;
        let mut state = self.intake.state();
        for stripe in self.load.stripes.clone() {
            state.load(stripe, &mut self.load, most);
        }
        let share = state.free.len().div_ceil(state.idle + 1);
        state.fill(&mut self.load, share, most);
        self.intake.room.notify_one();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.intake.release(&self.load.stripes);
    }
}

/// Bytes of messages after which a batch is full: a message of a generator holds many children, and
/// a transaction should not hold hundreds of thousands.
const BATCH_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
