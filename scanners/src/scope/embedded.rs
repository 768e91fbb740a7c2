//! IPv4 addresses that travel inside IPv6 ones.
//!
//! Each of these forms makes a host, or a gateway on the way, talk to the IPv4 address inside, so
//! a list that looks at the IPv6 form only can be walked around.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address itself (an IPv4-mapped one as IPv4), and the IPv4 addresses that it carries.
pub(super) fn forms(addr: IpAddr) -> impl Iterator<Item = IpAddr> {
    let addr = addr.to_canonical();
    let inner = match addr {
        IpAddr::V4(_) => [None, None],
        IpAddr::V6(v6) => carried(v6),
    };
    std::iter::once(addr).chain(inner.into_iter().flatten().map(IpAddr::V4))
}

fn carried(addr: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let low = Ipv4Addr::from(addr.to_bits() as u32);
    match addr.segments() {
        // :: and ::1 are addresses of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None, None],
        // IPv4-compatible (RFC 4291 §2.5.5.1), IPv4-translated (RFC 2765 §2.1).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => [Some(low), None],
        // NAT64 with the well-known prefix (RFC 6052 §2.1).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => [Some(low), None],
        // NAT64 with the local-use prefix (RFC 8215): /48 and /96 are the usual layouts.
        [0x64, 0xff9b, 1, a, b, ..] => [
            Some(low),
            Some(pair(a, (b & 0xff) << 8 | (addr.segments()[5] >> 8))),
        ],
        // 6to4 (RFC 3056 §2).
        [0x2002, a, b, ..] => [Some(pair(a, b)), None],
        // Teredo (RFC 4380 §4): the server, and the client with its bits inverted.
        [0x2001, 0, a, b, ..] => [Some(pair(a, b)), Some(Ipv4Addr::from(!low.to_bits()))],
        // ISATAP (RFC 5214 §6.1), under any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => [Some(low), None],
        _ => [None, None],
    }
}

fn pair(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}
