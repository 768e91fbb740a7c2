//! How an exchange with a service fails below its own status codes.

use scanners::http::ConnectError;
use scanners::resolve::ResolveError;
use scanners::scope::OutOfScope;

/// Why there is no answer, or not all of it. No text holds a path, a query or a header: there may
/// be keys in them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    /// The scope of the service refused its host.
    #[error(transparent)]
    Scope(#[from] OutOfScope),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The handshake failed, or the certificate does not verify.
    #[error("TLS: {0}")]
    Tls(String),
    #[error("the TLS handshake took too long")]
    HandshakeTimeout,
    /// What came is not HTTP/1, or ended early.
    #[error("HTTP: {0}")]
    Http(String),
    #[error("the answer has more than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The client cannot be set up.
    #[error("the client cannot be set up: {0}")]
    Setup(String),
}

impl WebError {
    /// Whether another attempt may do better.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Scope(_)
            | Self::Resolve(ResolveError::OutOfScope { .. })
            | Self::TooLarge { .. }
            | Self::Setup(_) => false,
            Self::Resolve(_)
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::HandshakeTimeout
            | Self::Http(_) => true,
        }
    }
}

impl From<hyper::Error> for WebError {
    fn from(error: hyper::Error) -> Self {
        // The cause is in the chain: "connection error" alone helps nobody.
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self::Http(text)
    }
}
