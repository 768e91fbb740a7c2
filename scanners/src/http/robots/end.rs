//! The class of a fetch that ends on its way.

use crate::connect::ConnectError;
use crate::http::ExchangeError;
use crate::http::follow::Stop;
use crate::resolve::ResolveError;

use super::outcome::RobotsOutcome;

/// The class and the reason of a fetch that ends.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: RobotsOutcome,
    pub(super) detail: String,
}

impl End {
    pub(super) fn new(outcome: RobotsOutcome, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            detail: detail.into(),
        }
    }
}

impl From<&ExchangeError> for End {
    fn from(error: &ExchangeError) -> Self {
        let outcome = match error {
            ExchangeError::Connect(ConnectError::Local(_)) => RobotsOutcome::LocalFailure,
            ExchangeError::Connect(ConnectError::Refused) => RobotsOutcome::Refused,
            ExchangeError::Connect(ConnectError::Reset) | ExchangeError::Closed => {
                RobotsOutcome::Reset
            }
            ExchangeError::Connect(ConnectError::Timeout) => RobotsOutcome::Timeout,
            ExchangeError::Connect(_) => RobotsOutcome::Unreachable,
            ExchangeError::Tls(_) | ExchangeError::Certificate(_) => RobotsOutcome::TlsError,
            ExchangeError::Malformed(_) => RobotsOutcome::ProtocolError,
        };
        Self::new(outcome, error.to_string())
    }
}

impl From<&Stop> for End {
    fn from(stop: &Stop) -> Self {
        let outcome = match stop {
            Stop::Exchange(error) => return error.into(),
            Stop::BadUrl(_) => RobotsOutcome::BadRedirect,
            Stop::Loop(_) => RobotsOutcome::RedirectLoop,
            Stop::TooMany(_) => RobotsOutcome::TooManyRedirects,
            Stop::OutOfScope(_) | Stop::Resolve(ResolveError::OutOfScope { .. }) => {
                RobotsOutcome::OutOfScope
            }
            Stop::Resolve(ResolveError::NoSuchName) => RobotsOutcome::NoSuchName,
            Stop::Resolve(ResolveError::Local(_)) => RobotsOutcome::LocalFailure,
            Stop::Resolve(_) => RobotsOutcome::DnsError,
        };
        Self::new(outcome, stop.to_string())
    }
}
