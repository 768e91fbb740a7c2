//! Somebody who is told: a receiver of webhooks on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What messages are signed with; a receiver of your own verifies it.
pub(crate) const SECRET: &str = "whsec_cmVjb24tZXhhbXBsZS1vbi1sb29wYmFjaw==";
/// Longest message.
const MAX_BODY: usize = 512 << 10;
/// Longest head.
const MAX_HEAD: u64 = 16 << 10;

/// A receiver. It ends when it is dropped.
pub(crate) struct Receiver {
    addr: SocketAddr,
    told: Arc<Mutex<Vec<Value>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let sink = Arc::clone(&told);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                match receive(stream).await {
                    Ok(message) => sink
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(message),
                    Err(error) => eprintln!("the webhook did not understand: {error:#}"),
                }
            }
        });
        Ok(Self {
            addr,
            told,
            serving,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks/recon", self.addr)
    }

    /// The messages so far.
    pub(crate) fn told(&self) -> Vec<Value> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request: its head, its JSON, and a 204.
async fn receive(stream: TcpStream) -> anyhow::Result<Value> {
    let mut stream = BufStream::new(stream);
    let mut head = (&mut stream).take(MAX_HEAD);
    let mut length = 0;
    let mut line = String::new();
    while head.read_line(&mut line).await? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().context("content-length")?;
        }
        line.clear();
    }
    if length > MAX_BODY {
        bail!("a message of {length} bytes");
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let message = serde_json::from_slice(&body)?;
    let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await?;
    stream.flush().await?;
    Ok(message)
}
