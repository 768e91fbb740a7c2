//! Why a way ends before its last response.

use url::Url;

use crate::http::ExchangeError;
use crate::resolve::ResolveError;
use crate::scope::OutOfScope;

/// Why a way ends before its last response.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum Stop {
    /// The URL may not be followed. The text says what is wrong with it.
    #[error("{0}")]
    BadUrl(String),
    #[error("back to {0}")]
    Loop(Url),
    #[error("next was {0}")]
    TooMany(Url),
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

impl Stop {
    pub(super) fn bad_url(what: impl Into<String>) -> Self {
        Self::BadUrl(what.into())
    }
}
