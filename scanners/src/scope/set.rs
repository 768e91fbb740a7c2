//! Sets of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::ranges::Ranges;

/// The IPv4-mapped addresses, ::ffff:0:0/96 (RFC 4291 §2.5.5.2).
const MAPPED: (u128, u128) = (0xffff << 32, 0xffff_ffff_ffff);

/// A set of addresses, kept as ranges: 8 bytes for a range of IPv4, 32 for one of IPv6.
///
/// What it holds is wanted, not yet allowed; [`Scope::admit_set`](super::Scope::admit_set) makes
/// an [`InScope`](super::InScope) set of it.
///
/// ```
/// use sortie_scanners::scope::AddrSet;
///
/// let set: AddrSet = ["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/126"]
///     .iter()
///     .map(|net| net.parse::<ipnet::IpNet>())
///     .collect::<Result<_, _>>()?;
/// assert_eq!(set.len(), 256 + 4);
/// assert_eq!(set.v4().count(), 1, "neighbours become one range");
/// assert!(set.contains("192.0.2.200".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddrSet {
    pub(super) v4: Ranges<u32>,
    pub(super) v6: Ranges<u128>,
}

impl AddrSet {
    /// How many addresses it holds; `u128::MAX` when it holds every one there is.
    pub fn len(&self) -> u128 {
        let v4 = self.v4.as_slice().iter();
        let v4: u64 = v4.map(|&(a, b)| u64::from(b) - u64::from(a) + 1).sum();
        self.v6()
            .map(|(first, last)| (last.to_bits() - first.to_bits()).saturating_add(1))
            .fold(u128::from(v4), u128::saturating_add)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.v4.as_slice().is_empty() && self.v6.as_slice().is_empty()
    }

    /// Whether it holds `addr`; an IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match addr.to_canonical() {
            IpAddr::V4(v4) => covers(self.v4.as_slice(), v4.to_bits()),
            IpAddr::V6(v6) => covers(self.v6.as_slice(), v6.to_bits()),
        }
    }

    /// The addresses of either.
    pub fn union(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.clone().union(other.v4.as_slice().iter().copied()),
            v6: self.v6.clone().union(other.v6.as_slice().iter().copied()),
        }
    }

    /// The addresses of `self` that are not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.difference(&other.v4),
            v6: self.v6.difference(&other.v6),
        }
    }

    /// The ranges of IPv4, first and last address of each, ascending; no two touch.
    pub fn v4(&self) -> impl ExactSizeIterator<Item = (Ipv4Addr, Ipv4Addr)> {
        let ranges = self.v4.as_slice().iter();
        ranges.map(|&(first, last)| (first.into(), last.into()))
    }

    /// The ranges of IPv6, first and last address of each, ascending; no two touch.
    pub fn v6(&self) -> impl ExactSizeIterator<Item = (Ipv6Addr, Ipv6Addr)> {
        let ranges = self.v6.as_slice().iter();
        ranges.map(|&(first, last)| (first.into(), last.into()))
    }
}

fn covers<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= value);
    after
        .checked_sub(1)
        .and_then(|index| ranges.get(index))
        .is_some_and(|(_, last)| value <= *last)
}

/// Ranges by their first and last address. One that ends before it starts, or that starts in one
/// version of IP and ends in the other, holds nothing. A range of IPv4-mapped IPv6 addresses is a
/// range of IPv4; of a wider one of IPv6, those are left out: `::/0` means IPv6, and no IPv4.
impl FromIterator<(IpAddr, IpAddr)> for AddrSet {
    fn from_iter<I: IntoIterator<Item = (IpAddr, IpAddr)>>(ranges: I) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for (first, last) in ranges {
            match (first.to_canonical(), last.to_canonical()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                // One end is mapped, and the other is not: as IPv6 it means the rest of it.
                _ => {
                    if let (IpAddr::V6(first), IpAddr::V6(last)) = (first, last) {
                        v6.push((first.to_bits(), last.to_bits()));
                    }
                }
            }
        }
        let mapped: Ranges<u128> = [MAPPED].into_iter().collect();
        let v6: Ranges<u128> = v6.into_iter().collect();
        Self {
            v4: v4.into_iter().collect(),
            v6: v6.difference(&mapped),
        }
    }
}

impl FromIterator<IpNet> for AddrSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        let ends = |net: IpNet| (net.network(), net.broadcast());
        nets.into_iter().map(ends).collect()
    }
}
