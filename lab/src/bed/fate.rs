//! What is known of every address beforehand.

use std::net::IpAddr;

use super::responder::Responder;

/// What becomes of a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// A SYN-ACK comes.
    Open,
    /// An RST comes.
    Closed,
    /// An error of ICMP comes: administratively prohibited.
    Unreachable,
    /// Nothing comes.
    Silent,
}

/// Drawn from the last four bits of the address, so that every net has all of them.
pub(super) fn fate(responder: &Responder, addr: IpAddr, port: u16) -> Fate {
    let last = match addr {
        IpAddr::V4(addr) => addr.octets()[3],
        IpAddr::V6(addr) => addr.octets()[15],
    };
    let nibble = last & 0x0f;
    match responder {
        Responder::Kernel { ports, .. } => match nibble {
            0..8 if ports.contains(&port) => Fate::Open,
            0..8 => Fate::Closed,
            // As the rules of `policy` say.
            8..12 => Fate::Silent,
            12..14 => Fate::Unreachable,
            _ => Fate::Closed,
        },
        // As the program in `responder.bpf.c` says.
        Responder::Silence => Fate::Silent,
        Responder::AllOpen => Fate::Open,
        Responder::Sparse => match nibble {
            7 if port.is_multiple_of(10) => Fate::Open,
            0..8 => Fate::Closed,
            _ => Fate::Silent,
        },
    }
}
