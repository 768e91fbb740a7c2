//! Ranges that are nobody's business unless somebody names them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A range that is refused unless an allowed net lies inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The range.
    pub net: IpNet,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

/// All reserved ranges: the IANA special-purpose registries (RFC 6890 and its updates), multicast,
/// deprecated forms, and the addresses where clouds keep the keys of their machines.
pub fn reserved_ranges() -> &'static [Reserved] {
    RANGES
}

/// The ranges that contain `addr`. They nest: a metadata address lies in the link-local range too.
pub(super) fn containing(addr: IpAddr) -> impl Iterator<Item = &'static Reserved> {
    RANGES.iter().filter(move |range| range.net.contains(&addr))
}

const RANGES: &[Reserved] = &[
    // Cloud metadata and machine-local cloud services. First, so that a refusal names them.
    v4([169, 254, 169, 254], 32, "cloud metadata"),
    v4([169, 254, 169, 253], 32, "cloud resolver (AWS)"),
    v4([169, 254, 170, 2], 32, "cloud credentials (ECS)"),
    v4([169, 254, 170, 23], 32, "cloud credentials (EKS)"),
    v4([100, 100, 100, 200], 32, "cloud metadata (Alibaba)"),
    v4([168, 63, 129, 16], 32, "cloud platform (Azure)"),
    v4([192, 0, 0, 192], 32, "cloud metadata (Oracle)"),
    v6(
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        128,
        "cloud metadata (AWS)",
    ),
    v6(
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253],
        128,
        "cloud resolver (AWS)",
    ),
    v6(
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
        128,
        "cloud credentials (EKS)",
    ),
    v6(
        [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
        128,
        "cloud metadata (Google)",
    ),
    // IANA IPv4 special-purpose registry, and multicast.
    v4([0, 0, 0, 0], 8, "this network, RFC 791"),
    v4([10, 0, 0, 0], 8, "private use, RFC 1918"),
    v4([100, 64, 0, 0], 10, "shared address space, RFC 6598"),
    v4([127, 0, 0, 0], 8, "loopback, RFC 1122"),
    v4([169, 254, 0, 0], 16, "link local, RFC 3927"),
    v4([172, 16, 0, 0], 12, "private use, RFC 1918"),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments, RFC 6890"),
    v4([192, 0, 2, 0], 24, "documentation, RFC 5737"),
    v4([192, 31, 196, 0], 24, "AS112, RFC 7535"),
    v4([192, 52, 193, 0], 24, "AMT, RFC 7450"),
    v4([192, 88, 99, 0], 24, "6to4 relays, RFC 7526"),
    v4([192, 168, 0, 0], 16, "private use, RFC 1918"),
    v4([192, 175, 48, 0], 24, "AS112, RFC 7534"),
    v4([198, 18, 0, 0], 15, "benchmarking, RFC 2544"),
    v4([198, 51, 100, 0], 24, "documentation, RFC 5737"),
    v4([203, 0, 113, 0], 24, "documentation, RFC 5737"),
    v4([224, 0, 0, 0], 4, "multicast, RFC 5771"),
    v4([240, 0, 0, 0], 4, "reserved and broadcast, RFC 1112"),
    // IANA IPv6 special-purpose registry, multicast and deprecated forms. NAT64's well-known
    // prefix is global by design and absent: the IPv4 address inside decides.
    v6(
        [0, 0, 0, 0, 0, 0, 0, 0],
        96,
        "unspecified, loopback and IPv4-compatible, RFC 4291",
    ),
    v6(
        [0, 0, 0, 0, 0xffff, 0, 0, 0],
        96,
        "IPv4-translated, RFC 2765",
    ),
    v6(
        [0x64, 0xff9b, 1, 0, 0, 0, 0, 0],
        48,
        "local NAT64, RFC 8215",
    ),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard only, RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix, RFC 9780"),
    v6(
        [0x2001, 0, 0, 0, 0, 0, 0, 0],
        23,
        "IETF protocol assignments, RFC 2928",
    ),
    v6(
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0],
        32,
        "documentation, RFC 3849",
    ),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4, RFC 7526"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112, RFC 7534"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation, RFC 9637"),
    v6(
        [0x5f00, 0, 0, 0, 0, 0, 0, 0],
        16,
        "SRv6 identifiers, RFC 9602",
    ),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local, RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link local, RFC 4291"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site local, RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast, RFC 4291"),
];

// The prefix lengths are constants: a wrong one fails to compile.
const fn v4([a, b, c, d]: [u8; 4], prefix: u8, purpose: &'static str) -> Reserved {
    let net = Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix);
    Reserved {
        net: IpNet::V4(net),
        purpose,
    }
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8, purpose: &'static str) -> Reserved {
    let net = Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix);
    Reserved {
        net: IpNet::V6(net),
        purpose,
    }
}
