//! Telling the exhaustion of this machine from the failures of others.

use std::io;
#[cfg(feature = "resolve")]
use std::net::{Ipv4Addr, UdpSocket};

/// The process (EMFILE) or the machine (ENFILE) has no descriptor left, or no buffer (ENOBUFS).
/// The standard library has no kind for these.
const EXHAUSTED: [i32; 3] = if cfg!(windows) {
    // Winsock has no ENFILE of its own.
    [10024, 10024, 10055]
} else if cfg!(any(target_os = "linux", target_os = "android")) {
    [24, 23, 105]
} else {
    [24, 23, 55]
};

/// Whether `error`, of opening or connecting a socket, is the fault of this machine: no
/// descriptor, no free port, no memory, or its own interface down. It says nothing about the peer.
pub(crate) fn is_local(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::AddrNotAvailable | Kind::NetworkDown) || is_exhausted(error)
}

/// Whether there is no descriptor or no memory left for a socket.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    error.kind() == io::ErrorKind::OutOfMemory || code.is_some_and(|code| EXHAUSTED.contains(&code))
}

/// Opens a socket to see whether this machine can: for failures whose cause was lost on the way.
#[cfg(feature = "resolve")]
pub(crate) fn probe() -> Option<io::Error> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .err()
        .filter(is_local)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_here_is_told_from_what_the_peer_does() {
        // ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL, ENETDOWN, ENOBUFS.
        for code in [12, 23, 24, 99, 100, 105] {
            assert!(is_local(&io::Error::from_raw_os_error(code)), "{code}");
        }
        // EACCES, EPIPE, ENETUNREACH, ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH.
        for code in [13, 32, 101, 104, 110, 111, 113] {
            assert!(!is_local(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }

    #[cfg(feature = "resolve")]
    #[test]
    fn a_machine_with_sockets_left_passes_the_probe() {
        assert!(probe().is_none());
    }
}
