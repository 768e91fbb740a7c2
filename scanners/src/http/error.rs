//! How a connection, and an exchange on it, fails.

use std::io;

use crate::resolve::is_local;

/// Why no connection was made. Ordered: when several addresses fail, the smallest is reported,
/// because a host that answers says more than a missing route, and what this machine did not try
/// may have been better than either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// This machine could not try: it has no descriptor, port or memory left for a socket, or its
    /// interface is down. Says nothing about the peer. The text is the system's.
    #[error("this machine could not connect: {0}")]
    Local(String),
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
            _ if is_local(&error) => Self::Local(error.to_string()),
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
    /// The TLS handshake failed for another reason than the certificate, or a record could not be
    /// read. The text is the cause.
    #[error("TLS: {0}")]
    Tls(String),
    /// The certificate does not verify, under [`TlsPolicy::Verify`](super::TlsPolicy::Verify). The
    /// text is the cause.
    #[error("TLS: {0}")]
    Certificate(String),
    /// The peer closed or reset the connection before the end of the head.
    #[error("closed before the end of the response head")]
    Closed,
    /// What the peer sent is not HTTP/1.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl ExchangeError {
    /// Whether the exchange failed below HTTP, so that another scheme may be tried: there was no
    /// connection, TLS failed, or the peer closed before the end of the head.
    ///
    /// Not so for a machine that could not try, which will not fare better; nor for a certificate
    /// that does not verify, because who insists on it must not be led to an answer in the clear.
    pub fn permits_other_scheme(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Tls(_) | Self::Closed => !self.is_local(),
            Self::Certificate(_) | Self::Malformed(_) => false,
        }
    }

    /// Whether this machine could not try; see [`ConnectError::Local`].
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Connect(ConnectError::Local(_)))
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_exhaustion_of_this_machine_is_no_failure_of_the_peer() {
        let connect = |code| ConnectError::from(io::Error::from_raw_os_error(code));
        // ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL, ENETDOWN, ENOBUFS.
        for code in [12, 23, 24, 99, 100, 105] {
            let error = connect(code);
            assert!(matches!(error, ConnectError::Local(_)), "{code}: {error}");
            // It stands, whatever other addresses did, and no other scheme is tried.
            assert!(error < ConnectError::Refused);
            let error = ExchangeError::from(error);
            assert!(error.is_local() && !error.permits_other_scheme());
        }
        assert_eq!(connect(104), ConnectError::Reset);
        assert_eq!(connect(110), ConnectError::Timeout);
        assert_eq!(connect(111), ConnectError::Refused);
        // ENETUNREACH, EHOSTUNREACH.
        for code in [101, 113] {
            assert!(matches!(connect(code), ConnectError::Unreachable(_)));
        }
    }
}
