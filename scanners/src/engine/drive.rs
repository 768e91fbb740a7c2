//! The thin shell around the two halves: threads, or turns in one thread.

use std::ops::ControlFlow;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use crate::link::{Clock, Link, LinkError, Receive, Transmit};
use crate::probe::Probe;

use super::error::ScanError;
use super::flap::{Flap, LOOK, Verdict};
use super::observer::Observer;
use super::receive::{Outcome, Receiver};
use super::report::Report;
use super::send::{Sender, Step};
use super::shared::Shared;

/// The longest that a sender sleeps without looking whether it is to stop.
const NAP: Duration = Duration::from_millis(20);

/// How long a sender waits where the link is full.
const FULL: Duration = Duration::from_micros(50);

/// The ends of a link that a scan uses.
pub(super) struct Ends {
    pub(super) receive: Box<dyn Receive>,
    /// One for each sender.
    pub(super) transmit: Vec<Box<dyn Transmit>>,
    /// For frames that end connections.
    pub(super) close: Box<dyn Transmit>,
}

impl Ends {
    pub(super) fn open(
        link: &dyn Link,
        probe: &impl Probe,
        senders: usize,
    ) -> Result<Self, LinkError> {
        // The receiving end first: what answers the first probe must find it open.
        let receive = link.receive(&probe.filter())?;
        let transmit = (0..senders)
            .map(|_| link.transmit())
            .collect::<Result<_, _>>()?;
        let close = link.transmit()?;
        Ok(Self {
            receive,
            transmit,
            close,
        })
    }
}

/// Each sender in a thread, and the receiver in this one.
pub(super) fn by_threads<P: Probe, O: Observer<P::Answer> + ?Sized>(
    senders: Vec<Sender<'_, P>>,
    mut receiver: Receiver<'_, P>,
    shared: &Shared,
    ends: Ends,
    clock: &dyn Clock,
    patience: Duration,
    observer: &mut O,
) -> Result<Report, ScanError> {
    let Ends {
        mut receive,
        transmit,
        mut close,
    } = ends;
    let flap = Flap::new(patience);
    let mut own = flap.clone();
    thread::scope(|scope| {
        let _stop = StopOnPanic(shared);
        let threads: Vec<_> = senders
            .into_iter()
            .zip(transmit)
            .map(|(sender, end)| {
                let flap = flap.clone();
                scope.spawn(move || send_all(sender, end, shared, clock, flap))
            })
            .collect();
        let received = loop {
            let now = clock.now();
            let wait = receiver.next_tick() - now;
            let step = receive_once(
                &mut receiver,
                &mut *receive,
                &mut *close,
                &mut own,
                wait,
                clock,
                observer,
            );
            match step {
                Ok(ControlFlow::Continue(())) if shared.is_stopped() => {
                    break Ok(Outcome::Stopped);
                }
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(outcome)) => break Ok(outcome),
                Err(error) => break Err(error),
            }
        };
        shared.stop();
        // All of them first: a panic that nobody took would come out of the scope.
        let ends: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
        for end in ends {
            end.map_err(|_| ScanError::Panicked)??;
        }
        let outcome = received?;
        let counters = receive.counters()?;
        Ok(receiver.report(clock.now(), counters, outcome))
    })
}

/// All in this thread, by turns. The same calls happen in the same order each time, so on a link in
/// virtual time a run can be repeated.
pub(super) fn by_turns<P: Probe, O: Observer<P::Answer> + ?Sized>(
    mut senders: Vec<Sender<'_, P>>,
    mut receiver: Receiver<'_, P>,
    ends: Ends,
    clock: &dyn Clock,
    patience: Duration,
    observer: &mut O,
) -> Result<Report, ScanError> {
    let mut flap = Flap::new(patience);
    let mut own = flap.clone();
    let Ends {
        mut receive,
        mut transmit,
        mut close,
    } = ends;
    loop {
        let mut next = receiver.next_tick();
        for (sender, end) in senders.iter_mut().zip(&mut transmit) {
            let now = clock.now();
            match sender.poll(now) {
                Step::Send(range) => match end.send(sender.batch(), range) {
                    Ok(count) => {
                        if count > 0 {
                            flap.up();
                        }
                        sender.sent(count, clock.now());
                        next = next.min(if count == 0 { now + FULL } else { now });
                    }
                    Err(error) => match flap.failed(error, now) {
                        Verdict::Wait { first } => {
                            sender.down(first, now);
                            next = next.min(now + LOOK);
                        }
                        Verdict::Fail(error) => return Err(error.into()),
                    },
                },
                Step::Wait(until) => next = next.min(until),
                Step::Done => {}
            }
        }
        let wait = next - clock.now();
        let step = receive_once(
            &mut receiver,
            &mut *receive,
            &mut *close,
            &mut own,
            wait,
            clock,
            observer,
        );
        if let ControlFlow::Break(outcome) = step? {
            let counters = receive.counters()?;
            return Ok(receiver.report(clock.now(), counters, outcome));
        }
    }
}

fn send_all<P: Probe>(
    mut sender: Sender<'_, P>,
    mut end: Box<dyn Transmit>,
    shared: &Shared,
    clock: &dyn Clock,
    mut flap: Flap,
) -> Result<(), LinkError> {
    // Whichever way it ends, the receiver must not wait for it.
    let _stop = StopOnPanic(shared);
    let result = loop {
        if shared.is_stopped() {
            break Ok(());
        }
        let now = clock.now();
        match sender.poll(now) {
            Step::Send(range) => match end.send(sender.batch(), range) {
                Ok(count) => {
                    if count > 0 {
                        flap.up();
                    }
                    // Not `now`: the thread may have stood still since then.
                    sender.sent(count, clock.now());
                    if count == 0 {
                        thread::sleep(FULL);
                    }
                }
                Err(error) => match flap.failed(error, now) {
                    Verdict::Wait { first } => {
                        sender.down(first, now);
                        thread::sleep(LOOK);
                    }
                    Verdict::Fail(error) => break Err(error),
                },
            },
            Step::Wait(until) => thread::sleep((until - now).min(NAP)),
            Step::Done => break Ok(()),
        }
    };
    if result.is_err() {
        shared.stop();
    }
    result
}

/// Stops the scan if its thread panics. Otherwise a panic of the observer would leave senders that
/// go on to the last target, and nobody who notes the answers; and one of a sender, a receiver that
/// waits for it for ever.
struct StopOnPanic<'a>(&'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

/// Waits for frames, at most for `wait`, takes them, and ticks if it is time. While the link is down
/// it only ticks.
fn receive_once<P: Probe, O: Observer<P::Answer> + ?Sized>(
    receiver: &mut Receiver<'_, P>,
    receive: &mut dyn Receive,
    close: &mut dyn Transmit,
    flap: &mut Flap,
    wait: Duration,
    clock: &dyn Clock,
    observer: &mut O,
) -> Result<ControlFlow<Outcome>, ScanError> {
    match take(receiver, receive, close, wait, observer) {
        Ok(()) => flap.up(),
        Err(error) => match flap.failed(error, clock.now()) {
            Verdict::Wait { first } => {
                receiver.down(first, clock.now());
                clock.pass(LOOK);
            }
            Verdict::Fail(error) => return Err(error.into()),
        },
    }
    tick(receiver, receive, clock, observer)
}

/// Takes the frames that come within `wait`, and ends the connections of those that ask for it.
fn take<P: Probe, O: Observer<P::Answer> + ?Sized>(
    receiver: &mut Receiver<'_, P>,
    receive: &mut dyn Receive,
    close: &mut dyn Transmit,
    wait: Duration,
    observer: &mut O,
) -> Result<(), LinkError> {
    let mut closed = Ok(());
    receive.receive(wait, &mut |arrival, frame| {
        receiver.frame(arrival, frame, observer);
        // What a real link hands over at once may be more answers than there is room for.
        if receiver.must_close() && closed.is_ok() {
            closed = close_all(receiver, close);
        }
    })?;
    closed?;
    close_all(receiver, close)
}

/// Ticks if it is time.
fn tick<P: Probe, O: Observer<P::Answer> + ?Sized>(
    receiver: &mut Receiver<'_, P>,
    receive: &mut dyn Receive,
    clock: &dyn Clock,
    observer: &mut O,
) -> Result<ControlFlow<Outcome>, ScanError> {
    let now = clock.now();
    if now < receiver.next_tick() {
        return Ok(ControlFlow::Continue(()));
    }
    let counters = receive.counters()?;
    Ok(receiver.tick(now, counters, observer))
}

/// Sends the frames that end connections, as many as the link takes.
fn close_all<P: Probe>(
    receiver: &mut Receiver<'_, P>,
    close: &mut dyn Transmit,
) -> Result<(), LinkError> {
    if let Some((batch, range)) = receiver.closing() {
        match close.send(batch, range) {
            Ok(count) => receiver.closed(count),
            // They wait; how long that may be is for the senders to say.
            Err(LinkError::Down(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
