//! One GET on one connection.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::connect::{ConnectError, dial};
use crate::local::is_local;
use crate::scope::InScope;

use super::error::{ExchangeError, Malformed};
use super::request::Request;
use super::response::{Limits, Progress, Response, ResponseDecoder};
use super::tls::Tls;

/// Bytes read at a time. Most robots.txt fit, head and all.
const READ_SIZE: usize = 16 * 1024;

/// How a connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What an exchange needs besides its request.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeOptions<'a> {
    /// The name to verify, for TLS; absent in the clear.
    pub tls: Option<(&'a Tls, &'a ServerName<'static>)>,
    /// The time that connecting may take, and again the TLS handshake.
    pub connect_timeout: Duration,
    /// Caps on the response.
    pub limits: Limits,
}

/// Sends `request` to the first of `addrs` that takes the connection, and reads the response.
///
/// The bytes read (inside TLS) are added to `read` as they come, so that they are known even when
/// the future is dropped at a deadline. Reading has no time limit of its own: wrap the whole in
/// one.
///
/// # Errors
///
/// [`ExchangeError`] when no response head came. A body that ends early is no error; see
/// [`Body::cut`](super::Body::cut).
pub async fn get(
    addrs: &[InScope<SocketAddr>],
    request: &Request<'_>,
    options: &ExchangeOptions<'_>,
    read: &mut u64,
) -> Result<Response, ExchangeError> {
    let stream = dial(addrs, options.connect_timeout).await?;
    ask(stream, request, options, read).await
}

/// As [`get`], over a connection that was made.
pub(super) async fn ask(
    stream: TcpStream,
    request: &Request<'_>,
    options: &ExchangeOptions<'_>,
    read: &mut u64,
) -> Result<Response, ExchangeError> {
    let Some((tls, name)) = options.tls else {
        return converse(stream, request, options.limits, read).await;
    };
    // The handshake state is large; boxed, it does not weigh on those in the clear.
    let handshake = Box::pin(tls.connector().connect(name.clone(), stream));
    match timeout(options.connect_timeout, handshake).await {
        Ok(Ok(stream)) => Box::pin(converse(stream, request, options.limits, read)).await,
        Ok(Err(error)) => Err(handshake_error(&error)),
        Err(_) => Err(ConnectError::Timeout.into()),
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &Request<'_>,
    limits: Limits,
    read: &mut u64,
) -> Result<Response, ExchangeError> {
    // A peer may answer and close before it read the request, so a failed write is not the end.
    let _ = stream.write_all(&request.to_bytes()).await;
    let _ = stream.flush().await;
    let mut decoder = ResponseDecoder::new(limits);
    let clean = loop {
        match read_some(&mut stream, &mut decoder, read).await {
            Ok(Some(progress)) => {
                if progress? == Progress::Done {
                    break true;
                }
            }
            Ok(None) => break true,
            // TLS without close_notify: half the web ends a response so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break true,
            Err(error) if is_tls(&error) && decoder.head().is_none() => {
                return Err(ExchangeError::Tls(error.to_string()));
            }
            Err(_) => break false,
        }
    };
    decoder.finish(clean)?.ok_or(ExchangeError::Closed)
}

/// Reads what is there into the decoder; `None` at the end. The buffer lives on the stack of one
/// poll, so that a connection that waits holds none.
async fn read_some(
    stream: &mut (impl AsyncRead + Unpin),
    decoder: &mut ResponseDecoder,
    read: &mut u64,
) -> io::Result<Option<Result<Progress, Malformed>>> {
    poll_fn(|cx| {
        let mut storage = [MaybeUninit::uninit(); READ_SIZE];
        let mut buffer = ReadBuf::uninit(&mut storage);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        *read += bytes.len() as u64;
        Poll::Ready(Ok((!bytes.is_empty()).then(|| decoder.push(bytes))))
    })
    .await
}

/// Below TLS the connection may fail as it does without; that is no fault of the TLS.
fn handshake_error(error: &io::Error) -> ExchangeError {
    match error.kind() {
        _ if is_bad_certificate(error) => ExchangeError::Certificate(error.to_string()),
        _ if is_tls(error) => ExchangeError::Tls(error.to_string()),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ConnectError::Reset.into(),
        _ if is_local(error) => ConnectError::Local(error.to_string()).into(),
        // The peer hung up within the handshake.
        _ => ExchangeError::Tls(error.to_string()),
    }
}

fn is_tls(error: &io::Error) -> bool {
    tls_cause(error).is_some()
}

/// Only a policy that verifies makes this error.
fn is_bad_certificate(error: &io::Error) -> bool {
    matches!(tls_cause(error), Some(rustls::Error::InvalidCertificate(_)))
}

fn tls_cause(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
