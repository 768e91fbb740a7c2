//! Which ports accept, by whole handshakes.

use std::net::SocketAddr;
use std::time::Duration;

use sortie_scanners::connect::{ConnectError, ConnectOptions, ConnectScanner, PortOutcome};
use sortie_scanners::scope::InScope;
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
