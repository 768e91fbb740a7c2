//! One queue with those who wait at it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use task_core::ports::runtime::Runtime;
use task_core::ports::transport::{Delivery, Outgoing, TransportError};
use task_core::time::Timestamp;
use tokio::sync::Notify;

use super::state::{State, end_of};

/// A queue that is shared by senders and receivers.
///
/// Everything happens under one short lock; whoever changed something then wakes at most one
/// receiver and one sender, who wake the next if anything is left: no herd. Of the waiting
/// receivers, one (the keeper) also sleeps until the next hidden message comes back.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// Wakes a receiver: something is ready, or a keeper is wanted.
    ready: Notify,
    /// Wakes the keeper: something comes back earlier than it knows.
    earlier: Notify,
    /// Wakes a sender: there is room.
    room: Notify,
    capacity: usize,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) state: State,
    receivers: usize,
    senders: usize,
    /// Until when the keeper sleeps.
    keeper: Option<Timestamp>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(max_receives: u32, capacity: Option<usize>) -> Self {
        let inner = Inner {
            state: State::new(max_receives),
            receivers: 0,
            senders: 0,
            keeper: None,
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            ready: Notify::new(),
            earlier: Notify::new(),
            room: Notify::new(),
            capacity: capacity.unwrap_or(usize::MAX),
        }
    }

    /// Changes the state, then wakes whom it concerns.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut inner = self.lock();
        let result = change(&mut inner.state);
        self.settle(inner);
        result
    }

    /// Like [`with`](Self::with), unless the queue is closed.
    pub(super) fn open<T>(
        &self,
        change: impl FnOnce(&mut State) -> T,
    ) -> Result<T, TransportError> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(TransportError::Closed);
        }
        let result = change(&mut inner.state);
        self.settle(inner);
        Ok(result)
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        for waiters in [&self.ready, &self.earlier, &self.room] {
            waiters.notify_waiters();
        }
    }

    /// Takes in `messages`, waiting for room. `check` refuses a message.
    pub(super) async fn send(
        &self,
        runtime: &dyn Runtime,
        messages: Vec<Outgoing>,
        check: impl Fn(&Outgoing) -> Result<(), TransportError>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        let mut results = Vec::with_capacity(messages.len());
        let mut messages = messages.into_iter();
        let mut seat = Seat::new(self, Role::Sender);
        loop {
            // Made before the look at the queue, so that no wake-up falls in between.
            let room = self.room.notified();
            self.admit(
                runtime.now(),
                &mut seat,
                &mut messages,
                &mut results,
                &check,
            )?;
            if messages.as_slice().is_empty() {
                return Ok(results);
            }
            room.await;
        }
    }

    /// Takes in as many messages as there is room for; sits down if any are left.
    fn admit(
        &self,
        now: Timestamp,
        seat: &mut Seat<'_>,
        messages: &mut std::vec::IntoIter<Outgoing>,
        results: &mut Vec<Result<(), TransportError>>,
        check: impl Fn(&Outgoing) -> Result<(), TransportError>,
    ) -> Result<(), TransportError> {
        let mut inner = self.lock();
        seat.leave(&mut inner);
        if inner.closed {
            return Err(TransportError::Closed);
        }
        while let Some(next) = messages.as_slice().first() {
            if inner.state.ready() >= self.capacity && next.delay.is_zero() {
                seat.sit(&mut inner);
                break;
            }
            results.extend(messages.next().map(|message| {
                check(&message)?;
                inner.state.push(now, message.body, message.delay);
                Ok(())
            }));
        }
        self.settle(inner);
        Ok(())
    }

    /// Delivers up to `max` messages, waiting up to `wait` for the first.
    ///
    /// Safe to drop: messages are taken in the very poll that returns them, and a wake-up that
    /// was meant for this receiver goes to the next.
    pub(super) async fn receive(
        &self,
        runtime: &dyn Runtime,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        let mut now = runtime.now();
        let deadline = end_of(now, wait);
        let mut seat = Seat::new(self, Role::Receiver);
        loop {
            let ready = self.ready.notified();
            let earlier = self.earlier.notified();
            let until = match self.deliver(now, deadline, &mut seat, max, visibility)? {
                Look::Done(taken) => return Ok(taken),
                Look::Wait(until) => until,
            };
            let sleep = runtime.sleep(until.since(now));
            if seat.keeps {
                tokio::select! { biased; () = ready => {} () = earlier => {} () = sleep => {} }
            } else {
                tokio::select! { biased; () = ready => {} () = sleep => {} }
            }
            now = runtime.now();
        }
    }

    /// Delivers what there is; sits down if there is nothing and time is left.
    fn deliver(
        &self,
        now: Timestamp,
        deadline: Timestamp,
        seat: &mut Seat<'_>,
        max: usize,
        visibility: Duration,
    ) -> Result<Look, TransportError> {
        let mut inner = self.lock();
        seat.leave(&mut inner);
        if inner.closed {
            return Err(TransportError::Closed);
        }
        inner.state.sweep(now);
        let taken = inner.state.take(now, max, visibility);
        let look = if !taken.is_empty() || now >= deadline || max == 0 {
            Look::Done(taken)
        } else {
            seat.sit(&mut inner);
            Look::Wait(
                seat.keep(&mut inner)
                    .map_or(deadline, |due| due.min(deadline)),
            )
        };
        self.settle(inner);
        Ok(look)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics under the lock but for want of memory; the state is whole even then.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a change: gives the lock back and wakes whom it concerns.
    fn settle(&self, inner: MutexGuard<'_, Inner>) {
        let next = inner.state.next_due();
        let receiver = inner.receivers > 0
            && (inner.state.ready() > 0 || (inner.keeper.is_none() && next.is_some()));
        let keeper = matches!((inner.keeper, next), (Some(until), Some(due)) if due < until);
        let sender = inner.senders > 0 && inner.state.ready() < self.capacity;
        drop(inner);
        if receiver {
            self.ready.notify_one();
        }
        if keeper {
            self.earlier.notify_one();
        }
        if sender {
            self.room.notify_one();
        }
    }
}

/// What a receiver does after a look at the queue.
enum Look {
    Done(Vec<Delivery>),
    /// Sleep until then, unless woken before.
    Wait(Timestamp),
}

#[derive(Clone, Copy, Debug)]
enum Role {
    Sender,
    Receiver,
}

/// A place among those who wait; given up when dropped.
#[derive(Debug)]
struct Seat<'a> {
    queue: &'a Queue,
    role: Role,
    taken: bool,
    keeps: bool,
}

impl<'a> Seat<'a> {
    const fn new(queue: &'a Queue, role: Role) -> Self {
        Self {
            queue,
            role,
            taken: false,
            keeps: false,
        }
    }

    const fn sit(&mut self, inner: &mut Inner) {
        self.taken = true;
        *self.count(inner) += 1;
    }

    /// Becomes the keeper if there is work for one and nobody does it; says until when to sleep.
    fn keep(&mut self, inner: &mut Inner) -> Option<Timestamp> {
        if inner.keeper.is_some() {
            return None;
        }
        inner.keeper = inner.state.next_due();
        self.keeps = inner.keeper.is_some();
        inner.keeper
    }

    const fn leave(&mut self, inner: &mut Inner) {
        if self.taken {
            self.taken = false;
            *self.count(inner) -= 1;
        }
        if self.keeps {
            self.keeps = false;
            inner.keeper = None;
        }
    }

    const fn count<'i>(&self, inner: &'i mut Inner) -> &'i mut usize {
        match self.role {
            Role::Sender => &mut inner.senders,
            Role::Receiver => &mut inner.receivers,
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if self.taken {
            let mut inner = self.queue.lock();
            self.leave(&mut inner);
            self.queue.settle(inner);
        }
    }
}
