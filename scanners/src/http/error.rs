//! How a connection, and an exchange on it, fails.

use std::io;

/// Why no connection was made. Ordered by how little it tells: when several addresses fail, the
/// smallest is reported, because a host that answers says more than a missing route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nothing listens on the port.
    #[error("connection refused")]
    Refused,
    /// The connection was reset while it was made.
    #[error("connection reset")]
    Reset,
    /// No answer in the time that connecting may take.
    #[error("connecting timed out")]
    Timeout,
    /// Any other reason, such as no route. The text is the system's.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// There was no address to dial.
    #[error("no address")]
    NoAddress,
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Self::Refused,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Self::Reset,
            Kind::TimedOut => Self::Timeout,
            _ => Self::Unreachable(error.to_string()),
        }
    }
}

/// Why an exchange gave no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// No connection was made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The TLS handshake failed, or a record could not be read. The text is the cause.
    #[error("TLS: {0}")]
    Tls(String),
    /// The peer closed or reset the connection before the end of the head.
    #[error("closed before the end of the response head")]
    Closed,
    /// What the peer sent is not HTTP/1.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl ExchangeError {
    /// Whether the exchange failed below HTTP, so that another scheme may fare better.
    pub fn is_connection_level(&self) -> bool {
        !matches!(self, Self::Malformed(_))
    }
}

/// Why bytes are not an HTTP/1 response (RFC 9112), or not one that is worth reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It does not begin with `HTTP/1.`.
    #[error("not HTTP/1")]
    NotHttp,
    /// The head is longer than [`Limits::head`](super::Limits::head).
    #[error("the response head is too long")]
    HeadTooLong,
    /// More headers than [`Limits::headers`](super::Limits::headers).
    #[error("too many headers")]
    TooManyHeaders,
    /// The head does not parse.
    #[error("the response head does not parse")]
    Head,
    /// Interim responses (1xx) without end.
    #[error("too many interim responses")]
    TooManyInterim,
    /// Content-Length is no number, or there are several that differ (RFC 9112 §6.3).
    #[error("the content length is invalid")]
    ContentLength,
    /// The chunked coding is broken (RFC 9112 §7.1).
    #[error("the chunked coding is broken")]
    Chunked,
    /// The content coding is broken (RFC 9110 §8.4.1).
    #[error("the content coding is broken")]
    ContentCoding,
}
