//! Every target is visited exactly once, however the work is split.
#![cfg(feature = "packet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use sortie_scanners::scope::Scope;
use sortie_scanners::target::{
    Chunk, InvalidChunk, InvalidTargets, Permutation, PortSet, TargetSet, parse_addrs,
};

fn scope() -> Scope {
    ["198.18.0.0/15", "2001:db8::/32", "10.0.0.0/8"]
        .iter()
        .fold(Scope::builder(), |b, net| {
            b.allow_net(net.parse::<ipnet::IpNet>().unwrap())
        })
        .build()
        .unwrap()
}

fn targets(addrs: &str, ports: &str) -> TargetSet {
    let builder = TargetSet::builder().addrs(addrs).ports(ports);
    builder.build(&scope()).unwrap()
}

/// Visits all of `chunks`; panics at a target that comes twice.
fn visit(targets: &TargetSet, chunks: impl IntoIterator<Item = Chunk>) -> HashSet<(IpAddr, u16)> {
    let mut seen = HashSet::new();
    for chunk in chunks {
        let chunk = targets.chunk(&chunk).unwrap();
        for position in chunk.positions() {
            let target = chunk.get(position).unwrap();
            assert_eq!(chunk.position(target.addr(), target.port()), Some(position));
            assert!(
                seen.insert((target.addr(), target.port())),
                "{target} twice"
            );
        }
    }
    seen
}

#[test]
fn a_sixteenth_of_the_test_network_is_covered_exactly_once() {
    let targets = targets("198.18.0.0/16", "443");
    let mut seen = vec![false; 1 << 16];
    for chunk in Chunk::all(&targets, 1).split(7) {
        let chunk = targets.chunk(&chunk).unwrap();
        for position in chunk.positions() {
            let IpAddr::V4(addr) = chunk.get(position).unwrap().addr() else {
                panic!("an IPv6 address out of an IPv4 set");
            };
            let [198, 18, high, low] = addr.octets() else {
                panic!("{addr} is not a target");
            };
            let seen = &mut seen[usize::from(high) << 8 | usize::from(low)];
            assert!(!*seen, "{addr} twice");
            *seen = true;
        }
    }
    assert!(seen.into_iter().all(|seen| seen));
}

#[test]
fn denied_addresses_have_no_index() {
    let scope = Scope::builder()
        .allow_net("198.18.0.0/15".parse::<ipnet::IpNet>().unwrap())
        .deny_net("198.18.0.64/26".parse::<ipnet::IpNet>().unwrap())
        .build()
        .unwrap();
    let targets = TargetSet::builder().addrs("198.18.0.0/24").ports("80,81");
    let targets = targets.build(&scope).unwrap();
    assert_eq!((targets.len(), targets.refused_addrs()), (192 * 2, 64));
    let seen = visit(&targets, [Chunk::all(&targets, 3)]);
    assert_eq!(seen.len(), 192 * 2);
    assert!(seen.iter().all(|(addr, _)| scope.admit_ip(*addr).is_ok()));
    assert_eq!(targets.index_of("198.18.0.64".parse().unwrap(), 80), None);
}

#[test]
fn a_subnet_of_ipv6_has_all_its_addresses() {
    let targets = targets("2001:db8::/64", "443");
    // All but the two blocks that carry IPv4 addresses.
    assert_eq!(targets.len(), (1 << 64) - (2 << 32));
    let sample = Chunk {
        seed: 9,
        lo: targets.len() - 1000,
        hi: targets.len(),
    };
    assert_eq!(visit(&targets, [sample]).len(), 1000);
}

#[test]
fn many_single_addresses_are_found_by_the_guide() {
    // Every third address, so that no two make a range.
    let list: Vec<_> = (0..100_000u32)
        .map(|n| Ipv4Addr::from(0x0a00_0000 + n * 3).to_string())
        .collect();
    let targets = targets(&list.join("\n"), "1-3");
    for index in (0..targets.len()).step_by(7) {
        let target = targets.get(index).unwrap();
        let expected = Ipv4Addr::from(0x0a00_0000 + (index / 3) as u32 * 3);
        assert_eq!(target.addr(), expected);
        assert_eq!(targets.index_of(target.addr(), target.port()), Some(index));
    }
    assert_eq!(targets.get(targets.len()), None);
    assert_eq!(targets.index_of("10.0.0.1".parse().unwrap(), 1), None);
}

#[test]
fn the_order_spreads_over_all_networks_at_once() {
    let targets = targets("198.18.0.0/16", "443");
    let chunk = targets.chunk(&Chunk::all(&targets, 5)).unwrap();
    // 16 of each of the 256 networks are due in the first sixteenth.
    let mut hits = [0u32; 256];
    for position in 0..4096 {
        if let IpAddr::V4(addr) = chunk.get(position).unwrap().addr() {
            hits[usize::from(addr.octets()[2])] += 1;
        }
    }
    // Chi squared with 255 degrees of freedom: 330 is passed once in a thousand.
    let chi: f64 = hits
        .iter()
        .map(|&n| (f64::from(n) - 16.0).powi(2) / 16.0)
        .sum();
    assert!((150.0..330.0).contains(&chi), "{chi}");
}

/// Counted through, the last one would take a minute.
#[test]
fn a_part_is_the_one_that_the_split_has_there() {
    let all = Chunk {
        seed: 3,
        lo: 5,
        hi: 5 + (1 << 64) + 7,
    };
    for parts in [1, 2, 7, 1000] {
        let split: Vec<_> = all.split(parts).map(Some).collect();
        assert_eq!(split.len(), parts as usize);
        let one_by_one: Vec<_> = (0..parts).map(|number| all.part(number, parts)).collect();
        assert_eq!(split, one_by_one);
        assert_eq!(all.part(parts, parts), None);
    }
    let last = all.part(u32::MAX - 1, u32::MAX).unwrap();
    assert_eq!(last.hi, all.hi);
    let few = Chunk { hi: 7, ..all };
    assert_eq!((few.split(9).count(), few.part(1, 9).unwrap().hi), (2, 7));
    assert_eq!((few.part(2, 9), few.part(0, 0)), (None, None));
}

#[test]
fn a_chunk_of_other_targets_is_refused() {
    let targets = targets("198.18.0.0/24", "80");
    let chunk = Chunk {
        seed: 0,
        lo: 200,
        hi: 300,
    };
    let error = targets.chunk(&chunk).unwrap_err();
    assert_eq!(
        error,
        InvalidChunk::OutOfRange {
            lo: 200,
            hi: 300,
            len: 256
        }
    );
    let wide = Chunk {
        seed: 0,
        lo: 0,
        hi: 1 << 40,
    };
    let targets = self::targets("2001:db8::/64", "80");
    assert!(matches!(
        targets.chunk(&wide),
        Err(InvalidChunk::TooLong { .. })
    ));
}

#[test]
fn chunks_survive_json_with_positions_of_any_length() {
    let chunk = Chunk {
        seed: u64::MAX,
        lo: 0,
        hi: 1 << 80,
    };
    let json = serde_json::to_string(&chunk).unwrap();
    assert_eq!(
        json,
        format!(r#"{{"seed":{},"lo":"0","hi":"{}"}}"#, u64::MAX, 1u128 << 80)
    );
    assert_eq!(serde_json::from_str::<Chunk>(&json).unwrap(), chunk);
}

#[test]
fn what_cannot_be_parsed_is_named() {
    let error = |addrs: &str, ports: &str| {
        let builder = TargetSet::builder().addrs(addrs).ports(ports);
        builder.build(&scope()).unwrap_err()
    };
    assert_eq!(
        error("10.0.0.1/33", "80"),
        InvalidTargets::Addr("10.0.0.1/33".into())
    );
    assert_eq!(
        error("10.0.0.1-::1", "80"),
        InvalidTargets::Range("10.0.0.1-::1".into())
    );
    assert_eq!(
        error("10.0.0.1", "80-79"),
        InvalidTargets::Port("80-79".into())
    );
    assert_eq!(
        error("10.0.0.1", "65536"),
        InvalidTargets::Port("65536".into())
    );
    assert_eq!(error("10.0.0.1", " "), InvalidTargets::NoPorts);
    assert_eq!(error("# nothing", "80"), InvalidTargets::NoAddrs);
}

#[test]
fn an_order_never_changes() {
    // Chunks are handed from machine to machine and version to version: these are for ever.
    let order = Permutation::new(1_000_003, 42);
    let first: Vec<_> = (0..4).map(|position| order.apply(position)).collect();
    insta::assert_debug_snapshot!(first);
    let wide = Permutation::new(1 << 90, 42);
    insta::assert_debug_snapshot!(wide.apply(1 << 89));
}

proptest! {
    #[test]
    fn a_permutation_is_undone_by_its_inverse(
        len in prop_oneof![1..100u128, 1..1u128 << 64, 1..=1u128 << 124],
        at in any::<prop::sample::Index>(), seed: u64,
    ) {
        let order = Permutation::new(len, seed);
        let position = at.index(usize::MAX) as u128 * (len / usize::MAX as u128).max(1) % len;
        let number = order.apply(position);
        prop_assert!(number < len);
        prop_assert_eq!(order.invert(number), position);
        prop_assert_eq!(order.apply(order.invert(position)), position);
    }

    #[test]
    fn a_short_permutation_has_every_number_once(len in 1..2000u128, seed: u64) {
        let order = Permutation::new(len, seed);
        let seen: HashSet<_> = (0..len).map(|position| order.apply(position)).collect();
        prop_assert_eq!(seen.len() as u128, len);
        prop_assert!(seen.into_iter().all(|number| number < len));
    }

    #[test]
    fn any_split_covers_every_target_exactly_once(
        nets in prop::collection::vec((0u32..2048, 24u8..=32), 1..6),
        ports in prop::collection::btree_set(any::<u16>(), 1..5),
        seed: u64, parts in 1..40u32, each in 1..500u64,
    ) {
        let addrs: Vec<_> = nets.iter()
            .map(|(low, len)| format!("{}/{len}", Ipv4Addr::from(0xc612_0000 + low)))
            .collect();
        let targets = TargetSet::builder()
            .addrs(&addrs.join(","))
            .addrs("2001:db8::1:0/126")
            .port_set(PortSet::from_iter(ports.clone()))
            .build(&scope())
            .unwrap();
        let all = Chunk::all(&targets, seed);
        let expected = parse_addrs(&addrs.join(",")).unwrap().len() + 4;
        let expected = expected as usize * ports.len();
        let one = visit(&targets, [all.clone()]);
        prop_assert_eq!(one.len(), expected);
        prop_assert_eq!(&one, &visit(&targets, all.split(parts)));
        prop_assert_eq!(&one, &visit(&targets, all.split_by(each)));
        // Two cuts, one inside the other.
        prop_assert_eq!(&one, &visit(&targets, all.split(parts).flat_map(|c| c.split_by(each))));
    }

    #[test]
    fn lists_never_panic(text in "[0-9a-f:./, #\n-]{0,40}") {
        let _ = parse_addrs(&text);
        let _ = text.parse::<PortSet>();
    }
}
