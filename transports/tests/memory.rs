//! What the queues in memory do beyond the port, and how they do it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::poll;
use sortie_transports::memory::{MemoryConfig, MemoryTransport};
use task_core::Queue;
use task_core::conformance::ManualRuntime;
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::transport::{Delivery, Outgoing, ParkReason, Transport, TransportError};

const QUEUE: Queue = Queue::Manager;
const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(600);

fn carrier(config: MemoryConfig) -> (MemoryTransport, ManualRuntime) {
    let runtime = ManualRuntime::new(1);
    (
        MemoryTransport::new(Arc::new(runtime.clone()), config),
        runtime,
    )
}

fn messages(numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    numbers
        .map(|n| Outgoing::now(n.to_string().into()))
        .collect()
}

async fn take(carrier: &MemoryTransport, max: usize) -> Vec<Delivery> {
    carrier
        .receive(QUEUE, max, Duration::ZERO, LONG)
        .await
        .unwrap()
}

fn bodies(deliveries: &[Delivery]) -> Vec<&Bytes> {
    deliveries.iter().map(|delivery| &delivery.body).collect()
}

#[tokio::test]
async fn messages_come_in_the_order_they_were_sent() {
    let (carrier, runtime) = carrier(MemoryConfig::default());
    carrier.send(QUEUE, messages(0..3)).await.unwrap();
    let first = carrier
        .receive(QUEUE, 2, Duration::ZERO, SECOND)
        .await
        .unwrap();
    assert_eq!(bodies(&first), ["0", "1"]);
    carrier.send(QUEUE, messages(3..4)).await.unwrap();
    runtime.advance(SECOND).await;
    assert_eq!(bodies(&take(&carrier, 10).await), ["2", "3", "0", "1"]);
}

#[tokio::test]
async fn all_times_are_exact() {
    let (carrier, runtime) = carrier(MemoryConfig::default());
    let start = runtime.now();
    let delay = Duration::from_micros(2_500_300);
    let body = Bytes::from_static(b"1");
    carrier
        .send(QUEUE, vec![Outgoing { body, delay }])
        .await
        .unwrap();
    let waiter = carrier.clone();
    let waiting = tokio::spawn(async move { waiter.receive(QUEUE, 1, LONG, SECOND).await });
    runtime.advance(Duration::from_millis(2500)).await;
    assert!(!waiting.is_finished(), "no message comes early");
    runtime.advance(Duration::from_millis(1)).await;
    assert_eq!(waiting.await.unwrap().unwrap()[0].sent_at, start);

    let redelivered = carrier.receive(QUEUE, 1, LONG, SECOND);
    let (redelivered, ()) = futures_util::future::join(redelivered, runtime.advance(SECOND)).await;
    assert_eq!(redelivered.unwrap()[0].receive_count, 2);
    assert_eq!(runtime.now().since(start), Duration::from_millis(3501));
}

#[tokio::test]
async fn letters_die_even_if_nobody_receives() {
    let (carrier, runtime) = carrier(MemoryConfig::default().max_receives(1));
    carrier.send(QUEUE, messages(0..1)).await.unwrap();
    let delivery = take(&carrier, 1).await.remove(0);
    runtime.advance(LONG).await;
    assert_eq!(carrier.depth(QUEUE).await.unwrap(), 0);
    let parked = carrier.parked(QUEUE, 10).await.unwrap();
    assert_eq!(parked[0].reason, ParkReason::TooManyReceives(1));
    let parked_again = carrier
        .park(QUEUE, delivery, ParkReason::Refused("late".into()))
        .await;
    assert!(matches!(parked_again, Err(TransportError::StaleReceipt)));
    assert_eq!(carrier.parked(QUEUE, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_expired_message_can_be_kept_until_another_gets_it() {
    let (carrier, runtime) = carrier(MemoryConfig::default());
    carrier.send(QUEUE, messages(0..1)).await.unwrap();
    let delivery = carrier
        .receive(QUEUE, 1, Duration::ZERO, SECOND)
        .await
        .unwrap()
        .remove(0);
    runtime.advance(2 * SECOND).await;
    assert_eq!(carrier.depth(QUEUE).await.unwrap(), 1);
    for visibility in [SECOND, Duration::ZERO, Duration::ZERO, LONG] {
        carrier
            .extend(QUEUE, &delivery.receipt, visibility)
            .await
            .unwrap();
    }
    assert!(
        take(&carrier, 1).await.is_empty(),
        "the slow worker has its message back"
    );
    carrier
        .extend(QUEUE, &delivery.receipt, Duration::ZERO)
        .await
        .unwrap();
    carrier.ack(QUEUE, &[delivery.receipt]).await.unwrap();
    assert!(
        take(&carrier, 1).await.is_empty(),
        "an ack in time spares the redelivery"
    );
    assert_eq!(carrier.depth(QUEUE).await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_manager_queue_makes_senders_wait() {
    let (carrier, _) = carrier(MemoryConfig::default().manager_capacity(2));
    let mut first = carrier.send(QUEUE, messages(0..3));
    let mut second = carrier.send(QUEUE, messages(3..5));
    assert!(poll!(&mut first).is_pending(), "two fit, the third waits");
    assert!(poll!(&mut second).is_pending());
    assert_eq!(carrier.depth(QUEUE).await.unwrap(), 2);

    let delay = SECOND;
    let delayed = vec![Outgoing {
        body: "later".into(),
        delay,
    }];
    assert!(
        poll!(carrier.send(QUEUE, delayed)).is_ready(),
        "delayed messages need no room"
    );
    let elsewhere = carrier.send(Queue::External, messages(0..100));
    assert!(
        poll!(elsewhere).is_ready(),
        "the queues of workers have no bound"
    );

    assert_eq!(bodies(&take(&carrier, 10).await), ["0", "1"]);
    // Room for two: the first sender puts in its third message and passes the word on.
    assert!(poll!(&mut first).is_ready());
    assert!(
        poll!(&mut second).is_pending(),
        "one more fits, the other waits"
    );
    assert_eq!(bodies(&take(&carrier, 10).await), ["2", "3"]);
    assert!(poll!(&mut second).is_ready());
    assert_eq!(bodies(&take(&carrier, 10).await), ["4"]);
}

#[tokio::test]
async fn a_sender_that_gives_up_makes_way_for_the_next() {
    let (carrier, _) = carrier(MemoryConfig::default().manager_capacity(1));
    let mut first = carrier.send(QUEUE, messages(0..2));
    let mut second = carrier.send(QUEUE, messages(2..3));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    assert_eq!(bodies(&take(&carrier, 10).await), ["0"]);
    drop(first);
    assert!(poll!(&mut second).is_ready());
    assert_eq!(bodies(&take(&carrier, 10).await), ["2"]);
}

#[tokio::test]
async fn a_message_that_came_back_and_went_makes_room() {
    let (carrier, runtime) = carrier(MemoryConfig::default().manager_capacity(1));
    carrier.send(QUEUE, messages(0..1)).await.unwrap();
    let slow = carrier
        .receive(QUEUE, 1, Duration::ZERO, SECOND)
        .await
        .unwrap()
        .remove(0);
    runtime.advance(SECOND).await;
    assert_eq!(carrier.depth(QUEUE).await.unwrap(), 1);
    let mut sender = carrier.send(QUEUE, messages(1..2));
    assert!(
        poll!(&mut sender).is_pending(),
        "the message that came back takes up the room"
    );
    carrier.ack(QUEUE, &[slow.receipt]).await.unwrap();
    assert!(poll!(&mut sender).is_ready());
}

#[tokio::test]
async fn closing_ends_all_waiting() {
    let (carrier, _) = carrier(MemoryConfig::default().manager_capacity(1));
    carrier.send(QUEUE, messages(0..1)).await.unwrap();
    let delivery = take(&carrier, 1).await.remove(0);
    let receivers = [carrier.clone(), carrier.clone(), carrier.clone()]
        .map(|c| tokio::spawn(async move { c.receive(Queue::Internal, 1, LONG, LONG).await }));
    let sender = carrier.clone();
    let sender = tokio::spawn(async move { sender.send(QUEUE, messages(0..2)).await });
    tokio::task::yield_now().await;
    carrier.close();
    for receiver in receivers {
        assert!(matches!(
            receiver.await.unwrap(),
            Err(TransportError::Closed)
        ));
    }
    assert!(matches!(sender.await.unwrap(), Err(TransportError::Closed)));
    assert!(matches!(
        carrier.redrive(QUEUE).await,
        Err(TransportError::Closed)
    ));
    carrier
        .extend(QUEUE, &delivery.receipt, LONG)
        .await
        .unwrap();
    carrier.ack(QUEUE, &[delivery.receipt]).await.unwrap();
    assert_eq!(carrier.depth(QUEUE).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_without_loss_or_duplicates() {
    const SENDERS: u32 = 4;
    const EACH: u32 = 5_000;
    let config = MemoryConfig::default().manager_capacity(64);
    let carrier = MemoryTransport::new(Arc::new(TokioRuntime::new()), config);
    let left = Arc::new(AtomicUsize::new((SENDERS * EACH) as usize));
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let (carrier, left) = (carrier.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                let mut bodies = Vec::new();
                while let Ok(some) = carrier.receive(QUEUE, 7, LONG, LONG).await {
                    let receipts: Vec<_> = some.iter().map(|d| d.receipt.clone()).collect();
                    carrier.ack(QUEUE, &receipts).await.unwrap();
                    bodies.extend(some.into_iter().map(|d| d.body));
                    if left.fetch_sub(receipts.len(), Ordering::Relaxed) == receipts.len() {
                        carrier.close();
                    }
                }
                bodies
            })
        })
        .collect();
    let senders = (0..SENDERS).map(|sender| {
        let carrier = carrier.clone();
        tokio::spawn(async move {
            let mut next = sender * EACH;
            let end = next + EACH;
            while next < end {
                let until = end.min(next + 1 + next % 13);
                carrier.send(QUEUE, messages(next..until)).await.unwrap();
                next = until;
            }
        })
    });
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    let shares = join_all(receivers).await;
    let mut all: Vec<_> = shares.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(all.len(), (SENDERS * EACH) as usize);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), (SENDERS * EACH) as usize);
    assert_eq!(carrier.depth(QUEUE).await.unwrap(), 0);
}
