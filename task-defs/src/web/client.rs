//! One request on one connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use scanners::http::dial;
use scanners::resolve::Resolver;
use tokio_rustls::TlsConnector;

use super::answer::{Answer, Connection};
use super::error::WebError;
use super::service::{Host, Service};

/// The time for a connection, and again for a TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Most headers of an answer.
const MAX_HEADERS: usize = 128;
const AGENT: HeaderValue = HeaderValue::from_static(concat!(
    "sortie/",
    env!("CARGO_PKG_VERSION"),
    " (+https://github.com/sortie-rs/sortie)"
));

/// The client itself; cloning is cheap.
#[derive(Clone)]
pub(crate) struct WebClient {
    resolver: Resolver,
    tls: TlsConnector,
}

impl WebClient {
    /// A client that believes Mozilla's roots and `trusted` ones (DER).
    pub(crate) fn new(trusted: &[Vec<u8>]) -> Result<Self, WebError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let setup = |error: rustls::Error| WebError::Setup(error.to_string());
        for der in trusted {
            roots.add(CertificateDer::from_slice(der)).map_err(setup)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            resolver: Resolver::system()?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Sends `request`, whose URI is a path, to `service`. Takes as long as the peer likes once
    /// connected: wrap it, and the reading of the body, in a time limit.
    pub(crate) async fn send(
        &self,
        service: &Service,
        mut request: hyper::Request<Full<Bytes>>,
    ) -> Result<Answer, WebError> {
        let authority = HeaderValue::from_str(&service.authority)
            .map_err(|error| WebError::Setup(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(HOST, authority);
        headers.insert(USER_AGENT, AGENT);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let (addrs, name) = self.admitted(service).await?;
        let stream = dial(&addrs, CONNECT_TIMEOUT).await?;
        if !service.tls {
            return converse(TokioIo::new(stream), request).await;
        }
        let handshake = self.tls.connect(name, stream);
        match tokio::time::timeout(CONNECT_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => converse(TokioIo::new(stream), request).await,
            Ok(Err(error)) => Err(WebError::Tls(error.to_string())),
            Err(_) => Err(WebError::HandshakeTimeout),
        }
    }

    /// The addresses of a service, each admitted by its scope, and the name to verify.
    async fn admitted(
        &self,
        service: &Service,
    ) -> Result<(Vec<InScopeAddr>, ServerName<'static>), WebError> {
        match &service.host {
            Host::Ip(ip) => {
                let addr = service.scope.admit_ip(*ip)?.with_port(service.port);
                Ok((vec![addr], ServerName::IpAddress((*ip).into())))
            }
            Host::Name(name) => {
                let server = ServerName::try_from(name.as_str().to_owned())
                    .map_err(|error| WebError::Setup(error.to_string()))?;
                let name = service.scope.admit(name.clone())?;
                let found = self.resolver.resolve(&service.scope, &name).await?;
                let addrs = found.addrs.into_iter();
                Ok((addrs.map(|ip| ip.with_port(service.port)).collect(), server))
            }
        }
    }
}

type InScopeAddr = scanners::scope::InScope<std::net::SocketAddr>;

async fn converse(
    io: impl Read + Write + Unpin + Send + 'static,
    request: hyper::Request<Full<Bytes>>,
) -> Result<Answer, WebError> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .handshake(io)
        .await?;
    // What goes wrong on the connection is seen by whoever reads the answer.
    let driver = tokio::spawn(async move {
        let _ = connection.await;
    });
    let connection = Connection(driver.abort_handle());
    Ok(Answer::new(sender.send_request(request).await?, connection))
}

impl std::fmt::Debug for WebClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebClient").finish_non_exhaustive()
    }
}
