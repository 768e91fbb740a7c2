//! One request over a new connection, read to its end or to a cap.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Decoded, cut off at the cap.
    pub body: Vec<u8>,
    pub truncated: bool,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// What went wrong: the outcome class, and whether another connection may do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure(pub &'static str);

impl Failure {
    pub fn is_of_connection(self) -> bool {
        matches!(self.0, "refused" | "reset" | "tls_error")
    }
}

const CAP: usize = sortie_lab::BODY_CAP;
const HEAD_CAP: usize = 64 * 1024;

fn failure(error: &std::io::Error) -> Failure {
    let tls = error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    Failure(match error.kind() {
        _ if tls => "tls_error",
        ErrorKind::ConnectionRefused => "refused",
        _ => "reset",
    })
}

pub async fn get(
    address: SocketAddr,
    tls: Option<&TlsConnector>,
    host: &str,
    path: &str,
) -> Result<Response, Failure> {
    let stream = TcpStream::connect(address).await.map_err(|e| failure(&e))?;
    match tls {
        None => exchange(stream, host, path).await,
        Some(tls) => {
            let name = ServerName::try_from(host.to_owned()).unwrap();
            let stream = tls.connect(name, stream).await.map_err(|e| failure(&e))?;
            exchange(stream, host, path).await
        }
    }
}

async fn exchange<S>(mut stream: S, host: &str, path: &str) -> Result<Response, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|e| failure(&e))?;
    let mut bytes = Vec::new();
    // Enough for a whole body in whatever wrapping, and for the bomb.
    let mut part = stream.take(3_000_000);
    let mut chunk = [0; 16 * 1024];
    loop {
        match part.read(&mut chunk).await {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(error) if bytes.is_empty() => return Err(failure(&error)),
            Err(_) => break,
        }
    }
    if bytes.is_empty() {
        return Err(Failure("reset"));
    }
    understand(&bytes).ok_or(Failure("protocol_error"))
}

fn understand(mut bytes: &[u8]) -> Option<Response> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut raw = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(len) = raw.parse(bytes).ok()? else {
            return None;
        };
        let status = raw.code?;
        if (100..200).contains(&status) {
            bytes = &bytes[len..];
            continue;
        }
        if len > HEAD_CAP {
            return None;
        }
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = raw
            .headers
            .iter()
            .map(|h| (h.name.to_owned(), text(h.value)))
            .collect();
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
            truncated: false,
        };
        let mut body = bytes[len..].to_vec();
        if response.header("transfer-encoding") == Some("chunked") {
            body = unchunk(&body)?;
        } else if let Some(length) = response.header("content-length") {
            body.truncate(length.parse().ok()?);
        }
        if response.header("content-encoding") == Some("gzip") {
            let mut plain = Vec::new();
            let decoder = flate2::read::GzDecoder::new(body.as_slice());
            decoder.take(CAP as u64 + 1).read_to_end(&mut plain).ok()?;
            body = plain;
        }
        response.truncated = body.len() > CAP;
        body.truncate(CAP);
        response.body = body;
        return Some(response);
    }
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((at, len)) = httparse::parse_chunk_size(bytes).ok()? else {
            return None;
        };
        if len == 0 {
            return Some(body);
        }
        let end = at + len as usize;
        body.extend_from_slice(bytes.get(at..end)?);
        bytes = bytes.get(end..)?.strip_prefix(b"\r\n")?;
    }
}

/// TLS that believes the authority in `roots`, or anything if there are none.
pub fn tls(roots: Option<RootCertStore>) -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match roots {
        Some(roots) => builder.with_root_certificates(roots).with_no_client_auth(),
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Credulous))
            .with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The address of a host's http or https port.
pub fn socket(address: IpAddr, lab: &sortie_lab::Lab, secure: bool) -> SocketAddr {
    SocketAddr::new(
        address,
        if secure {
            lab.https_port()
        } else {
            lab.http_port()
        },
    )
}
