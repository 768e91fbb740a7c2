//! What a proven answer means.

use std::net::IpAddr;

use crate::probe::Valid;
use crate::wire::{Icmp, Icmpv6};

use super::answer::{Reason, SynAnswer, SynState};

/// What a proven answer to a SYN shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynEvidence {
    /// A SYN-ACK.
    SynAck {
        /// Hops that it could still have gone.
        ttl: u8,
        /// Its window, in bytes.
        window: u16,
        /// Whether it had options.
        options: bool,
        /// Its acknowledgement number: what a RST must start with to be believed.
        ack: u32,
    },
    /// A RST.
    Reset {
        /// Hops that it could still have gone.
        ttl: u8,
    },
    /// An ICMP or ICMPv6 error that quotes the probe.
    Error {
        /// Who sent it.
        from: IpAddr,
        /// Hops that it could still have gone.
        ttl: u8,
        /// Its type, in the numbers of the version of `from`.
        kind: u8,
        /// Its code.
        code: u8,
    },
}

/// Says what the evidence means.
pub(super) fn classify(answer: &Valid<SynEvidence>) -> SynAnswer {
    let addr = answer.addr;
    match answer.evidence {
        SynEvidence::SynAck {
            ttl,
            window,
            options,
            ..
        } => SynAnswer {
            // A stack that means to talk offers a window, or at least a segment size.
            state: match (window, options) {
                (0, false) => SynState::Decoy,
                _ => SynState::Open,
            },
            from: addr,
            ttl,
            window,
        },
        SynEvidence::Reset { ttl } => SynAnswer {
            state: SynState::Closed,
            from: addr,
            ttl,
            window: 0,
        },
        SynEvidence::Error {
            from,
            ttl,
            kind,
            code,
        } => SynAnswer {
            state: SynState::Unreachable(match from {
                IpAddr::V4(_) => reason_v4(kind, code),
                IpAddr::V6(_) => reason_v6(kind, code),
            }),
            from,
            ttl,
            window: 0,
        },
    }
}

/// RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1.
fn reason_v4(kind: u8, code: u8) -> Reason {
    match (kind, code) {
        (Icmp::TIME_EXCEEDED, _) => Reason::HopLimit,
        (Icmp::UNREACHABLE, 0 | 6 | 11) => Reason::Network,
        (Icmp::UNREACHABLE, 1 | 7 | 8 | 12) => Reason::Host,
        (Icmp::UNREACHABLE, 2) => Reason::Protocol,
        (Icmp::UNREACHABLE, 3) => Reason::Port,
        (Icmp::UNREACHABLE, 9 | 10 | 13) => Reason::Prohibited,
        _ => Reason::Other,
    }
}

/// RFC 4443 §3.1.
fn reason_v6(kind: u8, code: u8) -> Reason {
    match (kind, code) {
        (Icmpv6::TIME_EXCEEDED, _) => Reason::HopLimit,
        (Icmpv6::UNREACHABLE, 0) => Reason::Network,
        (Icmpv6::UNREACHABLE, 3) => Reason::Host,
        (Icmpv6::UNREACHABLE, 4) => Reason::Port,
        (Icmpv6::UNREACHABLE, 1 | 5 | 6) => Reason::Prohibited,
        _ => Reason::Other,
    }
}
