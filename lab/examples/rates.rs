//! How fast the lab is: `cargo run --release -p sortie-lab --example rates [SECONDS]`.
//!
//! Client and lab share the machine, so the truth is better than what is printed.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sortie_lab::{Behaviour, Lab, LabConfig, Mix};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

const CLIENTS: u64 = 64;
/// Queries that each client has under way.
const WINDOW: usize = 16;

struct Run {
    done: AtomicU64,
    stop: AtomicBool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(3), |text| text.parse())?;
    let lab = Lab::start(LabConfig::with_mix(Mix::fast())).await?;

    let http: Vec<_> = (0..CLIENTS)
        .map(|n| SocketAddr::from(([127, 77, 0, 11 + (n % 4) as u8], lab.http_port())))
        .collect();
    let rate = measure(seconds, |n, run| http_client(http[n as usize], n, run)).await;
    println!("http: {rate:.0} requests/s, a new connection each");

    let resolver = lab.resolver();
    let rate = measure(seconds, |_, run| dns_client(resolver, run)).await;
    println!("dns: {rate:.0} queries/s");
    println!("{}", serde_json::to_string(&lab.shutdown().await)?);

    let lab = Lab::start(LabConfig::with_mix(Mix::only(Behaviour::Good))).await?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(lab.roots()?)
        .with_no_client_auth();
    let tls = TlsConnector::from(Arc::new(config));
    let server = SocketAddr::from(([127, 77, 0, 1], lab.https_port()));
    let rate = measure(seconds, |n, run| https_client(server, tls.clone(), n, run)).await;
    println!("https: {rate:.0} requests/s, a new connection and a verified certificate each");
    Ok(())
}

async fn measure<F>(seconds: u64, client: impl Fn(u64, Arc<Run>) -> F) -> f64
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let run = Arc::new(Run {
        done: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| tokio::spawn(client(n, Arc::clone(&run))))
        .collect();
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let rate = run.done.load(Relaxed) as f64 / start.elapsed().as_secs_f64();
    run.stop.store(true, Relaxed);
    for client in clients {
        if let Ok(Err(error)) = client.await {
            eprintln!("a client ended early: {error}");
        }
    }
    rate
}

async fn https_client(
    server: SocketAddr,
    tls: TlsConnector,
    seed: u64,
    run: Arc<Run>,
) -> std::io::Result<()> {
    let mut answer = Vec::with_capacity(8192);
    let mut index = seed;
    while !run.stop.load(Relaxed) {
        let name = Lab::name(index);
        index += CLIENTS;
        let host = ServerName::try_from(name.clone()).map_err(std::io::Error::other)?;
        let stream = tls.connect(host, TcpStream::connect(server).await?).await?;
        ask(stream, &name, &mut answer, &run).await?;
    }
    Ok(())
}

async fn http_client(server: SocketAddr, seed: u64, run: Arc<Run>) -> std::io::Result<()> {
    let mut answer = Vec::with_capacity(8192);
    let mut index = seed;
    while !run.stop.load(Relaxed) {
        let name = Lab::name(index);
        index += CLIENTS;
        ask(TcpStream::connect(server).await?, &name, &mut answer, &run).await?;
    }
    Ok(())
}

async fn ask<S>(mut stream: S, name: &str, answer: &mut Vec<u8>, run: &Run) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!("GET /robots.txt HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    answer.clear();
    stream.read_to_end(answer).await?;
    run.done
        .fetch_add(u64::from(answer.starts_with(b"HTTP/1.1 ")), Relaxed);
    Ok(())
}

async fn dns_client(resolver: SocketAddr, run: Arc<Run>) -> std::io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(resolver).await?;
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x08s0000012\x03lab\x04test\0\0\x01\0\x01";
    let mut answer = [0; 512];
    for _ in 0..WINDOW {
        socket.send(query).await?;
    }
    while !run.stop.load(Relaxed) {
        // A lost answer would thin the window for good, so it is replaced.
        let wait = tokio::time::timeout(Duration::from_millis(200), socket.recv(&mut answer));
        run.done.fetch_add(u64::from(wait.await.is_ok()), Relaxed);
        socket.send(query).await?;
    }
    Ok(())
}
