//! Messages per second through SQS: this carrier beside a bare loop on the same client, with the
//! same batches of 10 and the same number of requests on their way, in alternating rounds.
//!
//! `cargo bench -p sortie-transports --features sqs --bench sqs` prints a line of JSON for each
//! round, and one with the medians and their ratio, ours by bare. It needs an emulator at
//! `AWS_ENDPOINT_URL`; which one it is belongs beside each figure, because most of them are slower
//! than either loop. `-- --messages 20000 --rounds 9` changes the size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageSystemAttributeName as Name,
    SendMessageBatchRequestEntry,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use sortie_transports::aws;
use sortie_transports::sqs::{Client, NewQueues, SqsTransport, delete_queues};
use task_core::Queue;
use task_core::ports::transport::{Outgoing, Receipt, Transport};

const QUEUE: Queue = Queue::External;
const BATCH: usize = 10;
const AT_ONCE: usize = 8;
const VISIBILITY: Duration = Duration::from_secs(120);
const WAIT: Duration = Duration::from_secs(1);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if std::env::var_os("AWS_ENDPOINT_URL").is_none() {
        println!("skipped: there is no emulator at AWS_ENDPOINT_URL; AWS itself would cost money");
        return Ok(());
    }
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` only wants to know that it runs.
    let real = args.iter().any(|arg| arg == "--bench");
    let option = |name: &str| {
        let place = args.iter().position(|arg| arg == name)?;
        args.get(place + 1)?.parse::<usize>().ok()
    };
    let messages = option("--messages").unwrap_or(if real { 5000 } else { 100 });
    let rounds = option("--rounds").unwrap_or(if real { 7 } else { 1 });

    let client = Client::new(&aws::load().await);
    let prefix = format!("sortie-bench-{}", std::process::id());
    let config = NewQueues::default()
        .create_if_missing(&client, &prefix)
        .await?;
    let carrier = SqsTransport::with_client(client.clone(), &config).await?;
    let name = config.address(QUEUE).unwrap_or_default();
    let url = client.get_queue_url().queue_name(name).send().await?;
    let url: Arc<str> = url.queue_url().unwrap_or_default().into();

    let body = Bytes::from(format!("\"{}\"", "x".repeat(398)));
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        // The first warms up both and the emulator; then each goes first every other time.
        for who in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            let (sent, taken) = match who {
                0 => ours(&carrier, &body, messages).await?,
                _ => bare(&client, &url, &body, messages).await?,
            };
            if round == 0 {
                continue;
            }
            let rate = messages as f64 / (sent + taken).as_secs_f64();
            rates[who].push(rate);
            println!(
                r#"{{"bench":"sqs","who":"{}","round":{round},"messages":{messages},"send_s":{:.3},"receive_s":{:.3},"per_second":{rate:.0}}}"#,
                ["ours", "bare"][who],
                sent.as_secs_f64(),
                taken.as_secs_f64(),
            );
        }
    }
    let [ours, bare] = rates.map(median);
    println!(
        r#"{{"bench":"sqs","median_ours":{ours:.0},"median_bare":{bare:.0},"ratio":{:.3}}}"#,
        ours / bare
    );
    delete_queues(&client, &prefix).await?;
    Ok(())
}

/// Sends all, then receives and removes all, by way of the port.
async fn ours(
    carrier: &SqsTransport,
    body: &Bytes,
    messages: usize,
) -> Result<(Duration, Duration), Failure> {
    let start = Instant::now();
    let all = vec![Outgoing::now(body.clone()); messages];
    for result in carrier.send(QUEUE, all).await? {
        result?;
    }
    let sent = start.elapsed();

    let start = Instant::now();
    let left = Arc::new(AtomicUsize::new(messages));
    let receivers = (0..AT_ONCE).map(|_| {
        let (carrier, left) = (carrier.clone(), Arc::clone(&left));
        tokio::spawn(async move {
            while left.load(Ordering::Relaxed) > 0 {
                let some = carrier.receive(QUEUE, BATCH, WAIT, VISIBILITY).await?;
                let receipts: Vec<Receipt> = some.into_iter().map(|d| d.receipt).collect();
                carrier.ack(QUEUE, &receipts).await?;
                left.fetch_sub(receipts.len(), Ordering::Relaxed);
            }
            Ok::<_, Failure>(start.elapsed())
        })
    });
    Ok((sent, first_to_end(receivers).await?))
}

/// The same with nothing but the client.
async fn bare(
    client: &Client,
    url: &Arc<str>,
    body: &Bytes,
    messages: usize,
) -> Result<(Duration, Duration), Failure> {
    let start = Instant::now();
    let mut batches = stream::iter(0..messages.div_ceil(BATCH))
        .map(async |batch| {
            let entries = (batch * BATCH..messages.min((batch + 1) * BATCH)).map(|n| {
                SendMessageBatchRequestEntry::builder()
                    .id(n.to_string())
                    .message_body(String::from_utf8_lossy(body))
                    .build()
            });
            let request = client.send_message_batch().queue_url(&**url);
            let sent = request.set_entries(Some(entries.collect::<Result<_, _>>()?));
            let sent = sent.send().await?;
            if sent.failed.is_empty() {
                Ok(())
            } else {
                Err(Failure::from("a message was not sent"))
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(batch) = batches.next().await {
        batch?;
    }
    let sent = start.elapsed();

    let start = Instant::now();
    let left = Arc::new(AtomicUsize::new(messages));
    let receivers = (0..AT_ONCE).map(|_| {
        let (client, url, left) = (client.clone(), Arc::clone(url), Arc::clone(&left));
        tokio::spawn(async move {
            while left.load(Ordering::Relaxed) > 0 {
                let received = client
                    .receive_message()
                    .queue_url(&*url)
                    .max_number_of_messages(BATCH as i32)
                    .wait_time_seconds(WAIT.as_secs() as i32)
                    .visibility_timeout(VISIBILITY.as_secs() as i32)
                    .message_system_attribute_names(Name::ApproximateReceiveCount)
                    .message_system_attribute_names(Name::SentTimestamp)
                    .send()
                    .await?;
                let messages = received.messages.unwrap_or_default();
                if messages.is_empty() {
                    continue;
                }
                let entries = messages.iter().enumerate().map(|(n, message)| {
                    DeleteMessageBatchRequestEntry::builder()
                        .id(n.to_string())
                        .receipt_handle(message.receipt_handle().unwrap_or_default())
                        .build()
                });
                let request = client.delete_message_batch().queue_url(&*url);
                let removed = request.set_entries(Some(entries.collect::<Result<_, _>>()?));
                removed.send().await?;
                left.fetch_sub(messages.len(), Ordering::Relaxed);
            }
            Ok::<_, Failure>(start.elapsed())
        })
    });
    Ok((sent, first_to_end(receivers).await?))
}

/// When the last message was gone: the others are still in an empty poll then.
async fn first_to_end(
    receivers: impl Iterator<Item = tokio::task::JoinHandle<Result<Duration, Failure>>>,
) -> Result<Duration, Failure> {
    let mut first = Duration::MAX;
    for receiver in receivers.collect::<Vec<_>>() {
        first = first.min(receiver.await??);
    }
    Ok(first)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
