//! Rows become parts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use scanners::scope::{AddrSet, Name, Scope};
use task_core::TaskError;

use super::hosts::Host;
use super::part::{AddressTarget, Part};
use crate::chunk::Chunks;

/// Ranges, or addresses with names, of one part at most.
const PART: u32 = 500;
/// Bytes of addresses with names in one part, more or less: every task of the part needs them.
const PART_BYTES: usize = 64 << 10;

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
                if names.insert(name) {
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
    /// rows, the same seed and the same scope give the same parts.
    pub(super) fn into_parts(mut self, seed: u64, scope: &Scope) -> Vec<Part> {
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
        let named = named.map(|(address, names)| AddressTarget::new(address, names, scope));
        let (v4, v6): (Vec<_>, Vec<_>) = named.partition(|host| host.address.is_ipv4());
        for hosts in [v4, v6] {
            cut(&hosts, seed, |hosts| by_weight(hosts, &mut parts));
        }
        parts
    }
}

/// Makes one part of `hosts`, or several if their names weigh too much for one.
fn by_weight<'a>(hosts: impl Iterator<Item = &'a AddressTarget>, parts: &mut Vec<Part>) {
    let (mut named, mut bytes) = (Vec::new(), 0);
    let part = |named| Part {
        named,
        ..Part::default()
    };
    for host in hosts {
        let weight = host.weight();
        if bytes + weight > PART_BYTES && !named.is_empty() {
            parts.push(part(std::mem::take(&mut named)));
            bytes = 0;
        }
        named.push(host.clone());
        bytes += weight;
    }
    if !named.is_empty() {
        parts.push(part(named));
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

    fn scope() -> Scope {
        Scope::builder().allow_domain("in.example").build().unwrap()
    }

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

            let parts = gathered.into_parts(seed, &scope());
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

    fn named(gathered: &mut Gathered, at: u32, name: &str) {
        let host = Host::Named(addr(at), name.parse().unwrap());
        gathered.add(host).unwrap();
    }

    #[test]
    fn names_beyond_the_limit_are_counted_and_those_in_scope_are_kept() {
        let mut gathered = Gathered::default();
        for n in 0..1200 {
            named(&mut gathered, 1, &format!("a{n}.out.example"));
        }
        // Behind all others in the alphabet, and in the rows.
        for n in 0..30 {
            named(&mut gathered, 1, &format!("z{n}.in.example"));
        }
        named(&mut gathered, 1, "a1.out.example");
        assert_eq!(gathered.duplicates(), 1230);
        let parts = gathered.into_parts(7, &scope());
        let host = &parts[0].named[0];
        assert_eq!(host.names.len(), AddressTarget::MAX_NAMES);
        assert_eq!(host.names_cut, 230);
        let inside = |name: &&Name| name.as_str().ends_with(".in.example");
        assert_eq!(host.names.iter().filter(inside).count(), 30);
    }

    #[test]
    fn no_part_is_too_heavy_for_its_tasks_however_long_the_names_are() {
        let mut gathered = Gathered::default();
        let label = "x".repeat(60);
        for n in 0..30_000 {
            named(
                &mut gathered,
                n % 40,
                &format!("n{n}.{label}.{label}.{label}.example"),
            );
        }
        let parts = gathered.into_parts(7, &scope());
        let hosts = parts.iter().flat_map(|part| &part.named);
        assert_eq!(hosts.clone().count(), 40);
        let names = hosts.map(|host| host.names.len() as u64 + host.names_cut);
        assert_eq!(names.sum::<u64>(), 30_000);
        for part in &parts {
            let json = serde_json::to_vec(part).unwrap();
            assert!(json.len() < 128 << 10, "{} bytes", json.len());
        }
    }
}
