//! What goes in: limits, batches, delays, queues.

use std::time::Duration;

use bytes::Bytes;

use super::Passage;
use super::probe::{LONG, QUEUE, SECOND, SHORT, bodies, body, probe};
use crate::ports::transport::{Outgoing, Transport, TransportError};
use crate::route::Queue;

/// Beyond this, sizes and delays are not put to the test.
const TESTABLE: usize = 16 << 20;

/// All limits but the delay are above zero.
pub async fn limits_are_sane(transport: &dyn Transport, _: &dyn Passage) {
    let limits = transport.limits();
    assert!(
        limits.message_bytes > 0,
        "a carrier carries more than 0 bytes"
    );
    assert!(
        limits.receive_batch > 0,
        "a carrier delivers more than 0 messages at once"
    );
}

/// A message that was sent is delivered, whole, with its first count and the time it was sent.
pub async fn every_message_is_delivered(transport: &dyn Transport, passage: &dyn Passage) {
    // The clocks of a carrier and of its user may differ by a little.
    const SKEW: Duration = Duration::from_secs(60);
    let probe = probe(transport, passage);
    let before = passage.now();
    probe.send([body(0), body(1), body(2)]).await;
    let after = passage.now().after(SKEW);
    let deliveries = probe.drain(3, LONG).await;
    assert_eq!(
        bodies(&deliveries),
        [body(0), body(1), body(2)].into(),
        "every message is delivered as it was sent"
    );
    for delivery in deliveries {
        assert_eq!(delivery.receive_count, 1, "the first delivery counts as 1");
        let sent_at = delivery.sent_at;
        assert!(
            sent_at.after(SKEW) >= before && sent_at <= after,
            "`sent_at` is when the message was sent: {sent_at}, not between {before} and {after}"
        );
    }
}

/// Sending nothing works and has no results.
pub async fn an_empty_send_is_fine(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send_to(QUEUE, Vec::new()).await;
    probe.nothing("sending no messages sends no message").await;
}

/// `send` splits what is more than one batch by itself.
pub async fn large_sends_are_split(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    let count = 3 * transport.limits().receive_batch.min(100) + 1;
    probe.send((0..count).map(body)).await;
    let deliveries = probe.drain(count, LONG).await;
    let expected = (0..count).map(body).collect();
    assert_eq!(
        bodies(&deliveries),
        expected,
        "all messages of a large `send` are delivered"
    );
    probe
        .nothing("each message of a large `send` is sent once")
        .await;
}

/// A message over the limit is `TooLarge`, with the numbers; its neighbours are sent.
pub async fn a_message_over_the_limit_is_refused_alone(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    let limit = transport.limits().message_bytes;
    if limit >= TESTABLE {
        return;
    }
    let messages = vec![
        Outgoing::now(body(0)),
        Outgoing::now(text(limit + 1)),
        Outgoing::now(body(2)),
    ];
    let results = transport.send(QUEUE, messages).await;
    let results = results.unwrap_or_else(|e| panic!("one bad message is an inner error: {e}"));
    match &results[..] {
        [
            Ok(()),
            Err(TransportError::TooLarge { len, limit: told }),
            Ok(()),
        ] => {
            assert_eq!(
                (*len, *told),
                (limit + 1, limit),
                "`TooLarge` tells length and limit"
            );
        }
        other => panic!("the message over the limit, and only it, is `TooLarge`: {other:?}"),
    }
    let deliveries = probe.drain(2, LONG).await;
    assert_eq!(
        bodies(&deliveries),
        [body(0), body(2)].into(),
        "its neighbours are delivered"
    );
    probe.nothing("what was refused is not delivered").await;
}

/// Messages of just the limit are carried, several in one `send`.
pub async fn messages_of_full_size_are_carried(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    let limit = transport.limits().message_bytes;
    if limit >= TESTABLE {
        return;
    }
    probe.send([text(limit), text(limit), text(limit)]).await;
    for delivery in probe.drain(3, LONG).await {
        assert_eq!(
            delivery.body,
            text(limit),
            "a message of full size is delivered whole"
        );
    }
}

/// A delayed message is not delivered before its delay has passed, and then it is.
pub async fn a_delayed_message_comes_later(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    let delay = 3 * SECOND;
    if transport.limits().max_delay < delay {
        return;
    }
    let start = passage.now();
    let messages = vec![
        Outgoing {
            body: body(0),
            delay,
        },
        Outgoing::now(body(1)),
    ];
    probe.send_to(QUEUE, messages).await;
    assert_eq!(
        probe.one(LONG).await.body,
        body(1),
        "only what has no delay comes at once"
    );
    let delayed = probe.one(LONG).await;
    assert_eq!(
        delayed.body,
        body(0),
        "a delayed message is delivered in the end"
    );
    let passed = passage.now().since(start);
    assert!(
        passed >= delay,
        "a delay of {delay:?} is kept: it came after {passed:?}"
    );
    assert_eq!(delayed.receive_count, 1, "a delay is no delivery");
}

/// A delay over the limit is `DelayTooLong`, with the numbers; its neighbours are sent.
pub async fn a_delay_over_the_limit_is_refused_alone(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    let max = transport.limits().max_delay;
    let Some(delay) = max.checked_add(SECOND) else {
        return;
    };
    let messages = vec![
        Outgoing {
            body: body(0),
            delay,
        },
        Outgoing::now(body(1)),
    ];
    let results = transport.send(QUEUE, messages).await;
    let results = results.unwrap_or_else(|e| panic!("one bad message is an inner error: {e}"));
    match &results[..] {
        [
            Err(TransportError::DelayTooLong { delay: told, limit }),
            Ok(()),
        ] => {
            assert_eq!(
                (*told, *limit),
                (delay, max),
                "`DelayTooLong` tells delay and limit"
            );
        }
        other => panic!("the delay over the limit, and only it, is `DelayTooLong`: {other:?}"),
    }
    assert_eq!(
        probe.one(LONG).await.body,
        body(1),
        "its neighbour is delivered"
    );
    if max < LONG {
        probe.advance(delay).await;
    }
    probe.nothing("what was refused is not delivered").await;
}

/// A message comes out of the queue it was sent to, and of no other; so do dead letters.
pub async fn queues_are_apart(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    for (n, queue) in Queue::ALL.into_iter().enumerate() {
        probe.send_to(queue, vec![Outgoing::now(body(n))]).await;
    }
    for (n, queue) in Queue::ALL.into_iter().enumerate() {
        let delivery = probe.drain_from(queue, 1, LONG).await.remove(0);
        assert_eq!(
            delivery.body,
            body(n),
            "`{queue}` delivers what was sent to it"
        );
        let more = probe.receive(queue, 1, SECOND, SHORT).await;
        assert!(
            more.is_empty(),
            "`{queue}` delivers nothing else, but {more:?} came"
        );
        let reason = crate::ports::transport::ParkReason::Refused(queue.as_str().to_owned());
        let parked = transport.park(queue, delivery, reason).await;
        parked.unwrap_or_else(|e| panic!("`park` takes the receipt of a delivery: {e}"));
    }
    for (n, queue) in Queue::ALL.into_iter().enumerate() {
        let parked = transport.parked(queue, 10).await;
        let parked = parked.unwrap_or_else(|e| panic!("`parked` works: {e}"));
        assert_eq!(parked.len(), 1, "`{queue}` has its own dead letters");
        assert_eq!(
            parked[0].body,
            body(n),
            "`{queue}` has its own dead letters"
        );
    }
}

/// `depth` counts messages that wait and messages that are being handled, not dead letters.
pub async fn depth_counts_what_waits_and_what_is_handled(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    probe.depth(0, "an empty queue has depth 0").await;
    probe.send([body(0), body(1), body(2)]).await;
    probe.depth(3, "messages that wait count").await;
    let mut deliveries = probe.drain(2, LONG).await;
    probe
        .depth(3, "messages that are being handled count")
        .await;
    for delivery in deliveries.drain(..1) {
        probe.ack(&delivery.receipt).await;
    }
    probe.depth(2, "acknowledged messages do not count").await;
    for delivery in deliveries {
        let reason = crate::ports::transport::ParkReason::Refused("no".into());
        probe.park(delivery, reason).await;
    }
    probe.depth(1, "dead letters do not count").await;
}

/// A JSON text of `len` bytes.
fn text(len: usize) -> Bytes {
    let mut text = vec![b'a'; len];
    if let [first, .., last] = &mut text[..] {
        (*first, *last) = (b'"', b'"');
    }
    text.into()
}
