//! Servers on loopback, of the kinds that a port can have behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A server, which ends with the runtime.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn start<F>(host: &str, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self { at, connections }
    }
}

/// What a server that speaks plain http does when it is greeted in TLS.
#[derive(Clone, Copy)]
pub(crate) enum AtTls {
    /// Waits for the rest of a request.
    Waits,
    HangsUp,
    Complains,
}

/// A page over plain http.
pub(crate) async fn plain(host: &str, at_tls: AtTls) -> Server {
    Server::start(host, move |mut stream| async move {
        let mut first = [0];
        // The first byte of a handshake record (RFC 8446 §5.1).
        let is_tls = stream.peek(&mut first).await.is_ok() && first == [22];
        match at_tls {
            AtTls::HangsUp if is_tls => {}
            AtTls::Waits if is_tls => {
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
            AtTls::Complains if is_tls => {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
            _ => page(stream).await,
        }
    })
    .await
}

/// A page over TLS, with the certificates of `names` for who asks for them and `other` for others.
pub(crate) async fn tls(host: &str, names: &[&str], other: CertifiedKey) -> Server {
    let named = |name: &&str| ((*name).to_owned(), Arc::new(certificate(name)));
    let by_name = ByName {
        names: names.iter().map(named).collect(),
        other: Arc::new(other),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(by_name));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start(host, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                page(stream).await;
            }
        }
    })
    .await
}

/// A certificate for `name`, signed by itself.
pub(crate) fn certificate(name: &str) -> CertifiedKey {
    let (certificate, key) = key_for(name);
    sign(certificate, &key)
}

/// A key under what is no certificate.
pub(crate) fn no_certificate() -> CertifiedKey {
    sign(CertificateDer::from(b"none".to_vec()), &key_for("x").1)
}

fn key_for(name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    (made.cert.der().clone(), key)
}

fn sign(certificate: CertificateDer<'static>, key: &PrivateKeyDer<'static>) -> CertifiedKey {
    let signer = aws_lc_rs::sign::any_supported_type(key).unwrap();
    CertifiedKey::new(vec![certificate], signer)
}

#[derive(Debug)]
struct ByName {
    names: Vec<(String, Arc<CertifiedKey>)>,
    other: Arc<CertifiedKey>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        let named = self.names.iter().find(|(name, _)| asked == Some(name));
        Some(Arc::clone(named.map_or(&self.other, |(_, key)| key)))
    }
}

async fn page(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let page = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n<title>t</title>";
    let _ = stream.write_all(page).await;
    let _ = stream.shutdown().await;
}
