//! Which ports accept, by whole handshakes.

use std::net::SocketAddr;
use std::time::Duration;

use sortie_scanners::connect::{
    ConnectError, ConnectOptions, ConnectScanner, MAX_DIALS, PortOutcome, dial,
};
use sortie_scanners::scope::{InScope, Scope, ScopeBuilder};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};

use crate::support::{LOOPBACK, in_time, lab_scope, refusing_port};

fn at(addr: SocketAddr) -> InScope<SocketAddr> {
    let scope = lab_scope().build().unwrap();
    scope.admit_ip(addr.ip()).unwrap().with_port(addr.port())
}

async fn probe(addr: SocketAddr) -> PortOutcome {
    in_time(ConnectScanner::default().probe(at(addr))).await
}

#[tokio::test]
async fn a_port_that_accepts_is_open_and_sees_no_byte() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    assert_eq!(probe(addr).await, PortOutcome::Open);
    let (mut stream, _) = listener.accept().await.unwrap();
    let read = in_time(stream.read_u8()).await;
    assert_eq!(
        read.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn a_port_that_refuses_is_closed() {
    let (port, _held) = refusing_port();
    assert_eq!(probe((LOOPBACK, port).into()).await, PortOutcome::Closed);
}

/// A listener that resets what it accepts may do so before the probe looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_resets_what_it_accepted_is_open_each_time() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_zero_linger();
        }
    });
    for _ in 0..100 {
        assert_eq!(probe(addr).await, PortOutcome::Open);
    }
}

/// The kernel drops the SYNs for a listener whose queue is full.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_port_that_does_not_answer_is_silent() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((LOOPBACK, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    let scanner = ConnectScanner::new(ConnectOptions {
        timeout: Duration::from_millis(200),
    });
    // A queue of none has room for one or two, as the kernel counts.
    for _ in 0..3 {
        let connecting = tokio::net::TcpStream::connect(addr);
        queue.push(tokio::time::timeout(Duration::from_millis(200), connecting).await);
    }
    assert_eq!(in_time(scanner.probe(at(addr))).await, PortOutcome::Silent);
}

/// Addresses at which nobody listens, on the port of `of`.
fn refusing(of: SocketAddr, hosts: std::ops::Range<u8>) -> Vec<InScope<SocketAddr>> {
    let scope = wide_scope();
    let host = |last| scope.admit_ip([127, 0, 7, last].into()).unwrap();
    hosts.map(|last| host(last).with_port(of.port())).collect()
}

fn wide_scope() -> Scope {
    let nets = ["127.0.0.0/8", "::1/128"].map(|net| net.parse::<ipnet::IpNet>().unwrap());
    let wide = nets
        .into_iter()
        .fold(Scope::builder(), ScopeBuilder::allow_net);
    wide.build().unwrap()
}

#[tokio::test]
async fn of_several_addresses_the_first_few_are_dialled_and_no_more() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let open = listener.local_addr().unwrap();
    let limit = Duration::from_secs(20);
    let mut addrs = refusing(open, 1..MAX_DIALS as u8);
    addrs.push(at(open));
    let stream = in_time(dial(&addrs, limit)).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open);

    let mut addrs = refusing(open, 1..MAX_DIALS as u8 + 1);
    addrs.push(at(open));
    let error = in_time(dial(&addrs, limit)).await.unwrap_err();
    assert_eq!(error, ConnectError::Refused);
    assert_eq!(
        in_time(dial(&[], limit)).await.unwrap_err(),
        ConnectError::NoAddress
    );
}

/// However many there are of the other.
#[tokio::test]
async fn each_family_has_its_turn() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let open = listener.local_addr().unwrap();
    let v6 = wide_scope().admit_ip(open.ip()).unwrap();
    let mut addrs = refusing(open, 1..17);
    addrs.push(v6.with_port(open.port()));
    let stream = in_time(dial(&addrs, Duration::from_secs(20))).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), open);
}

#[test]
fn only_what_the_peer_did_is_said_of_the_peer() {
    let text = || "the cause".to_owned();
    for (error, class) in [
        (ConnectError::Refused, "closed"),
        (ConnectError::Reset, "open"),
        (ConnectError::Timeout, "silent"),
        (ConnectError::Unreachable(text()), "unreachable"),
        (ConnectError::NoRoute(text()), "no_route"),
        (ConnectError::Local(text()), "local_failure"),
    ] {
        let outcome = PortOutcome::from(error);
        let has_cause = matches!(class, "unreachable" | "no_route" | "local_failure");
        assert_eq!(outcome.as_str(), class);
        assert_eq!(outcome.detail(), has_cause.then_some("the cause"));
    }
}

#[test]
fn an_outcome_survives_its_json() {
    for (outcome, json) in [
        (PortOutcome::Open, r#""open""#),
        (PortOutcome::Silent, r#""silent""#),
        (
            PortOutcome::Unreachable("x".to_owned()),
            r#"{"unreachable":"x"}"#,
        ),
        (
            PortOutcome::LocalFailure("y".to_owned()),
            r#"{"local_failure":"y"}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&outcome).unwrap(), json);
        assert_eq!(serde_json::from_str::<PortOutcome>(json).unwrap(), outcome);
    }
}
