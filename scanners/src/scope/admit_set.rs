//! What a scope admits of a whole set of addresses.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::addrs::AddrRules;
use super::error::TooManySubnets;
use super::ranges::Ranges;
use super::{AddrSet, InScope, Scope, reserved_ranges};

/// Most IPv6 subnets (/64) that an admitted set may touch.
const MAX_SUBNETS: u128 = 1 << 16;

/// Prefixes whose addresses carry an IPv4 one: compatible, mapped, translated (RFC 4291, RFC 2765),
/// NAT64 (RFC 6052, RFC 8215), Teredo (RFC 4380), 6to4 (RFC 3056); and their lengths.
const CARRIERS: [(Ipv6Addr, u32); 7] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// The upper halves of an interface identifier that carries an IPv4 address (ISATAP, RFC 5214
/// §6.1); the lower half is that address.
const ISATAP: [u128; 2] = [0x0000_5efe, 0x0200_5efe];

impl Scope {
    /// Admits the addresses of `set` that [`admit_ip`](Self::admit_ip) admits, all at once: what
    /// is left has no address in it that is denied, reserved, or not allowed.
    ///
    /// One thing is stricter than for single addresses. An IPv6 address that carries an IPv4 one
    /// is admitted only where the set holds it as a range of its own; inside a wider range such
    /// addresses are left out, because nobody lists them on purpose.
    ///
    /// # Errors
    ///
    /// [`TooManySubnets`] when what is left touches more than 65,536 IPv6 subnets of 64 bits: each
    /// holds addresses that must be left out.
    pub fn admit_set(&self, set: &AddrSet) -> Result<InScope<AddrSet>, TooManySubnets> {
        let rules = &self.rules.addrs;
        let v4 = set.v4.intersection(&rules.allowed(v4_range));
        let v4 = v4.difference(&rules.refused(v4_range));

        let (single, wide): (Vec<_>, Vec<_>) = set.v6.as_slice().iter().partition(|(a, b)| a == b);
        let wide: Ranges<u128> = wide.into_iter().collect();
        let wide = wide
            .intersection(&rules.allowed(v6_range))
            .difference(&rules.refused(v6_range))
            .difference(&carriers());
        let wide = wide.difference(&isatap(&wide)?);
        let single = single
            .into_iter()
            .filter(|&(addr, _)| rules.judge_bare(Ipv6Addr::from(addr).into()).is_none());
        let v6 = wide.union(single);
        Ok(InScope::mint(AddrSet { v4, v6 }))
    }
}

impl AddrRules {
    /// What the allowed nets hold.
    fn allowed<T: super::ranges::Number>(&self, range: fn(&IpNet) -> Option<(T, T)>) -> Ranges<T> {
        self.allow.iter().filter_map(range).collect()
    }

    /// What the denied nets hold, and what of the reserved ones no allowed net opens.
    fn refused<T: super::ranges::Number>(&self, range: fn(&IpNet) -> Option<(T, T)>) -> Ranges<T> {
        let mut refused: Vec<_> = self.deny.iter().filter_map(range).collect();
        for reserved in reserved_ranges() {
            let whole: Ranges<T> = range(&reserved.net).into_iter().collect();
            let inside = |net: &&IpNet| reserved.net.contains(*net);
            let opened: Ranges<T> = self.allow.iter().filter(inside).filter_map(range).collect();
            refused.extend(whole.difference(&opened).as_slice());
        }
        refused.into_iter().collect()
    }
}

fn v4_range(net: &IpNet) -> Option<(u32, u32)> {
    match net {
        IpNet::V4(net) => Some((net.network().to_bits(), net.broadcast().to_bits())),
        IpNet::V6(_) => None,
    }
}

fn v6_range(net: &IpNet) -> Option<(u128, u128)> {
    match net {
        IpNet::V4(_) => None,
        IpNet::V6(net) => Some((net.network().to_bits(), net.broadcast().to_bits())),
    }
}

fn carriers() -> Ranges<u128> {
    let range = |(first, prefix): (Ipv6Addr, u32)| {
        let first = first.to_bits();
        (first, first | (u128::MAX >> prefix))
    };
    CARRIERS.into_iter().map(range).collect()
}

/// The ISATAP addresses of every subnet that `ranges` touch.
fn isatap(ranges: &Ranges<u128>) -> Result<Ranges<u128>, TooManySubnets> {
    let mut found = Vec::new();
    let mut subnets = 0u128;
    for &(first, last) in ranges.as_slice() {
        let (from, to) = (first >> 64, last >> 64);
        subnets += to - from + 1;
        if subnets > MAX_SUBNETS {
            return Err(TooManySubnets {
                first: IpAddr::V6(first.into()),
                last: IpAddr::V6(last.into()),
                limit: MAX_SUBNETS as u32,
            });
        }
        for subnet in from..=to {
            found.extend(ISATAP.map(|identifier| {
                let start = subnet << 64 | identifier << 32;
                (start, start | u128::from(u32::MAX))
            }));
        }
    }
    Ok(found.into_iter().collect())
}
