use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Command;

use proptest::prelude::*;
use scanners::scope::Name;

use super::*;

fn scope() -> Scope {
    Scope::builder().allow_domain("in.example").build().unwrap()
}

fn addr(n: u32) -> IpAddr {
    Ipv4Addr::from(0xc612_0000 + n).into()
}

fn parts(gathered: Gathered, seed: u64) -> Vec<Part> {
    gathered
        .into_parts(seed, &scope())
        .unwrap()
        .iter()
        .collect()
}

/// The parts of addresses with names as the first version made them, from all names in memory: who
/// goes on with what it has begun must make the same ones.
fn parts_of_sets(named: BTreeMap<IpAddr, BTreeSet<Name>>, seed: u64) -> Vec<Part> {
    let hosts = named.into_iter().map(|(address, names)| {
        let all = names.len();
        let admits = |name: &Name| scope().admit(name.clone()).is_ok();
        let (inside, outside): (Vec<_>, Vec<_>) = names.into_iter().partition(admits);
        let mut room = AddressTarget::MAX_NAME_BYTES;
        let fits = |name: &Name| {
            let left = room.checked_sub(name.as_str().len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let names = inside
            .into_iter()
            .chain(outside)
            .take(AddressTarget::MAX_NAMES);
        let names: BTreeSet<Name> = names.take_while(fits).collect();
        AddressTarget {
            address,
            names_cut: (all - names.len()) as u64,
            names,
        }
    });
    let hosts: Vec<AddressTarget> = hosts.collect();
    let chunks = Chunks::new(hosts.len() as u32, PART, seed);
    let mut parts = Vec::new();
    for index in 0..chunks.count() {
        let mut part = Part::default();
        for &chosen in chunks.get(index) {
            let host = &hosts[chosen as usize];
            let weight: usize = part.named.iter().map(AddressTarget::weight).sum();
            if weight + host.weight() > PART_BYTES && !part.named.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
            part.named.push(host.clone());
        }
        parts.push(part);
    }
    parts
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

        let parts = parts(gathered, seed);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_parts_are_those_of_the_first_version(
        named in prop::collection::vec((0u32..700, 0u32..40), 0..3000),
        // Names of an address that has more than it may.
        many in 0u32..1100,
        label in prop_oneof![1usize..8, 40usize..60],
        seed: u64,
    ) {
        let label = "x".repeat(label);
        let name = |n: u32| match n % 3 {
            0 => format!("n{n}.{label}.in.example"),
            _ => format!("n{n}.{label}.example"),
        };
        let mut gathered = Gathered::default();
        let mut sets: BTreeMap<IpAddr, BTreeSet<Name>> = BTreeMap::new();
        for (at, n) in named.into_iter().chain((0..many).map(|n| (7, n))) {
            let name: Name = name(n).parse().unwrap();
            gathered.add(Host::Named(addr(at), name.clone())).unwrap();
            sets.entry(addr(at)).or_default().insert(name);
        }
        prop_assert_eq!(parts(gathered, seed), parts_of_sets(sets, seed));
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
    let parts = parts(gathered, 7);
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
    let parts = parts(gathered, 7);
    let hosts = parts.iter().flat_map(|part| &part.named);
    assert_eq!(hosts.clone().count(), 40);
    let names = hosts.map(|host| host.names.len() as u64 + host.names_cut);
    assert_eq!(names.sum::<u64>(), 30_000);
    for part in &parts {
        let json = serde_json::to_vec(part).unwrap();
        assert!(json.len() < 128 << 10, "{} bytes", json.len());
    }
}

/// Whether so many names of eleven bytes may be added to those that are there.
fn add_some(gathered: &mut Gathered, mut some: std::ops::Range<u32>) -> Result<(), TaskError> {
    some.try_for_each(|n| {
        let name = format!("n{n:03}.ex.org").parse().unwrap();
        gathered.add(Host::Named(addr(n % 4), name))
    })
}

#[test]
fn names_that_come_again_take_no_room_and_too_many_are_refused_with_a_way_out() {
    let mut gathered = Gathered::within(1000);
    for _ in 0..100 {
        add_some(&mut gathered, 0..90).unwrap();
    }
    assert!(gathered.into_parts(7, &scope()).is_ok());
    // It is not counted at each name, but before any part is made.
    let mut gathered = Gathered::within(1000);
    add_some(&mut gathered, 0..100).unwrap();
    assert!(gathered.into_parts(7, &scope()).is_err());
    let error = add_some(&mut Gathered::within(1000), 0..1000).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("1000 bytes of names"), "{error}");
    assert!(error.contains("data.partition"), "{error}");
}

const CHILD: &str = "SORTIE_TEST_NAMES";

/// Runs itself again in a process of its own: peak memory is that of a whole process.
#[test]
fn short_names_cost_little_more_than_their_bytes() {
    if std::env::var_os(CHILD).is_some() {
        return gather_half_a_million();
    }
    let path = module_path!().split_once("::").unwrap().1;
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!(
            "{path}::short_names_cost_little_more_than_their_bytes"
        ))
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    print!("{said}");
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

fn gather_half_a_million() {
    let before = peak_kib();
    let mut gathered = Gathered::default();
    let mut bytes = 0;
    for n in 0..500_000u32 {
        let name = format!("{n:x}.t");
        bytes += name.len() as u64;
        // Half of them lead to one address.
        let at = if n % 2 == 0 { 0 } else { n % 1000 };
        named(&mut gathered, at, &name);
    }
    let parts = gathered.into_parts(7, &scope()).unwrap();
    let hosts = parts.iter().flat_map(|part| part.named);
    let names = hosts.map(|host| host.names.len() as u64 + host.names_cut);
    assert_eq!(names.sum::<u64>(), 500_000);
    // What of the program is used for the first time counts, too: some MiB of it. Sets of names had
    // twelve times their bytes.
    let (more, kib) = (peak_kib() - before, bytes >> 10);
    println!("{kib} KiB of names: {more} KiB more at the peak");
    assert!(more < 5 * kib, "{more} KiB for {kib}");
}

/// The most memory that this process has had so far.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}
