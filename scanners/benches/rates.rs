//! What the scanner is held to: requests per second against a plain hyper client that does the
//! same, lookups per second, and the time that a scope of a million domains takes to load.
//!
//! One server on loopback and one client share the machine, so only the ratio means much; on a
//! busy machine the ratio of the CPU time, which the kernel counts per thread.
//! `cargo bench -p sortie-scanners --bench rates`
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::future::pending;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use sortie_scanners::http::robots::{RobotsConfig, RobotsFetcher, RobotsOutcome, fetch_all};
use sortie_scanners::http::{Scheme, Tls};
use sortie_scanners::resolve::Resolver;
use sortie_scanners::scope::{Name, Scope, ScopeSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const REQUESTS: usize = 20_000;
const CONCURRENCY: usize = 200;
const ROUNDS: usize = 5;
const RULES: &str = "User-agent: *\nDisallow: /private\nDisallow: /tmp\nAllow: /\n";

fn main() {
    // `cargo test --benches` passes this, and wants no measuring.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    load_scope();
    compare_with_hyper();
}

fn load_scope() {
    let entry = |n: u32| format!("host-{n}.example{}.com", n % 977);
    let spec = ScopeSpec {
        allow_domains: (0..1_000_000).map(entry).collect(),
        ..Default::default()
    };
    let json = spec.to_json();
    let start = Instant::now();
    let scope = Scope::try_from(ScopeSpec::from_json(&json).unwrap()).unwrap();
    println!(
        "scope: 1,000,000 domains ({} MB) in {:?}",
        json.len() / 1_000_000,
        start.elapsed()
    );
    let names: Vec<_> = (0..200_000)
        .map(|n| Name::parse(&format!("www.{}", entry(n))).unwrap())
        .collect();
    let start = Instant::now();
    for name in names {
        black_box(scope.admit(name).unwrap());
    }
    println!("scope: {:?} per admitted name", start.elapsed() / 200_000);
}

fn compare_with_hyper() {
    let addr = start_server();
    let names: Vec<_> = (0..REQUESTS).map(|n| format!("n{n}.test")).collect();
    let fetcher = fetcher(addr, &names);
    let runtime = current_thread();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // In turns, so that what else the machine does hits both.
    for _ in 0..ROUNDS {
        theirs.push(rate(|| runtime.block_on(with_hyper(addr, &names))));
        ours.push(rate(|| runtime.block_on(with_fetcher(&fetcher, &names))));
    }
    for (unit, pick) in [("wall time", 0), ("CPU time of the client", 1)] {
        let side = |rates: &[[f64; 2]]| median(rates.iter().map(|rate| rate[pick]).collect());
        let (ours, theirs) = (side(&ours), side(&theirs));
        println!(
            "robots: {ours:.0}/s of {unit}, hyper: {theirs:.0}/s, {:.2}",
            ours / theirs
        );
    }
}

async fn with_fetcher(fetcher: &RobotsFetcher, names: &[String]) {
    let mut rules = 0;
    let on_record = |record: sortie_scanners::http::robots::RobotsRecord| {
        rules += usize::from(record.outcome == RobotsOutcome::Rules);
    };
    fetch_all(fetcher, names, CONCURRENCY, on_record, pending()).await;
    assert_eq!(rules, REQUESTS);
}

async fn with_hyper(addr: SocketAddr, names: &[String]) {
    let bodies = stream::iter(names)
        .map(|name| async move {
            let stream = TcpStream::connect(addr).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let request = hyper::Request::get("/robots.txt")
                .header("Host", name)
                .header("User-Agent", "bench")
                .header("Connection", "close")
                .body(Empty::<Bytes>::new())
                .unwrap();
            let response =
                tokio::time::timeout(Duration::from_secs(10), sender.send_request(request));
            let response = response.await.unwrap().unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        })
        .buffer_unordered(CONCURRENCY)
        .filter(|body| std::future::ready(body.as_ref() == RULES.as_bytes()));
    assert_eq!(bodies.count().await, REQUESTS);
}

fn fetcher(addr: SocketAddr, names: &[String]) -> RobotsFetcher {
    let net: ipnet::IpNet = "127.0.0.1/32".parse().unwrap();
    let scope = Scope::builder()
        .allow_domain("test")
        .allow_net(net)
        .build()
        .unwrap();
    let table = names
        .iter()
        .map(|name| (Name::parse(name).unwrap(), vec![LOOPBACK]));
    let config = RobotsConfig {
        http_port: addr.port(),
        schemes: vec![Scheme::Http],
        ..RobotsConfig::default()
    };
    RobotsFetcher::new(
        config,
        scope,
        Resolver::fixed(table),
        Tls::observing().unwrap(),
    )
}

/// Serves the rules on a thread of its own and closes after each.
fn start_server() -> SocketAddr {
    let listener = std::net::TcpListener::bind((LOOPBACK, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{RULES}",
        RULES.len()
    );
    let answer: &'static str = answer.leak();
    std::thread::spawn(move || {
        current_thread().block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut buffer = [0; 1024];
                    let _ = stream.read(&mut buffer).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
    });
    addr
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Requests per second of wall time, and of CPU time of this thread.
fn rate(work: impl FnOnce()) -> [f64; 2] {
    let (start, cpu) = (Instant::now(), cpu_time());
    work();
    let (wall, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    [wall, cpu].map(|time| REQUESTS as f64 / time.as_secs_f64())
}

/// CPU time of this thread so far; Linux only.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
