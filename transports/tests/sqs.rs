//! The queues on SQS, against an emulator: they keep the promises of the port, and some more.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cloud;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sortie_transports::sqs::{Client, NewQueues, SqsConfig, SqsError, SqsTransport, delete_queues};
use task_core::Queue;
use task_core::conformance::transport;
use task_core::ports::runtime::TokioRuntime;
use task_core::ports::transport::{Outgoing, Transport, TransportError};

use self::cloud::{cloud, name};

const QUEUE: Queue = Queue::External;
const LONG: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(20);

async fn carrier(client: &Client, queues: NewQueues) -> SqsTransport {
    let config = queues.create_if_missing(client, &name()).await.unwrap();
    SqsTransport::with_client(client.clone(), &config)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_on_sqs_keep_the_promises_of_the_port() {
    let Some(aws) = cloud().await else { return };
    let client = Client::new(&aws);
    // Small messages, so that those of full size are sent fast.
    let queues = NewQueues::default().message_bytes(300_000).max_receives(3);
    transport::run_at_once(8, async || {
        let carrier = carrier(&client, queues).await;
        (Arc::new(carrier) as Arc<dyn Transport>, TokioRuntime::new())
    })
    .await;
}

#[tokio::test]
async fn the_limit_is_what_the_queues_take() {
    let Some(aws) = cloud().await else { return };
    let client = Client::new(&aws);
    for bytes in [20_000, 1 << 20] {
        let carrier = carrier(&client, NewQueues::default().message_bytes(bytes)).await;
        assert_eq!(carrier.limits().message_bytes, bytes - 1024);
    }
}

#[tokio::test]
async fn what_a_dropped_receive_was_given_comes_again_at_once() {
    let Some(aws) = cloud().await else { return };
    let carrier = carrier(&Client::new(&aws), NewQueues::default()).await;
    {
        let receive = carrier.receive(QUEUE, 1, PATIENCE, LONG);
        let given_up = tokio::time::timeout(Duration::from_millis(200), receive).await;
        assert!(given_up.is_err(), "there is nothing to receive yet");
    }
    // The poll is still on its way, and gets this message for nobody.
    let sent = carrier.send(QUEUE, vec![Outgoing::now("1".into())]).await;
    sent.unwrap();
    let start = Instant::now();
    let received = carrier.receive(QUEUE, 1, PATIENCE, LONG).await.unwrap();
    assert_eq!(received.len(), 1);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[tokio::test]
async fn who_closes_gives_back_what_it_holds() {
    let Some(aws) = cloud().await else { return };
    let client = Client::new(&aws);
    let config = NewQueues::default()
        .create_if_missing(&client, &name())
        .await;
    let config = config.unwrap();
    let leaves = SqsTransport::connect(&aws, &config).await.unwrap();
    let stays = SqsTransport::connect(&aws, &config).await.unwrap();
    let messages = (0..15)
        .map(|n| Outgoing::now(n.to_string().into()))
        .collect();
    leaves.send(QUEUE, messages).await.unwrap();
    let mut held = Vec::new();
    while held.len() < 15 {
        held.extend(leaves.receive(QUEUE, 10, PATIENCE, LONG).await.unwrap());
    }
    leaves.ack(QUEUE, &[held[0].receipt.clone()]).await.unwrap();

    let waits = leaves.clone();
    let waiting =
        tokio::spawn(async move { waits.receive(Queue::Manager, 1, PATIENCE, LONG).await });
    tokio::task::yield_now().await;
    let count = leaves.close(Duration::from_millis(100)).await;
    assert_eq!(count, 14, "all but the one that was acknowledged");
    let told = waiting.await.unwrap();
    assert!(matches!(told, Err(TransportError::Closed)), "{told:?}");
    let told = leaves.send(QUEUE, Vec::new()).await;
    assert!(matches!(told, Err(TransportError::Closed)), "{told:?}");

    let mut others = 0;
    while others < 14 {
        let some = stays.receive(QUEUE, 10, PATIENCE, LONG).await.unwrap();
        assert!(!some.is_empty(), "only {others} came");
        assert!(some.iter().all(|delivery| delivery.receive_count == 2));
        others += some.len();
    }
}

#[tokio::test]
async fn characters_that_sqs_refuses_arrive_as_they_were_meant() {
    let Some(aws) = cloud().await else { return };
    let carrier = carrier(&Client::new(&aws), NewQueues::default()).await;
    let title = "\u{ffff}\u{fffe}\u{1}\u{7f}\r\n\"\\\u{1f980}";
    let body = serde_json::to_vec(title).unwrap();
    let sent = carrier.send(QUEUE, vec![Outgoing::now(body.into())]).await;
    sent.unwrap().remove(0).unwrap();
    let received = carrier.receive(QUEUE, 1, PATIENCE, LONG).await.unwrap();
    let arrived: String = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(arrived, title);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_named() {
    let Some(aws) = cloud().await else { return };
    let config = SqsConfig::default().queue(QUEUE, "nobody-made-this");
    let refused = SqsTransport::connect(&aws, &config).await.unwrap_err();
    assert!(matches!(
        refused,
        SqsError::NoSuchQueue { queue: QUEUE, .. }
    ));
    assert!(refused.to_string().contains("nobody-made-this"));
}

#[tokio::test]
async fn queues_are_made_once_and_removed() {
    let Some(aws) = cloud().await else { return };
    let client = Client::new(&aws);
    let prefix = name();
    for _ in 0..2 {
        let made = NewQueues::default()
            .create_if_missing(&client, &prefix)
            .await;
        assert_eq!(made.unwrap(), SqsConfig::prefix(&prefix));
    }
    for _ in 0..2 {
        delete_queues(&client, &prefix).await.unwrap();
    }
    let gone = SqsTransport::with_client(client, &SqsConfig::prefix(&prefix)).await;
    assert!(
        matches!(gone, Err(SqsError::NoSuchQueue { .. })),
        "{gone:?}"
    );
}
