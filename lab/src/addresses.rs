//! Which address means what, and which ones a name resolves to.
//!
//! Everything in 127.0.0.0/8 is local on Linux, so each way of treating a connection has addresses
//! of its own, all on the same pair of ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::behaviour::Behaviour;
use crate::plan::{CANARY, Choice, Plan};

/// Sites that answer share this many addresses: a client that opens thousands of connections a
/// second to one address and port runs out of ports of its own.
const POOL: u8 = 4;

/// Where the DNS server listens.
pub(crate) const DNS: Ipv4Addr = honest(53);
/// Where the search of certificate transparency logs listens.
pub(crate) const CT: Ipv4Addr = honest(60);
/// The net of the honest addresses.
pub(crate) const HONEST_NET: (Ipv4Addr, u8) = (honest(0), 24);
pub(crate) const TLS_GARBAGE: Ipv4Addr = honest(21);
pub(crate) const SILENCE: Ipv4Addr = honest(22);
pub(crate) const RESET: Ipv4Addr = honest(23);
pub(crate) const BLACKHOLE: Ipv4Addr = honest(24);
/// Nobody may ever listen here.
const CLOSED: Ipv4Addr = honest(20);

/// Forbidden addresses that any machine can listen on.
pub(crate) const CANARIES: [Ipv4Addr; 2] = [CANARY, Ipv4Addr::LOCALHOST];

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Forbidden addresses that can be listened on only where they exist.
pub(crate) const RARE_CANARIES: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V4(METADATA),
    IpAddr::V4(PRIVATE),
    IpAddr::V6(METADATA_V6),
];

const fn honest(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 77, 0, last)
}

/// The addresses that listen on both ports.
pub(crate) fn both() -> impl Iterator<Item = Ipv4Addr> {
    (1..=POOL).map(honest)
}

/// The addresses that listen on the http port and refuse https.
pub(crate) fn http_only() -> impl Iterator<Item = Ipv4Addr> {
    (11..=10 + POOL).map(honest)
}

/// What the DNS says about a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    NoSuchName,
    ServerFailure,
    /// The name exists and has no address.
    NoData,
    V4(Ipv4Addr),
    /// Two addresses, in this order.
    TwoV4([Ipv4Addr; 2]),
    V6(Ipv6Addr),
    /// The address over TCP; over UDP a truncated answer.
    OverTcp(Ipv4Addr),
}

impl Plan {
    /// What the DNS says about `host`, a host of this site.
    pub(crate) fn resolve(&self, host: &str) -> Resolution {
        use Behaviour as B;
        match self.behaviour {
            B::NxDomain => Resolution::NoSuchName,
            B::ServFail => Resolution::ServerFailure,
            B::NoData => Resolution::NoData,
            B::DeniedAddress => self.denied(),
            B::MixedAddresses => {
                let bad = [METADATA, CANARY, PRIVATE, Ipv4Addr::LOCALHOST];
                let mut pair = [
                    bad[self.draw(Choice::Target, 4) as usize],
                    self.answering(host),
                ];
                if self.draw(Choice::Form, 2) == 1 {
                    pair.reverse();
                }
                Resolution::TwoV4(pair)
            }
            B::DnsTruncated => Resolution::OverTcp(self.answering(host)),
            B::Refused => Resolution::V4(CLOSED),
            B::Reset => Resolution::V4(RESET),
            B::Silence => Resolution::V4(SILENCE),
            B::Blackhole => Resolution::V4(BLACKHOLE),
            B::TlsGarbage | B::TlsGarbageHttpGood => Resolution::V4(TLS_GARBAGE),
            _ => Resolution::V4(self.answering(host)),
        }
    }

    /// One of the addresses that answer, with or without https.
    fn answering(&self, host: &str) -> Ipv4Addr {
        let first = if self.speaks_https(host) { 1 } else { 11 };
        honest(first + self.draw(Choice::Address, u64::from(POOL)) as u8)
    }

    fn denied(&self) -> Resolution {
        if self.elsewhere {
            return Resolution::V4(CANARY);
        }
        match self.draw(Choice::Target, 7) {
            0 => Resolution::V4(METADATA),
            1 => Resolution::V4(PRIVATE),
            2 => Resolution::V4(Ipv4Addr::LOCALHOST),
            3 => Resolution::V6(METADATA_V6),
            4 => Resolution::V6(METADATA.to_ipv6_mapped()),
            5 => Resolution::V6(CANARY.to_ipv6_mapped()),
            _ => Resolution::V4(CANARY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mix, name};

    fn resolve(behaviour: Behaviour, host: &str) -> Resolution {
        Plan::of(host, &Mix::only(behaviour)).resolve(host)
    }

    #[test]
    fn a_mixed_name_has_one_honest_address_and_one_forbidden() {
        for host in name::names(0..200) {
            let Resolution::TwoV4(pair) = resolve(Behaviour::MixedAddresses, &host) else {
                panic!("{host} has no pair");
            };
            let honest = pair
                .iter()
                .filter(|a| a.octets()[..3] == [127, 77, 0])
                .count();
            assert_eq!(honest, 1, "{host}: {pair:?}");
        }
    }

    #[test]
    fn a_denied_name_has_no_honest_address() {
        for host in name::names(0..200) {
            match resolve(Behaviour::DeniedAddress, &host) {
                Resolution::V4(a) => assert_ne!(a.octets()[..3], [127, 77, 0], "{host}"),
                Resolution::V6(_) => {}
                other => panic!("{host}: {other:?}"),
            }
        }
    }
}
