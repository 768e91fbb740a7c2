//! The fault layer between functions and SQS: some of what they send is sent twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy on loopback in front of the emulator. Every so many-th request that sends messages
/// reaches it twice, with all of its messages.
pub(crate) struct Repeater {
    address: SocketAddr,
    repeated: Arc<AtomicU64>,
}

/// One in so many.
const ONE_IN: u64 = 5;
/// The head of a request that is longer is none.
const LONGEST_HEAD: usize = 64 << 10;
/// Ten messages, and room.
const LONGEST_BODY: usize = 4 << 20;

impl Repeater {
    /// In front of what listens at `emulator`. Ends with the process.
    pub(crate) async fn start(emulator: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sent, repeated) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = (sent, Arc::clone(&repeated));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let counts = counts.clone();
                tokio::spawn(async move {
                    // Who asks sees that the connection broke, and asks again.
                    let _ = relay(client, emulator, &counts.0, &counts.1).await;
                });
            }
        });
        Ok(Self { address, repeated })
    }

    /// What stands for the emulator.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that were sent twice.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Relaxed)
    }
}

/// One request, and its answer.
async fn relay(
    mut client: TcpStream,
    emulator: SocketAddr,
    sent: &AtomicU64,
    repeated: &AtomicU64,
) -> anyhow::Result<()> {
    let mut read = Vec::new();
    let end = loop {
        ensure!(client.read_buf(&mut read).await? > 0, "it hung up");
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 2;
        }
        ensure!(read.len() < LONGEST_HEAD, "the head is too long");
    };
    let mut body = read.split_off(end + 2);
    read.truncate(end);
    let head = String::from_utf8(read)?;
    let (mut first, mut length, mut sends) = (String::new(), 0, false);
    for (number, line) in head.lines().enumerate() {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            // A connection carries one request, so that each is seen here.
            "connection" => continue,
            "content-length" => length = value.trim().parse().context("content-length")?,
            "x-amz-target" => sends = value.trim().starts_with("AmazonSQS.SendMessage"),
            _ => {}
        }
        first.push_str(line);
        first.push_str("\r\n");
        if number == 0 {
            first.push_str("connection: close\r\n");
        }
    }
    first.push_str("\r\n");
    let mut upstream = TcpStream::connect(emulator).await?;
    if sends && sent.fetch_add(1, Relaxed).is_multiple_of(ONE_IN) {
        ensure!(length <= LONGEST_BODY, "the body is too long");
        while body.len() < length {
            ensure!(client.read_buf(&mut body).await? > 0, "it hung up");
        }
        let mut twin = TcpStream::connect(emulator).await?;
        twin.write_all(first.as_bytes()).await?;
        twin.write_all(&body).await?;
        twin.read_to_end(&mut Vec::new()).await?;
        repeated.fetch_add(1, Relaxed);
    }
    upstream.write_all(first.as_bytes()).await?;
    upstream.write_all(&body).await?;
    copy_bidirectional(&mut client, &mut upstream).await?;
    Ok(())
}
