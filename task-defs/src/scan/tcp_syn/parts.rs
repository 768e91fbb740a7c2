//! Rows become parts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::vec;

use scanners::scope::{AddrSet, Scope};
use task_core::TaskError;

use super::hosts::Host;
use super::names::Names;
use super::part::{AddressTarget, Part};
use crate::chunk::Chunks;

/// Ranges, or addresses with names, of one part at most.
const PART: u32 = 500;
/// Bytes of addresses with names in one part, more or less: every task of the part needs them.
const PART_BYTES: usize = 64 << 10;

/// All addresses that rows have named. A name costs its own bytes and one more, and an address with
/// names some hundred.
#[derive(Debug)]
pub(super) struct Gathered {
    plain: AddrSet,
    /// Not yet in the set.
    fresh: Vec<(IpAddr, IpAddr)>,
    named: BTreeMap<IpAddr, Names>,
    duplicates: u64,
    /// Bytes of the texts of all names, with what came again and is not sorted out yet.
    bytes: usize,
    /// With more of them the names are counted.
    counts_at: usize,
    max_bytes: usize,
}

/// The parts, made one after the other from what was gathered: all of them would take many times
/// its memory.
pub(super) struct Parts {
    /// Of IPv4, and of IPv6.
    ranges: [Vec<(IpAddr, IpAddr)>; 2],
    /// The same.
    hosts: [Vec<Named>; 2],
    seed: u64,
}

/// An address, and as many of its names as are carried along.
struct Named {
    address: IpAddr,
    names: Names,
    names_cut: u64,
}

impl Default for Gathered {
    fn default() -> Self {
        Self::within(Self::MAX_BYTES)
    }
}

impl Gathered {
    /// Most ranges, and most addresses with names.
    const MAX: usize = 1_000_000;
    /// Most bytes of names.
    const MAX_BYTES: usize = 64 << 20;

    fn within(max_bytes: usize) -> Self {
        Self {
            plain: AddrSet::default(),
            fresh: Vec::new(),
            named: BTreeMap::new(),
            duplicates: 0,
            bytes: 0,
            counts_at: max_bytes,
            max_bytes,
        }
    }

    pub(super) fn add(&mut self, host: Host) -> Result<(), TaskError> {
        match host {
            Host::Range(first, last) => self.fresh.push((first, last)),
            Host::Named(address, name) => {
                let names = match self.named.entry(address) {
                    Entry::Vacant(new) => new.insert(Names::default()),
                    Entry::Occupied(known) => {
                        self.duplicates += 1;
                        known.into_mut()
                    }
                };
                let before = names.len();
                names.insert(&name);
                self.bytes = self.bytes - before + names.len();
            }
        }
        if self.fresh.len() >= Self::MAX {
            self.settle();
        }
        let ranges = self.plain.v4().len() + self.plain.v6().len();
        if ranges.max(self.named.len()) > Self::MAX {
            return Err(self.too_many());
        }
        if self.bytes > self.counts_at {
            self.count_names()?;
            // Not at each further name.
            self.counts_at = self.bytes + self.max_bytes / 4;
        }
        Ok(())
    }

    /// Takes the new ranges into the set.
    fn settle(&mut self) {
        let fresh: AddrSet = std::mem::take(&mut self.fresh).into_iter().collect();
        self.plain = self.plain.union(&fresh);
    }

    /// Sorts out the names that came again, and holds the others against the limit.
    fn count_names(&mut self) -> Result<(), TaskError> {
        let mut of_names = 0;
        self.bytes = 0;
        for names in self.named.values_mut() {
            names.settle();
            of_names += names.measure().1;
            self.bytes += names.len();
        }
        match of_names <= self.max_bytes {
            true => Ok(()),
            false => Err(self.too_many()),
        }
    }

    fn too_many(&self) -> TaskError {
        TaskError::fatal(format!(
            "the rows have more than {} ranges of addresses or addresses with names, or {} bytes of \
             names; divide them before (`data.filter_by_expression`, `data.partition`) and give each \
             part a generator of its own",
            Self::MAX,
            self.max_bytes
        ))
    }

    /// How many addresses with names came more than once, each further time counted.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The parts: no address is in two of them. Each holds one version of IP only, because the way
    /// of packets may be open for one and not for the other, and is a sample of the whole. The same
    /// rows, the same seed and the same scope give the same parts.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the names have too many bytes.
    pub(super) fn into_parts(mut self, seed: u64, scope: &Scope) -> Result<Parts, TaskError> {
        self.settle();
        self.count_names()?;
        // Whoever has a name is scanned for it.
        let named = self.named.keys().map(|&address| (address, address));
        let plain = self.plain.difference(&named.collect());
        let v4 = plain.v4().map(|(a, b)| (a.into(), b.into()));
        let v6 = plain.v6().map(|(a, b)| (a.into(), b.into()));
        let ranges = [v4.collect(), v6.collect()];
        let mut hosts = [Vec::new(), Vec::new()];
        let [v4, v6] = &mut hosts;
        for (address, mut names) in self.named {
            let side = if address.is_ipv4() {
                &mut *v4
            } else {
                &mut *v6
            };
            side.push(Named {
                address,
                names_cut: names.trim(scope),
                names,
            });
        }
        Ok(Parts {
            ranges,
            hosts,
            seed,
        })
    }
}

impl Parts {
    /// All of them, the same ones each time.
    pub(super) fn iter(&self) -> impl Iterator<Item = Part> {
        let ranges = self.ranges.iter();
        let plain = ranges.flat_map(|ranges| cut(ranges, self.seed).map(Part::of_ranges));
        let hosts = self.hosts.iter();
        let named = hosts.flat_map(|hosts| cut(hosts, self.seed).flat_map(ByWeight::new));
        plain.chain(named)
    }
}

impl Part {
    fn of_ranges(ranges: Vec<&(IpAddr, IpAddr)>) -> Self {
        Self {
            addresses: ranges.into_iter().copied().collect::<AddrSet>().into(),
            named: Vec::new(),
        }
    }
}

impl Named {
    fn target(&self) -> AddressTarget {
        AddressTarget {
            address: self.address,
            names: self.names.iter().collect(),
            names_cut: self.names_cut,
        }
    }
}

/// Makes one part of hosts, or several if their names weigh too much for one.
struct ByWeight<'a> {
    hosts: vec::IntoIter<&'a Named>,
    /// The first of the next part.
    held: Option<AddressTarget>,
}

impl<'a> ByWeight<'a> {
    fn new(hosts: Vec<&'a Named>) -> Self {
        Self {
            hosts: hosts.into_iter(),
            held: None,
        }
    }
}

impl Iterator for ByWeight<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let (mut named, mut bytes) = (Vec::new(), 0);
        loop {
            let next = self.held.take();
            let Some(host) = next.or_else(|| self.hosts.next().map(Named::target)) else {
                break;
            };
            bytes += host.weight();
            if bytes > PART_BYTES && !named.is_empty() {
                self.held = Some(host);
                break;
            }
            named.push(host);
        }
        (!named.is_empty()).then(|| Part {
            named,
            ..Part::default()
        })
    }
}

/// Samples of `items`, as few and as even as they go.
fn cut<T>(items: &[T], seed: u64) -> impl Iterator<Item = Vec<&T>> {
    // At most `MAX` and what names have cut in two, so it fits.
    let len = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let chunks = Chunks::new(len, PART, seed);
    (0..chunks.count()).map(move |index| {
        let chosen = chunks.get(index).iter();
        chosen
            .filter_map(|&item| items.get(item as usize))
            .collect()
    })
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
