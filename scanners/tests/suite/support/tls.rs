//! TLS servers with certificates of their own making.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use sortie_scanners::http::{Tls, TlsPolicy};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{LOOPBACK, Reply, Seen, read_request};

pub(crate) struct TlsServer {
    pub(crate) port: u16,
    certificate: CertificateDer<'static>,
}

impl TlsServer {
    /// A client that trusts this server's certificate and no other.
    pub(crate) fn trusting_client(&self) -> Tls {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Tls::new(TlsPolicy::Verify(Arc::new(roots))).unwrap()
    }
}

/// Serves `handler` over TLS with a self-signed certificate for `names`.
pub(crate) async fn serve_tls(
    names: &[&str],
    handler: impl Fn(Seen) -> Reply + Send + Sync + 'static,
) -> TlsServer {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handler = Arc::new(handler);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, handler) = (acceptor.clone(), Arc::clone(&handler));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let Some(seen) = read_request(&mut stream).await else {
                    return;
                };
                if let Reply::Bytes(bytes) = handler(seen) {
                    // Closed without close_notify, as many servers do.
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.flush().await;
                }
            });
        }
    });
    TlsServer { port, certificate }
}
