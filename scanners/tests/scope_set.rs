//! Admitting a whole set says of each address what admitting it alone would say.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use sortie_scanners::scope::{AddrSet, Scope, reserved_ranges};

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn range(first: &str, last: &str) -> AddrSet {
    let ends = (first.parse().unwrap(), last.parse().unwrap());
    AddrSet::from_iter([ends])
}

fn internet() -> Scope {
    let all = Scope::builder().allow_net(net("0.0.0.0/0"));
    all.allow_net(net("::/0")).build().unwrap()
}

#[test]
fn the_internet_is_what_is_not_reserved() {
    let whole = AddrSet::from_iter([net("0.0.0.0/0")]);
    let admitted = internet().admit_set(&whole).unwrap().into_inner();
    for reserved in reserved_ranges() {
        assert!(!admitted.contains(reserved.net.addr()), "{}", reserved.net);
    }
    assert!(admitted.contains("1.1.1.1".parse().unwrap()));
    // 2^32 less three /8, one /10, one /12, one /15, two /16, eight /24, two /4; and Azure's own.
    let reserved = (3 << 24) + (1 << 22) + (1 << 20) + (1 << 17) + (2 << 16) + (8 << 8);
    assert_eq!(admitted.len(), (1 << 32) - (2 << 28) - reserved - 1);
}

#[test]
fn a_range_of_ipv6_holds_no_ipv4() {
    let (inside, all) = ("::ffff:192.0.2.1", AddrSet::from_iter([net("::/80")]));
    assert!(!all.contains(inside.parse().unwrap()));
    assert_eq!(all.len(), (1 << 48) - (1 << 32));
    for (first, last) in all.v6() {
        assert!(all.contains(first.into()) && all.contains(last.into()));
    }
    // Ends before the range, and in it.
    assert_eq!(range("::1", inside).len(), (0xffff << 32) - 1);
    assert_eq!(range(inside, "::ffff:192.0.2.9").len(), 9);
}

#[test]
fn an_allowed_part_of_a_reserved_range_is_opened_and_nothing_around_it() {
    let scope = Scope::builder().allow_net(net("198.18.0.0/15"));
    let scope = scope.deny_net(net("198.19.0.0/24")).build().unwrap();
    let admitted = scope.admit_set(&range("198.0.0.0", "198.255.255.255"));
    let admitted = admitted.unwrap().into_inner();
    let expected = [
        ("198.18.0.0", "198.18.255.255"),
        ("198.19.1.0", "198.19.255.255"),
    ];
    let expected = expected.map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap()));
    assert_eq!(
        admitted.v4().collect::<Vec<(Ipv4Addr, Ipv4Addr)>>(),
        expected
    );
}

#[test]
fn inside_a_wide_range_addresses_that_carry_others_are_left_out() {
    let scope = internet();
    let subnet = scope
        .admit_set(&AddrSet::from_iter([net("2600:1:2:3::/64")]))
        .unwrap();
    let subnet = subnet.into_inner();
    assert!(!subnet.contains("2600:1:2:3:0:5efe:8.8.8.8".parse().unwrap()));
    assert!(!subnet.contains("2600:1:2:3:200:5efe:10.0.0.1".parse().unwrap()));
    assert!(subnet.contains("2600:1:2:3:0:5eff::".parse().unwrap()));
    // Listed by itself such an address is judged by both of its forms.
    let alone = |addr: &str| scope.admit_set(&range(addr, addr)).unwrap().into_inner();
    assert_eq!(alone("2600:1:2:3:0:5efe:8.8.8.8").len(), 1);
    assert_eq!(alone("2600:1:2:3:0:5efe:10.0.0.1").len(), 0);
}

#[test]
fn mapped_ranges_are_ipv4() {
    let set = range("::ffff:198.18.0.0", "::ffff:198.18.0.255");
    assert_eq!((set.v4().len(), set.v6().len()), (1, 0));
    assert!(internet().admit_set(&set).unwrap().get().is_empty());
}

#[test]
fn more_subnets_than_can_be_judged_are_an_error() {
    let error = internet()
        .admit_set(&AddrSet::from_iter([net("2600::/32")]))
        .unwrap_err();
    assert!(error.to_string().contains("65536 IPv6 subnets"), "{error}");
}

#[test]
fn the_length_counts_everything_without_overflow() {
    assert_eq!(AddrSet::from_iter([net("0.0.0.0/0")]).len(), 1 << 32);
    let v6 = u128::MAX - (1 << 32) + 1;
    assert_eq!(AddrSet::from_iter([net("::/0")]).len(), v6);
    let all = AddrSet::from_iter([net("::/0"), net("0.0.0.0/0")]);
    assert_eq!(all.len(), u128::MAX);
    assert_eq!(range("10.0.0.2", "10.0.0.1").len(), 0, "backwards");
}

/// Nets that are close to each other and to what is reserved, so that they meet.
fn v4_net() -> impl Strategy<Value = IpNet> {
    let bases = prop::sample::select(vec![
        0x0a00_0000u32,
        0xc612_0000,
        0xc613_ff00,
        0xa9fe_a900,
        0x0800_0000,
        0x0800_0100,
    ]);
    (bases, 0u32..1024, 20u8..=32)
        .prop_map(|(base, low, len)| Ipv4Net::new((base + low).into(), len).unwrap().into())
}

fn v6_net() -> impl Strategy<Value = IpNet> {
    let bases = prop::sample::select(vec![
        "2600:1:2:3::",
        "2600:1:2:3:0:5efe::",
        "2001:db8::",
        "64:ff9b::800:0",
        "2002:808:808::",
        "fe80::",
        "2001::",
        "::",
    ]);
    (bases, 0u128..1024, 116u8..=128).prop_map(|(base, low, len)| {
        let base: Ipv6Addr = base.parse().unwrap();
        Ipv6Net::new((base.to_bits() + low).into(), len)
            .unwrap()
            .into()
    })
}

fn nets(net: impl Strategy<Value = IpNet> + 'static) -> impl Strategy<Value = Vec<IpNet>> {
    prop::collection::vec(net, 0..5)
}

fn scope(allow: &[IpNet], deny: &[IpNet]) -> Scope {
    let builder = allow
        .iter()
        .fold(Scope::builder(), |b, &net| b.allow_net(net));
    deny.iter()
        .fold(builder, |b, &net| b.deny_net(net))
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn of_ipv4_a_set_admits_what_single_addresses_are_admitted(
        allow in nets(v4_net()), deny in nets(v4_net()), want in nets(v4_net()),
    ) {
        let scope = scope(&allow, &deny);
        let set = AddrSet::from_iter(want);
        let admitted = scope.admit_set(&set).unwrap().into_inner();
        let mut count = 0;
        for (first, last) in set.v4() {
            for bits in first.to_bits()..=last.to_bits() {
                let addr = IpAddr::from(Ipv4Addr::from(bits));
                prop_assert_eq!(admitted.contains(addr), scope.admit_ip(addr).is_ok(), "{}", addr);
                count += u128::from(admitted.contains(addr));
            }
        }
        prop_assert_eq!(admitted.len(), count);
    }

    #[test]
    fn of_ipv6_a_set_admits_no_more_and_less_only_where_ipv4_is_carried(
        allow in nets(v6_net()), deny in nets(v6_net()), want in nets(v6_net()), open: bool,
    ) {
        let mut allow = allow;
        allow.extend(open.then(|| net("::/0")));
        let scope = scope(&allow, &deny);
        let set = AddrSet::from_iter(want);
        let admitted = scope.admit_set(&set).unwrap().into_inner();
        for (first, last) in set.v6() {
            for bits in first.to_bits()..=last.to_bits() {
                let addr = Ipv6Addr::from(bits);
                let alone = scope.admit_ip(addr.into()).is_ok();
                let carries = !matches!(addr.segments(), [0x2600, _, _, _, 0, 0, ..])
                    && !matches!(addr.segments(), [0x2001, 0xdb8, ..] | [0xfe80, ..]);
                if admitted.contains(addr.into()) {
                    prop_assert!(alone, "{addr}");
                } else if alone && !carries {
                    prop_assert!(false, "{addr} is missing");
                }
            }
        }
    }
}
