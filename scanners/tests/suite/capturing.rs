//! Which certificate a port presents, and what else it may do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use sortie_scanners::scope::{InScope, Name};
use sortie_scanners::tls::{TlsOptions, TlsOutcome, TlsRecord, TlsScanner, TlsVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::{LOOPBACK, in_time, lab_scope, refusing_port};

static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// A server certificate with its key, and how to speak.
struct Speaker {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    versions: &'static [&'static SupportedProtocolVersion],
    wants_client: bool,
}

impl Speaker {
    fn named(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        Self {
            chain: vec![made.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            versions: rustls::ALL_VERSIONS,
            wants_client: false,
        }
    }

    fn config(self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.chain[0].clone()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .unwrap();
        let builder = if self.wants_client {
            let client = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(client.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        builder.with_single_cert(self.chain, self.key).unwrap()
    }
}

async fn serve_tls(speaker: Speaker) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(speaker.config()));
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await.map(drop) });
        }
    });
    addr
}

/// Reads the hello, answers with `bytes` and waits for the end, so that no byte is lost.
async fn say(mut stream: TcpStream, bytes: &[u8]) {
    let mut hello = [0; 4096];
    let _ = stream.read(&mut hello).await;
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

fn at(addr: SocketAddr) -> InScope<SocketAddr> {
    let scope = lab_scope().build().unwrap();
    scope.admit_ip(addr.ip()).unwrap().with_port(addr.port())
}

async fn capture(addr: SocketAddr, name: Option<&str>) -> TlsRecord {
    capture_within(addr, name, Duration::from_secs(20)).await
}

async fn capture_within(addr: SocketAddr, name: Option<&str>, timeout: Duration) -> TlsRecord {
    let scanner = TlsScanner::new(TlsOptions { timeout }).unwrap();
    let name = name.map(|name| Name::parse(name).unwrap());
    in_time(scanner.capture(at(addr), name.as_ref())).await
}

#[tokio::test]
async fn the_certificate_is_noted_in_both_versions_and_with_or_without_a_name() {
    for (versions, version) in [(TLS12, TlsVersion::V1_2), (TLS13, TlsVersion::V1_3)] {
        let speaker = Speaker {
            versions,
            ..Speaker::named(&["www.Example.com", "*.example.com", "192.0.2.7"])
        };
        let addr = serve_tls(speaker).await;
        for name in [Some("a_b.example.com"), None] {
            let record = capture(addr, name).await;
            assert_eq!(record.outcome, TlsOutcome::Certificate, "{record:?}");
            assert_eq!((record.version, record.chain_len), (Some(version), 1));
            assert_eq!((record.at, record.detail.as_deref()), (addr, None));
            let names = record.leaf.unwrap().names;
            assert_eq!(names, ["*.example.com", "192.0.2.7", "www.example.com"]);
        }
    }
}

#[tokio::test]
async fn all_certificates_are_counted_and_the_first_is_the_leaf() {
    let other = Speaker::named(&["other.example"]);
    let mut speaker = Speaker::named(&["leaf.example"]);
    speaker.chain.extend(other.chain);
    let record = capture(serve_tls(speaker).await, Some("leaf.example")).await;
    assert_eq!(
        (record.outcome, record.chain_len),
        (TlsOutcome::Certificate, 2)
    );
    assert_eq!(record.leaf.unwrap().names, ["leaf.example"]);
}

/// In TLS 1.2 the handshake fails for it, in TLS 1.3 what follows would.
#[tokio::test]
async fn who_wants_a_certificate_of_the_client_shows_its_own_first() {
    for versions in [TLS12, TLS13] {
        let speaker = Speaker {
            versions,
            wants_client: true,
            ..Speaker::named(&["mutual.example"])
        };
        let record = capture(serve_tls(speaker).await, Some("mutual.example")).await;
        assert_eq!(record.outcome, TlsOutcome::Certificate, "{record:?}");
        assert_eq!(record.leaf.unwrap().names, ["mutual.example"]);
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_told() {
    let mut speaker = Speaker::named(&["a.example"]);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let signer = provider
        .key_provider
        .load_private_key(speaker.key.clone_key())
        .unwrap();
    speaker.chain = vec![CertificateDer::from(b"none".to_vec())];
    let key = rustls::sign::CertifiedKey::new(speaker.chain, signer);
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.map(drop)
    });
    let record = capture(addr, None).await;
    assert_eq!(record.outcome, TlsOutcome::BadCertificate, "{record:?}");
    assert!(record.leaf.is_none() && record.chain_len == 1);
    assert!(
        record
            .detail
            .unwrap()
            .starts_with("not an X.509 certificate")
    );
}

#[tokio::test]
async fn what_is_no_tls_is_told_from_an_alert_and_from_a_broken_handshake() {
    async fn outcome(attend: impl AsyncFn(TcpStream)) -> (TlsOutcome, Option<String>) {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = async move {
            let (stream, _) = listener.accept().await.unwrap();
            attend(stream).await;
        };
        let (record, ()) = tokio::join!(capture(addr, Some("a.test")), serving);
        (record.outcome, record.detail)
    }
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"220 mail.example ESMTP\r\n",
        b"SSH-2.0-x\r\n",
        &[0xff; 40],
        &[0; 40],
    ] {
        let (outcome, _) = outcome(async |stream| say(stream, bytes).await).await;
        assert_eq!(outcome, TlsOutcome::NoTls, "{bytes:?}");
    }
    let alert = async |stream| say(stream, b"\x15\x03\x03\x00\x02\x02\x28").await;
    let expected = (TlsOutcome::Alert, Some("HandshakeFailure (40)".to_owned()));
    assert_eq!(outcome(alert).await, expected);
    // A handshake record whose message is a server's hello of no length.
    let broken = async |stream| say(stream, b"\x16\x03\x03\x00\x04\x02\x00\x00\x00").await;
    assert_eq!(outcome(broken).await.0, TlsOutcome::HandshakeFailed);
    let gone = async |stream| say(stream, b"").await;
    assert_eq!(outcome(gone).await.0, TlsOutcome::Reset);
    let reset = async |mut stream: TcpStream| {
        let _ = stream.read_u8().await;
        let _ = stream.set_zero_linger();
    };
    assert_eq!(outcome(reset).await.0, TlsOutcome::Reset);
}

#[tokio::test]
async fn who_refuses_and_who_hangs_are_told() {
    let (port, _held) = refusing_port();
    let refused = capture((LOOPBACK, port).into(), None).await;
    assert_eq!(refused.outcome, TlsOutcome::Refused);

    // The system accepts for it; nobody reads.
    let silent = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let hung = capture_within(
        silent.local_addr().unwrap(),
        None,
        Duration::from_millis(200),
    )
    .await;
    assert_eq!((hung.outcome, hung.chain_len), (TlsOutcome::Timeout, 0));
    assert!(hung.millis >= 200);
}

#[tokio::test]
async fn a_record_survives_its_json() {
    let addr = serve_tls(Speaker::named(&["a.example"])).await;
    let record = capture(addr, Some("a.example")).await;
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<TlsRecord>(&json).unwrap(), record);
    assert!(
        json.contains(r#""outcome":"certificate","version":"1.3","chain_len":1"#),
        "{json}"
    );
}
