//! How connecting fails.

use std::io;

use crate::local::is_local;

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
    /// Any other reason, such as a router on the way that knows no route. The text is the system's.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// This machine has no route to the address: IPv6 where it has none of its own. Nothing was
    /// sent, so it says nothing about the peer; unlike [`Local`](Self::Local) it will be the same
    /// tomorrow. The text is the system's.
    #[error("unreachable locally: {0}")]
    NoRoute(String),
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
            // It stands, whatever other addresses did.
            assert!(error < ConnectError::Refused);
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
