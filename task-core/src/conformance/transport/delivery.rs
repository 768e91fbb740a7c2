//! What a receiver may do with a message: acknowledge, keep, give back, forget.

use super::Passage;
use super::probe::{LONG, QUEUE, SECOND, SHORT, body, probe};
use crate::ports::transport::{Transport, TransportError};

/// A delivered message is hidden until its visibility ends; if nothing was done with it by then,
/// it is delivered again, the same but for the count.
pub async fn a_delivered_message_is_hidden_then_comes_again(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let first = probe.one(2 * SHORT).await;
    let hidden_at = passage.now();
    probe
        .nothing("a delivered message is hidden from other receivers")
        .await;
    let second = probe.one(2 * SHORT).await;
    let hidden = passage.now().since(hidden_at);
    assert!(
        hidden >= SHORT,
        "a delivered message is hidden for its visibility: {hidden:?}"
    );
    assert_eq!(second.body, first.body, "a redelivered message is the same");
    assert_eq!(
        second.sent_at, first.sent_at,
        "a redelivered message was sent when it was sent"
    );
    assert_eq!(second.receive_count, 2, "each delivery is counted");
    assert_ne!(
        second.receipt, first.receipt,
        "a receipt belongs to one delivery"
    );
}

/// An acknowledged message never comes again; its neighbours do.
pub async fn an_acknowledged_message_is_gone(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send([body(0), body(1), body(2)]).await;
    let deliveries = probe.drain(3, SHORT).await;
    let (kept, acked) = deliveries.split_at(1);
    let receipts: Vec<_> = acked
        .iter()
        .map(|delivery| delivery.receipt.clone())
        .collect();
    let result = transport.ack(QUEUE, &receipts).await;
    result.unwrap_or_else(|e| panic!("`ack` takes several receipts: {e}"));
    probe.advance(SHORT + SECOND).await;
    let again = probe.one(LONG).await;
    assert_eq!(
        again.body, kept[0].body,
        "only what was not acknowledged comes again"
    );
    probe.nothing("an acknowledged message is gone").await;
}

/// Removing a message twice is harmless, and so is removing nothing.
pub async fn acknowledging_twice_is_harmless(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let delivery = probe.one(LONG).await;
    probe.ack(&delivery.receipt).await;
    probe.ack(&delivery.receipt).await;
    let nothing = transport.ack(QUEUE, &[]).await;
    nothing.unwrap_or_else(|e| panic!("`ack` of no receipts is fine: {e}"));
    probe.nothing("an acknowledged message is gone").await;
}

/// An `ack` with a receipt from before a redelivery, or of a message that is gone, may work or
/// not, but never touches another message.
pub async fn a_late_ack_touches_no_other_message(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let first = probe.one(SHORT).await;
    probe.advance(SHORT).await;
    let second = probe.one(SHORT).await;
    late_ack(transport, &first).await;
    late_ack(transport, &second).await;
    probe.send([body(1)]).await;
    // Both before and after its first delivery.
    late_ack(transport, &first).await;
    late_ack(transport, &second).await;
    let other = probe.one(SHORT).await;
    assert_eq!(
        other.body,
        body(1),
        "an acknowledged message is gone, and a late `ack` touches no other"
    );
    late_ack(transport, &first).await;
    late_ack(transport, &second).await;
    probe.advance(SHORT).await;
    let again = probe.one(SHORT).await;
    assert_eq!(again.body, body(1), "a late `ack` touches no other message");
}

async fn late_ack(transport: &dyn Transport, delivery: &crate::ports::transport::Delivery) {
    let acked = transport
        .ack(QUEUE, std::slice::from_ref(&delivery.receipt))
        .await;
    assert!(
        matches!(acked, Ok(()) | Err(TransportError::StaleReceipt)),
        "a late `ack` works or is stale: {acked:?}"
    );
}

/// `extend` hides a message for another visibility from now, not from its delivery.
pub async fn extend_hides_longer(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let delivery = probe.one(3 * SECOND).await;
    probe.advance(SECOND).await;
    let extended_at = passage.now();
    probe.extend(&delivery.receipt, 5 * SECOND).await;
    probe.advance(2 * SECOND).await;
    probe
        .nothing("an extended message is still hidden when its first visibility ends")
        .await;
    let again = probe.one(LONG).await;
    let hidden = passage.now().since(extended_at);
    assert!(
        hidden >= 4 * SECOND,
        "`extend` counts from now: it hid the message for {hidden:?}"
    );
    assert_eq!(again.receive_count, 2, "`extend` is no delivery");
}

/// `extend` may end a visibility sooner, too.
pub async fn extend_may_shorten(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let delivery = probe.one(LONG).await;
    probe.extend(&delivery.receipt, SHORT).await;
    let again = probe.one(LONG).await;
    assert_eq!(
        again.body,
        body(0),
        "`extend` may shorten: the message comes after {SHORT:?}"
    );
}

/// `extend` by zero gives a message back at once.
pub async fn extend_by_zero_gives_back(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let delivery = probe.one(LONG).await;
    let start = passage.now();
    probe
        .extend(&delivery.receipt, std::time::Duration::ZERO)
        .await;
    let again = probe.one(LONG).await;
    let waited = passage.now().since(start);
    assert!(
        waited < LONG,
        "`extend` by zero gives back at once, not after {waited:?}"
    );
    assert_eq!(
        (again.body, again.receive_count),
        (body(0), 2),
        "what was given back comes again"
    );
}

/// `extend` refuses the receipt of a message that was delivered again or removed.
pub async fn old_receipts_are_stale(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    probe.send([body(0)]).await;
    let first = probe.one(SHORT).await;
    probe.advance(SHORT).await;
    let second = probe.one(LONG).await;
    let extended = transport.extend(QUEUE, &first.receipt, LONG).await;
    assert!(
        matches!(extended, Err(TransportError::StaleReceipt)),
        "after a redelivery the old receipt is stale for `extend`: {extended:?}"
    );
    probe.extend(&second.receipt, LONG).await;
    probe.ack(&second.receipt).await;
    let extended = transport.extend(QUEUE, &second.receipt, LONG).await;
    assert!(
        matches!(extended, Err(TransportError::StaleReceipt)),
        "after `ack` the receipt is stale for `extend`: {extended:?}"
    );
    probe.nothing("a stale `extend` brings nothing back").await;
}
