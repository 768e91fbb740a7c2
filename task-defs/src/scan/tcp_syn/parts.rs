//! Rows become parts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use scanners::scope::{AddrSet, Name};
use task_core::TaskError;

use super::hosts::Host;
use super::part::{AddressTarget, Part};
use crate::chunk::Chunks;

/// Ranges, or addresses with names, of one part: some kilobytes, which every task of it carries.
const PART: u32 = 500;

/// All addresses that rows have named.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    plain: AddrSet,
    /// Not yet in the set.
    fresh: Vec<(IpAddr, IpAddr)>,
    named: BTreeMap<IpAddr, BTreeSet<Name>>,
    duplicates: u64,
    bytes: usize,
}

impl Gathered {
    /// Most ranges, and most addresses with names.
    const MAX: usize = 1_000_000;
    /// Most bytes of names.
    const MAX_BYTES: usize = 64 << 20;

    pub(super) fn add(&mut self, host: Host) -> Result<(), TaskError> {
        match host {
            Host::Range(first, last) => self.fresh.push((first, last)),
            Host::Named(address, name) => {
                let known = self.named.contains_key(&address);
                self.duplicates += u64::from(known);
                let names = self.named.entry(address).or_default();
                let len = name.as_str().len();
                if names.len() < AddressTarget::MAX_NAMES && names.insert(name) {
                    self.bytes += len;
                }
            }
        }
        if self.fresh.len() >= Self::MAX {
            self.settle();
        }
        let ranges = self.plain.v4().len() + self.plain.v6().len();
        if ranges.max(self.named.len()) > Self::MAX || self.bytes > Self::MAX_BYTES {
            return Err(TaskError::fatal(format!(
                "the rows have more than {} ranges of addresses or addresses with names, or {} \
                 bytes of names; divide them before (`data.filter_by_expression`, \
                 `data.partition`) and give each part a generator of its own",
                Self::MAX,
                Self::MAX_BYTES
            )));
        }
        Ok(())
    }

    /// Takes the new ranges into the set.
    fn settle(&mut self) {
        let fresh: AddrSet = std::mem::take(&mut self.fresh).into_iter().collect();
        self.plain = self.plain.union(&fresh);
    }

    /// How many addresses with names came more than once, each further time counted.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The parts: no address is in two of them. Each holds one version of IP only, because the way
    /// of packets may be open for one and not for the other, and is a sample of the whole. The same
    /// rows and the same seed give the same parts.
    pub(super) fn into_parts(mut self, seed: u64) -> Vec<Part> {
        self.settle();
        // Whoever has a name is scanned for it.
        let named = self.named.keys().map(|&address| (address, address));
        let plain = self.plain.difference(&named.collect());
        let v4 = plain.v4().map(|(a, b)| (a.into(), b.into()));
        let v6 = plain.v6().map(|(a, b)| (a.into(), b.into()));
        let mut parts = Vec::new();
        for ranges in [v4.collect::<Vec<(IpAddr, IpAddr)>>(), v6.collect()] {
            cut(&ranges, seed, |ranges| {
                parts.push(Part {
                    addresses: ranges.copied().collect::<AddrSet>().into(),
                    named: Vec::new(),
                });
            });
        }
        let named = self.named.into_iter();
        let (v4, v6): (Vec<_>, Vec<_>) = named.partition(|(address, _)| address.is_ipv4());
        for hosts in [v4, v6] {
            cut(&hosts, seed, |hosts| {
                let named = hosts.map(|(address, names)| AddressTarget {
                    address: *address,
                    names: names.clone(),
                });
                parts.push(Part {
                    named: named.collect(),
                    ..Part::default()
                });
            });
        }
        parts
    }
}

/// Gives samples of `items` to `each`, as few and as even as they go.
fn cut<T>(items: &[T], seed: u64, mut each: impl FnMut(&mut dyn Iterator<Item = &T>)) {
    // At most `MAX` and what names have cut in two, so it fits.
    let len = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let chunks = Chunks::new(len, PART, seed);
    for index in 0..chunks.count() {
        let chosen = chunks.get(index).iter();
        each(&mut chosen.filter_map(|&item| items.get(item as usize)));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn addr(n: u32) -> IpAddr {
        Ipv4Addr::from(0xc612_0000 + n).into()
    }

    proptest! {
        #[test]
        fn every_address_is_in_one_part(
            ranges in prop::collection::vec((0u32..9000, 0u32..4), 0..1200),
            named in prop::collection::vec((0u32..9000, 0u8..3), 0..900),
            seed: u64,
        ) {
            let mut gathered = Gathered::default();
            for &(first, len) in &ranges {
                gathered.add(Host::Range(addr(first), addr(first + len))).unwrap();
            }
            for &(at, n) in &named {
                let name = format!("n{n}.example").parse().unwrap();
                gathered.add(Host::Named(addr(at), name)).unwrap();
            }
            let ranges = ranges.iter().map(|&(first, len)| (addr(first), addr(first + len)));
            let all = ranges.chain(named.iter().map(|&(at, _)| (addr(at), addr(at))));
            let all: AddrSet = all.collect();

            let parts = gathered.into_parts(seed);
            let mut seen = AddrSet::default();
            let mut sum = 0;
            for part in &parts {
                prop_assert!(part.addresses.ranges().count() <= PART as usize);
                prop_assert!(part.named.len() <= PART as usize);
                let hosts = part.named.iter().map(|host| (host.address, host.address));
                let set = part.addresses.get().union(&hosts.collect());
                sum += set.len();
                seen = seen.union(&set);
            }
            prop_assert_eq!(sum, all.len(), "none is in two parts");
            prop_assert_eq!(seen, all);
            for (at, n) in named {
                let name: Name = format!("n{n}.example").parse().unwrap();
                let hosts = parts.iter().flat_map(|part| &part.named);
                let host = hosts.filter(|host| host.address == addr(at)).collect::<Vec<_>>();
                prop_assert_eq!(host.len(), 1);
                prop_assert!(host[0].names.contains(&name));
            }
        }
    }
}
