//! Nanoseconds per message of the queues in memory.
//!
//! `cargo bench -p sortie-transports` prints one line per case. The engine needs two messages per
//! task, so 300 ns for send, receive and ack together allow over 1.5 million tasks per second
//! and core; the queues must never be what limits it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sortie_transports::memory::{MemoryConfig, MemoryTransport};
use task_core::Queue;
use task_core::ports::runtime::TokioRuntime;
use task_core::ports::transport::{Outgoing, Receipt, Transport};

const MESSAGES: usize = 200_000;
const ROUNDS: usize = 7;
const VISIBILITY: Duration = Duration::from_secs(30);

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let messages = if std::env::args().any(|arg| arg == "--bench") {
        MESSAGES
    } else {
        2_000
    };
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build();
    let tokio = tokio.expect("a runtime for the benchmark");
    println!(
        "{:<34}{:>10}{:>10}{:>10}{:>10}",
        "ns per message", "send", "receive", "ack", "all"
    );
    for (name, batch, standing) in [
        ("batches of 10", 10, 0),
        ("batches of 100", 100, 0),
        ("one by one", 1, 0),
        ("batches of 10, 1 million waiting", 10, messages * 5),
    ] {
        let best = (0..ROUNDS)
            .map(|_| tokio.block_on(phases(messages, batch, standing)))
            .min_by_key(|phases| phases.iter().sum::<Duration>());
        let per = best
            .unwrap_or_default()
            .map(|phase| phase.as_nanos() / messages as u128);
        let all: u128 = per.iter().sum();
        println!(
            "{name:<34}{:>10}{:>10}{:>10}{all:>10}",
            per[0], per[1], per[2]
        );
    }
    for (name, receivers) in [("ping-pong, 1 receiver", 1), ("pipeline, 4 receivers", 4)] {
        let best = (0..ROUNDS)
            .map(|_| tokio.block_on(pipeline(messages, receivers)))
            .min()
            .unwrap_or_default();
        let per = best.as_nanos() / messages as u128;
        println!("{name:<34}{:>10}{:>10}{:>10}{per:>10}", "", "", "");
    }
}

/// Sends all, receives all, acknowledges all.
async fn phases(messages: usize, batch: usize, standing: usize) -> [Duration; 3] {
    let carrier = carrier(batch);
    let body = Bytes::from(vec![b'x'; 400]);
    send(&carrier, &body, standing, batch).await;

    let start = Instant::now();
    send(&carrier, &body, messages, batch).await;
    let sent = start.elapsed();

    let mut receipts: Vec<Vec<Receipt>> = Vec::with_capacity(messages / batch);
    let start = Instant::now();
    let mut received = 0;
    while received < messages {
        let some = carrier
            .receive(Queue::External, batch, Duration::ZERO, VISIBILITY)
            .await;
        let some = some.expect("the carrier is open");
        received += some.len();
        receipts.push(
            some.into_iter()
                .map(|delivery| black_box(delivery).receipt)
                .collect(),
        );
    }
    let taken = start.elapsed();

    let start = Instant::now();
    for receipts in &receipts {
        carrier
            .ack(Queue::External, receipts)
            .await
            .expect("the carrier is open");
    }
    [sent, taken, start.elapsed()]
}

/// One sender, and receivers that wait for it.
async fn pipeline(messages: usize, receivers: usize) -> Duration {
    let carrier = carrier(10);
    let body = Bytes::from(vec![b'x'; 400]);
    let start = Instant::now();
    let receivers: Vec<_> = (0..receivers)
        .map(|_| {
            let carrier = carrier.clone();
            tokio::spawn(async move {
                let wait = Duration::from_secs(60);
                while let Ok(some) = carrier.receive(Queue::External, 10, wait, VISIBILITY).await {
                    let receipts: Vec<_> = some.into_iter().map(|d| d.receipt).collect();
                    carrier
                        .ack(Queue::External, &receipts)
                        .await
                        .expect("ack always works");
                }
            })
        })
        .collect();
    send(&carrier, &body, messages, 10).await;
    while carrier
        .depth(Queue::External)
        .await
        .expect("depth always works")
        > 0
    {
        tokio::task::yield_now().await;
    }
    let passed = start.elapsed();
    carrier.close();
    for receiver in receivers {
        receiver
            .await
            .expect("receivers end when the carrier is closed");
    }
    passed
}

async fn send(carrier: &MemoryTransport, body: &Bytes, messages: usize, batch: usize) {
    for _ in 0..messages / batch {
        let some = vec![Outgoing::now(body.clone()); batch];
        black_box(
            carrier
                .send(Queue::External, some)
                .await
                .expect("the carrier is open"),
        );
    }
}

fn carrier(batch: usize) -> MemoryTransport {
    let config = MemoryConfig::default().receive_batch(batch);
    MemoryTransport::new(Arc::new(TokioRuntime::new()), config)
}
