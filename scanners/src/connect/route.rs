//! Whether this machine has a way to an address.

use std::io::{self, ErrorKind::AddrInUse};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::local::is_exhausted;

/// Why the system would not even send a packet to `addr`; `None` if it would. Asks the routing
/// table alone: connecting a datagram socket sends nothing.
pub(super) fn lack_of_route(addr: SocketAddr) -> Option<io::Error> {
    let any = match addr {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // A machine without IPv6 has no such socket.
    let asked = UdpSocket::bind(any).and_then(|socket| socket.connect(addr));
    // Of a machine without a file or a port for the question nothing is learned.
    let is_answer = |error: &io::Error| !is_exhausted(error) && error.kind() != AddrInUse;
    asked.err().filter(is_answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_way_to_the_machine_itself() {
        assert!(lack_of_route((Ipv4Addr::LOCALHOST, 9).into()).is_none());
    }
}
