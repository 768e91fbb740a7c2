//! How an exchange fails.

use crate::connect::ConnectError;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_could_not_try_tries_no_other_scheme() {
        let starved = ExchangeError::from(ConnectError::Local("no files left".to_owned()));
        assert!(starved.is_local() && !starved.permits_other_scheme());
        assert!(ExchangeError::from(ConnectError::Refused).permits_other_scheme());
    }
}
