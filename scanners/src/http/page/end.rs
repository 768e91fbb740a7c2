//! The class of a fetch that ends on its way.

use crate::connect::ConnectError;
use crate::http::ExchangeError;
use crate::http::follow::Stop;
use crate::resolve::ResolveError;

use super::outcome::PageOutcome;

impl PageOutcome {
    /// The class of a way that ended so; `at_start` says that nothing had redirected.
    pub(super) fn of_stop(stop: &Stop, at_start: bool) -> Self {
        match stop {
            Stop::BadUrl(_) if at_start => Self::InvalidUrl,
            Stop::BadUrl(_) => Self::BadRedirect,
            Stop::Loop(_) => Self::RedirectLoop,
            Stop::TooMany(_) => Self::TooManyRedirects,
            Stop::OutOfScope(_) | Stop::Resolve(ResolveError::OutOfScope { .. }) => {
                Self::OutOfScope
            }
            Stop::Resolve(ResolveError::NoSuchName) => Self::NoSuchName,
            Stop::Resolve(ResolveError::Local(_)) => Self::LocalFailure,
            Stop::Resolve(_) => Self::DnsError,
            Stop::Exchange(error) => Self::of_exchange(error),
        }
    }

    fn of_exchange(error: &ExchangeError) -> Self {
        match error {
            ExchangeError::Connect(ConnectError::Local(_)) => Self::LocalFailure,
            ExchangeError::Connect(ConnectError::Refused) => Self::Refused,
            ExchangeError::Connect(ConnectError::Reset) | ExchangeError::Closed => Self::Reset,
            ExchangeError::Connect(ConnectError::Timeout) => Self::Timeout,
            ExchangeError::Connect(ConnectError::NoRoute(_)) => Self::NoRoute,
            ExchangeError::Connect(_) => Self::Unreachable,
            ExchangeError::Tls(_) | ExchangeError::Certificate(_) => Self::TlsError,
            ExchangeError::Malformed(_) => Self::ProtocolError,
        }
    }
}
