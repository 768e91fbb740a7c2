//! Messages put aside: by the carrier, by the receiver, and back again.

use std::time::Duration;

use bytes::Bytes;

use super::Passage;
use super::probe::{LONG, PATIENCE, Probe, QUEUE, SECOND, SHORT, bodies, body, probe};
use crate::ports::transport::{ParkReason, Parked, Transport};

/// More deliveries than any carrier should allow.
const TOO_MANY: u32 = 1000;

/// A message that is given back too often goes to the dead letters, with the number of its
/// deliveries, and is delivered no more.
pub async fn a_message_delivered_too_often_is_a_dead_letter(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    wear_out(&probe(transport, passage), true).await;
}

/// The same for a message whose visibility ends too often.
pub async fn a_message_that_expires_too_often_is_a_dead_letter(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    wear_out(&probe(transport, passage), false).await;
}

async fn wear_out(probe: &Probe<'_>, give_back: bool) {
    probe.send([body(0)]).await;
    let mut deliveries = 0;
    let parked = loop {
        for delivery in probe.receive(QUEUE, 1, SECOND, SHORT).await {
            deliveries += 1;
            assert_eq!(
                delivery.receive_count, deliveries,
                "each delivery is counted"
            );
            assert!(deliveries < TOO_MANY, "a message is not delivered for ever");
            if give_back {
                probe.extend(&delivery.receipt, Duration::ZERO).await;
            } else {
                probe.advance(SHORT).await;
            }
        }
        let parked = parked(probe, 10).await;
        if !parked.is_empty() {
            break parked;
        }
    };
    assert_eq!(parked.len(), 1, "a dead letter is one letter");
    assert_eq!(
        parked[0].body,
        body(0),
        "a dead letter has the body of its message"
    );
    assert_eq!(
        parked[0].reason,
        ParkReason::TooManyReceives(deliveries),
        "the reason tells the number of deliveries"
    );
    probe.nothing("a dead letter is delivered no more").await;
    probe.depth(0, "a dead letter is not in the queue").await;
}

/// A parked message is hidden from receivers for good, and keeps its body and reason, whatever
/// the reason is.
pub async fn a_parked_message_keeps_body_and_reason(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    let reasons = [
        ParkReason::Undecodable("expected `{` at line 1 – \"quoted\"".into()),
        ParkReason::EnvelopeVersion { found: 3, known: 1 },
        ParkReason::UnknownKind("acme.scan".into()),
        ParkReason::NewerVersion {
            kind: "acme.scan".into(),
            found: 9,
            known: 2,
        },
        ParkReason::TooManyReceives(7),
        ParkReason::Refused("no such task".into()),
        ParkReason::Poison(String::new()),
    ];
    for (n, reason) in reasons.iter().enumerate() {
        probe.send([body(n)]).await;
        let delivery = probe.one(SHORT).await;
        probe.park(delivery, reason.clone()).await;
    }
    probe.advance(SHORT).await;
    probe.nothing("a parked message is delivered no more").await;
    let parked = parked(&probe, 100).await;
    assert_eq!(
        parked.len(),
        reasons.len(),
        "every parked message is a dead letter"
    );
    for (n, reason) in reasons.iter().enumerate() {
        let letter = parked.iter().find(|letter| letter.body == body(n));
        let letter = letter.unwrap_or_else(|| panic!("a dead letter keeps its body ({n})"));
        assert_eq!(letter.reason, *reason, "a dead letter keeps its reason");
    }
}

/// `parked` lists up to `max` dead letters, oldest first, and leaves them where they are.
pub async fn dead_letters_are_listed_oldest_first(
    transport: &dyn Transport,
    passage: &dyn Passage,
) {
    let probe = probe(transport, passage);
    assert!(
        parked(&probe, 10).await.is_empty(),
        "a new queue has no dead letters"
    );
    park_three(&probe).await;
    let listed = |letters: Vec<Parked>| letters.into_iter().map(|l| l.body).collect::<Vec<Bytes>>();
    assert_eq!(
        listed(parked(&probe, 2).await),
        [body(0), body(1)],
        "`parked` lists up to `max` dead letters, oldest first"
    );
    for _ in 0..2 {
        assert_eq!(
            listed(parked(&probe, 10).await),
            [body(0), body(1), body(2)],
            "`parked` removes nothing"
        );
    }
    assert!(
        parked(&probe, 0).await.is_empty(),
        "`parked` lists up to `max` dead letters"
    );
}

/// `redrive` sends all dead letters again, with their counts at zero, and tells their number.
pub async fn redriven_messages_start_anew(transport: &dyn Transport, passage: &dyn Passage) {
    let probe = probe(transport, passage);
    assert_eq!(
        redrive(transport).await,
        0,
        "`redrive` of nothing redrives nothing"
    );
    park_three(&probe).await;
    assert_eq!(
        redrive(transport).await,
        3,
        "`redrive` tells how many messages it sent again"
    );
    assert!(
        parked(&probe, 10).await.is_empty(),
        "`redrive` leaves no dead letters"
    );
    let deliveries = probe.drain(3, LONG).await;
    let expected = [body(0), body(1), body(2)].into();
    assert_eq!(
        bodies(&deliveries),
        expected,
        "`redrive` sends the dead letters again"
    );
    for delivery in deliveries {
        assert_eq!(
            delivery.receive_count, 1,
            "`redrive` sets the receive counts to zero"
        );
        probe.ack(&delivery.receipt).await;
    }
    probe
        .depth(0, "a redriven message can be acknowledged")
        .await;
    assert_eq!(
        redrive(transport).await,
        0,
        "`redrive` sends each dead letter once"
    );
}

/// Parks three messages, a second apart, delivered twice each.
async fn park_three(probe: &Probe<'_>) {
    for n in 0..3 {
        probe.send([body(n)]).await;
        let delivery = probe.one(LONG).await;
        probe.extend(&delivery.receipt, Duration::ZERO).await;
        let delivery = probe.one(LONG).await;
        probe
            .park(delivery, ParkReason::Refused(n.to_string()))
            .await;
        probe.advance(SECOND).await;
    }
}

async fn parked(probe: &Probe<'_>, max: usize) -> Vec<Parked> {
    let parked = probe.transport.parked(QUEUE, max);
    let parked = probe.during(PATIENCE, "`parked` returns", parked).await;
    parked.unwrap_or_else(|e| panic!("`parked` works: {e}"))
}

async fn redrive(transport: &dyn Transport) -> usize {
    let redriven = transport.redrive(QUEUE).await;
    redriven.unwrap_or_else(|e| panic!("`redrive` works: {e}"))
}
