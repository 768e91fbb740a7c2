//! How receivers wait, share and leave.

use std::collections::BTreeSet;
use std::pin::pin;

use futures_util::future::{join, join_all};
use futures_util::poll;

use super::Passage;
use super::probe::{LONG, PATIENCE, QUEUE, SECOND, SHORT, body, probe};
use crate::ports::transport::{Outgoing, Transport};

/// `receive` returns no more than `max` messages, and no more than its limit.
pub async fn receive_keeps_its_bounds(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    let batch = transport.limits().receive_batch.min(1000);
    let mut left = batch + 4;
    probe.send((0..left).map(body)).await;
    for max in [1, 2, transport.limits().receive_batch.saturating_add(1)] {
        let received = probe.receive(QUEUE, max, SECOND, LONG).await.len();
        let bound = max.min(transport.limits().receive_batch);
        assert!(
            received <= bound,
            "`receive` is bounded by {bound}: it returned {received}"
        );
        left -= received;
    }
    probe.drain(left, LONG).await;
}

/// `receive` on an empty queue waits for as long as it is told, then returns an empty list.
pub async fn an_empty_receive_waits(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    let (start, wait) = (passage.now(), 2 * SECOND);
    let received = probe.receive(QUEUE, 1, wait, LONG).await;
    assert!(
        received.is_empty(),
        "an empty queue delivers nothing, but {received:?} came"
    );
    let waited = passage.now().since(start);
    assert!(
        waited >= wait,
        "`receive` waits for {wait:?}: it returned after {waited:?}"
    );
    let received = probe
        .receive(QUEUE, 1, std::time::Duration::ZERO, LONG)
        .await;
    assert!(
        received.is_empty(),
        "an empty queue delivers nothing, but {received:?} came"
    );
}

/// A receiver that waits returns promptly when a message is sent.
pub async fn a_waiting_receiver_hears_of_a_new_message(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    let start = passage.now();
    let (received, ()) = join(
        probe.receive(QUEUE, 1, PATIENCE, LONG),
        probe.send([body(0)]),
    )
    .await;
    assert_eq!(
        received.len(),
        1,
        "a waiting receiver hears of a new message"
    );
    let waited = passage.now().since(start);
    assert!(
        waited < PATIENCE,
        "it hears of it before its wait is over, not after {waited:?}"
    );
}

/// A receiver that waits returns when the delay of a message ends.
pub async fn a_waiting_receiver_hears_of_a_delayed_message(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    if transport.limits().max_delay < SHORT {
        return;
    }
    let start = passage.now();
    let delayed = vec![Outgoing {
        body: body(0),
        delay: SHORT,
    }];
    let sent = probe.send_to(QUEUE, delayed);
    let (received, ()) = join(probe.receive(QUEUE, 1, PATIENCE, LONG), sent).await;
    assert_eq!(
        received.len(),
        1,
        "a waiting receiver hears of the end of a delay"
    );
    let waited = passage.now().since(start);
    assert!(
        waited < PATIENCE,
        "it hears of it before its wait is over, not after {waited:?}"
    );
}

/// A receiver that waits returns when the visibility of another's message ends.
pub async fn a_waiting_receiver_hears_of_a_redelivery(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    probe.one(SHORT).await;
    let start = passage.now();
    let received = probe.receive(QUEUE, 1, PATIENCE, LONG).await;
    assert_eq!(
        received.len(),
        1,
        "a waiting receiver hears of the end of a visibility"
    );
    let waited = passage.now().since(start);
    assert!(
        waited < PATIENCE,
        "it hears of it before its wait is over, not after {waited:?}"
    );
}

/// A receiver that waits returns promptly when another gives a message back.
pub async fn a_waiting_receiver_hears_of_a_message_given_back(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let delivery = probe.one(LONG).await;
    let start = passage.now();
    let given_back = probe.extend(&delivery.receipt, std::time::Duration::ZERO);
    let (received, ()) = join(probe.receive(QUEUE, 1, PATIENCE, LONG), given_back).await;
    assert_eq!(
        received.len(),
        1,
        "a waiting receiver hears of a message given back"
    );
    let waited = passage.now().since(start);
    assert!(
        waited < PATIENCE,
        "it hears of it before its wait is over, not after {waited:?}"
    );
}

/// Several receivers share the messages of a queue; while hidden, each message has one receiver.
pub async fn receivers_share_without_duplicates(transport: &dyn Transport, passage: &dyn Passage) {
    const COUNT: usize = 40;
    let probe = probe(transport, passage);
    let sent = probe.send((0..COUNT).map(body));
    let receive = || async {
        let mut mine = Vec::new();
        loop {
            let some = probe.receive(QUEUE, 3, 3 * SECOND, LONG).await;
            if some.is_empty() {
                return mine;
            }
            mine.extend(some);
        }
    };
    let (shares, ()) = join(join_all((0..4).map(|_| receive())), sent).await;
    let mut seen = BTreeSet::new();
    for delivery in shares.into_iter().flatten() {
        assert_eq!(
            delivery.receive_count, 1,
            "a hidden message is not delivered again"
        );
        let fresh = seen.insert(delivery.body.clone());
        assert!(
            fresh,
            "while it is hidden, a message has one receiver: {:?}",
            delivery.body
        );
    }
    if seen.len() < COUNT {
        // A carrier may miss messages on one `receive`; the next ones must find them.
        probe.drain(COUNT - seen.len(), LONG).await;
    }
}

/// A `receive` that is given up while it waits loses no message.
pub async fn a_dropped_receive_loses_nothing(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    {
        let given_up = transport.receive(QUEUE, 1, PATIENCE, SHORT);
        let polled = poll!(pin!(given_up));
        assert!(
            polled.is_pending(),
            "`receive` on an empty queue waits: {polled:?}"
        );
    }
    probe.send([body(0)]).await;
    let delivery = probe.one(LONG).await;
    assert_eq!(
        delivery.body,
        body(0),
        "a `receive` given up before loses no message"
    );
    probe.ack(&delivery.receipt).await;

    // The one that is given up may be the very one that was told of the message.
    for first_gives_up in [true, false] {
        let mut first = Box::pin(probe.receive(QUEUE, 1, PATIENCE, SHORT));
        let mut second = Box::pin(probe.receive(QUEUE, 1, PATIENCE, SHORT));
        let _ = (poll!(&mut first), poll!(&mut second));
        probe.send([body(1)]).await;
        let (given_up, stays) = if first_gives_up {
            (first, second)
        } else {
            (second, first)
        };
        drop(given_up);
        let received = stays.await;
        assert_eq!(
            received.len(),
            1,
            "when one receiver gives up, another gets the message"
        );
        probe.ack(&received[0].receipt).await;
    }
}
