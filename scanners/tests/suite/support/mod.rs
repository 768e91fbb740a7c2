//! Servers on loopback that behave as told, and a fetcher that finds them.

use std::future::{Future, pending};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sortie_scanners::http::robots::{RobotsConfig, RobotsFetcher, RobotsRecord};
use sortie_scanners::http::{Scheme, Tls};
use sortie_scanners::resolve::Resolver;
use sortie_scanners::scope::{Name, Scope, ScopeBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

pub(crate) mod dns;
pub(crate) mod tls;

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a server does once it has read a request.
pub(crate) enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes and resets the connection.
    ThenReset(Vec<u8>),
    /// Sends these bytes, then the others for as long as anybody reads.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends these bytes, then one more every few milliseconds, without end.
    Drip(Vec<u8>),
    /// Sends nothing and keeps the connection.
    Hang,
}

impl Reply {
    pub(crate) fn text(body: &str) -> Self {
        Self::with("200 OK", "text/plain", body.as_bytes())
    }

    pub(crate) fn html(body: &str) -> Self {
        Self::with("200 OK", "text/html; charset=utf-8", body.as_bytes())
    }

    pub(crate) fn status(status: &str) -> Self {
        Self::with(status, "text/plain", b"")
    }

    pub(crate) fn with(status: &str, content_type: &str, body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Self::Bytes([head.as_bytes(), body].concat())
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::Bytes(
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
                .into(),
        )
    }
}

/// A request as a server sees it.
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) head: String,
}

/// A server and the count of its connections.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr.port()
    }
}

/// Serves `handler` on a free port of 127.0.0.1.
pub(crate) async fn serve(handler: impl Fn(Seen) -> Reply + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    serve_on(listener, handler)
}

pub(crate) fn serve_on(
    listener: TcpListener,
    handler: impl Fn(Seen) -> Reply + Send + Sync + 'static,
) -> Server {
    let addr = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let handler = Arc::new(handler);
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let handler = Arc::clone(&handler);
            tokio::spawn(async move { answer(stream, &*handler).await });
        }
    });
    Server { addr, connections }
}

async fn answer(mut stream: TcpStream, handler: &(impl Fn(Seen) -> Reply + Send + Sync)) {
    let Some(seen) = read_request(&mut stream).await else {
        return;
    };
    match handler(seen) {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Reply::ThenReset(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.set_zero_linger();
        }
        Reply::Endless(head, chunk) => {
            let _ = stream.write_all(&head).await;
            while stream.write_all(&chunk).await.is_ok() {}
        }
        Reply::Drip(head) => {
            let _ = stream.write_all(&head).await;
            while stream.write_all(b"#").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Reply::Hang => pending().await,
    }
}

pub(crate) async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.ok()?;
        head.push(byte);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    let host = head
        .lines()
        .find_map(|line| line.strip_prefix("Host: "))?
        .to_owned();
    Some(Seen { path, host, head })
}

/// A port of 127.0.0.1 that refuses connections for as long as the socket is kept.
pub(crate) fn refusing_port() -> (u16, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((LOOPBACK, 0).into()).unwrap();
    (socket.local_addr().unwrap().port(), socket)
}

/// A scope of everything under `test`, on 127.0.0.1.
pub(crate) fn lab_scope() -> ScopeBuilder {
    Scope::builder()
        .allow_domain("test")
        .allow_net("127.0.0.1/32".parse::<ipnet::IpNet>().unwrap())
}

/// A resolver that knows these names at 127.0.0.1.
pub(crate) fn at_loopback(names: &[&str]) -> Resolver {
    let entry = |name: &&str| (Name::parse(name).unwrap(), vec![LOOPBACK]);
    Resolver::fixed(names.iter().map(entry))
}

/// Plain HTTP on `port`, with limits that suit a test.
pub(crate) fn http_config(port: u16) -> RobotsConfig {
    RobotsConfig {
        http_port: port,
        schemes: vec![Scheme::Http],
        deadline: Duration::from_secs(20),
        ..RobotsConfig::default()
    }
}

pub(crate) fn fetcher(config: RobotsConfig, scope: ScopeBuilder) -> RobotsFetcher {
    let names = ["a.test", "b.test", "c.test", "out.example"];
    let tls = Tls::observing().unwrap();
    RobotsFetcher::new(config, scope.build().unwrap(), at_loopback(&names), tls)
}

/// The record of `a.test` at a server that gives every request `reply`.
pub(crate) async fn record_of(reply: impl Fn() -> Reply + Send + Sync + 'static) -> RobotsRecord {
    record_with(|_| {}, move |_| reply()).await
}

pub(crate) async fn record_with(
    change: impl FnOnce(&mut RobotsConfig),
    handler: impl Fn(Seen) -> Reply + Send + Sync + 'static,
) -> RobotsRecord {
    let server = serve(handler).await;
    let mut config = http_config(server.port());
    change(&mut config);
    fetcher(config, lab_scope()).fetch("a.test").await
}

/// Fails instead of hanging.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("in time")
}
