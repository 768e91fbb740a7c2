//! What a scope admits, and the ways around it that are closed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use proptest::prelude::*;
use sortie_scanners::scope::{
    InvalidName, InvalidScope, Name, Rule, Scope, ScopeSpec, reserved_ranges,
};

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn admits_via_name(scope: &Scope, addr: IpAddr) -> bool {
    let name = scope.admit_name("a.test").unwrap();
    scope.admit_addr(&name, addr).is_ok()
}

fn test_scope() -> sortie_scanners::scope::ScopeBuilder {
    Scope::builder().allow_domain("test")
}

#[test]
fn the_default_admits_nothing() {
    let scope = Scope::default();
    assert_eq!(
        scope.admit_name("example.com").unwrap_err().rule,
        Rule::NoAllowedDomain
    );
    assert_eq!(
        scope.admit_ip(ip("93.184.216.34")).unwrap_err().rule,
        Rule::NoAllowedNet
    );
}

#[test]
fn suffixes_end_at_labels() {
    let scope = Scope::builder()
        .allow_domain("Example.COM.")
        .deny_domain("no.example.com")
        .build()
        .unwrap();
    for name in [
        "example.com",
        "www.example.com",
        "a.b.example.com.",
        "mono.example.com",
    ] {
        assert!(scope.admit_name(name).is_ok(), "{name}");
    }
    for name in [
        "badexample.com",
        "com",
        "example.com.evil.test",
        "example.org",
    ] {
        assert_eq!(
            scope.admit_name(name).unwrap_err().rule,
            Rule::NoAllowedDomain,
            "{name}"
        );
    }
    for name in ["no.example.com", "x.no.example.com"] {
        let rule = scope.admit_name(name).unwrap_err().rule;
        assert_eq!(rule, Rule::DeniedDomain("no.example.com".to_owned()));
    }
}

#[test]
fn metadata_and_reserved_addresses_need_to_be_named() {
    let open = test_scope()
        .allow_net(net("0.0.0.0/0"))
        .allow_net(net("::/0"))
        .build()
        .unwrap();
    for addr in [
        "169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "169.254.170.2",
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2002::1",
    ] {
        let refusal = open.admit_ip(ip(addr)).unwrap_err();
        assert!(matches!(refusal.rule, Rule::Reserved { .. }), "{refusal}");
        assert!(!admits_via_name(&open, ip(addr)), "{addr}");
    }
    let lab = test_scope()
        .allow_net(net("127.0.0.0/8"))
        .allow_net(net("169.254.0.0/16"));
    let lab = lab.build().unwrap();
    assert!(lab.admit_ip(ip("127.0.0.1")).is_ok());
    assert!(lab.admit_ip(ip("169.254.1.1")).is_ok());
    // Link-local was opened; the metadata address within is a range of its own.
    assert!(lab.admit_ip(ip("169.254.169.254")).is_err());
    let named = test_scope()
        .allow_net(net("169.254.169.254/32"))
        .allow_net(net("169.254.0.0/16"));
    assert!(
        named
            .build()
            .unwrap()
            .admit_ip(ip("169.254.169.254"))
            .is_ok()
    );
}

#[test]
fn addresses_inside_addresses_are_judged() {
    let scope = test_scope()
        .deny_net(net("93.184.216.34/32"))
        .build()
        .unwrap();
    for inner in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "93.184.216.34"] {
        for outer in disguises(inner.parse().unwrap()) {
            assert!(!admits_via_name(&scope, outer), "{outer} carries {inner}");
        }
    }
    // The well-known NAT64 prefix is how an IPv6-only host reaches the IPv4 Internet.
    assert!(admits_via_name(&scope, ip("64:ff9b::8.8.8.8")));
    assert!(admits_via_name(&scope, ip("::ffff:8.8.8.8")));
}

#[test]
fn public_addresses_follow_their_name_only() {
    let scope = test_scope()
        .allow_net(net("198.51.100.0/24"))
        .build()
        .unwrap();
    assert!(admits_via_name(&scope, ip("8.8.8.8")));
    assert_eq!(
        scope.admit_ip(ip("8.8.8.8")).unwrap_err().rule,
        Rule::NoAllowedNet
    );
    // A net inside a reserved range opens that range, with a name and without.
    assert!(scope.admit_ip(ip("198.51.100.7")).is_ok());
    assert!(admits_via_name(&scope, ip("198.51.100.7")));
    assert!(!admits_via_name(&scope, ip("203.0.113.7")));
}

#[test]
fn a_name_from_another_scope_is_judged_again() {
    let wide = Scope::builder().any_domain().build().unwrap();
    let foreign = wide.admit_name("example.org").unwrap();
    let refusal = test_scope()
        .build()
        .unwrap()
        .admit_addr(&foreign, ip("8.8.8.8"))
        .unwrap_err();
    assert_eq!(
        (refusal.rule, refusal.what.as_str()),
        (Rule::NoAllowedDomain, "example.org")
    );
}

#[test]
fn names() {
    for (input, name) in [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("_dmarc.my_host.example", "_dmarc.my_host.example"),
        ("m\u{fc}nchen.example", "xn--mnchen-3ya.example"),
        ("\u{4f8b}\u{3002}example\u{3002}", "xn--fsq.example"),
        ("localhost", "localhost"),
        ("1.2.3.example", "1.2.3.example"),
    ] {
        assert_eq!(Name::parse(input).unwrap().as_str(), name);
    }
    for (input, error) in [
        ("", InvalidName::Empty),
        (".", InvalidName::Empty),
        ("a..b", InvalidName::EmptyLabel),
        (".a", InvalidName::EmptyLabel),
        ("-a.b", InvalidName::Hyphen),
        ("a-.b", InvalidName::Hyphen),
        ("a b.c", InvalidName::Character(' ')),
        ("*.example.com", InvalidName::Character('*')),
        ("a/b", InvalidName::Character('/')),
        ("a@b", InvalidName::Character('@')),
        ("a\0b", InvalidName::Character('\0')),
        ("a.example:80", InvalidName::Character(':')),
        ("127.0.0.1", InvalidName::IpLiteral),
        ("127.1", InvalidName::IpLiteral),
        ("0x7f.1", InvalidName::IpLiteral),
        ("1.0x", InvalidName::IpLiteral),
        ("2130706433", InvalidName::IpLiteral),
        ("1.2.3.4.5", InvalidName::IpLiteral),
        ("\u{ff11}\u{ff12}\u{ff17}.1", InvalidName::IpLiteral),
        ("::1", InvalidName::IpLiteral),
        ("[::1]", InvalidName::IpLiteral),
        ("xn--\u{7f}", InvalidName::Idna),
        ("xn--a.example", InvalidName::Idna),
    ] {
        assert_eq!(Name::parse(input), Err(error), "{input:?}");
    }
    let label = "a".repeat(63);
    assert!(Name::parse(&label).is_ok());
    assert_eq!(
        Name::parse(&format!("{label}a")),
        Err(InvalidName::LabelTooLong)
    );
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert!(Name::parse(&longest).is_ok());
    assert_eq!(
        Name::parse(&format!("{longest}b")),
        Err(InvalidName::TooLong)
    );
}

#[test]
fn documents() {
    let spec = ScopeSpec {
        allow_names: vec!["only.test".to_owned()],
        allow_domains: vec!["example.com".to_owned()],
        deny_domains: vec!["x.example.com".to_owned()],
        allow_nets: vec![net("127.0.0.0/8")],
        deny_nets: vec![net("::/0")],
        any_domain: true,
    };
    assert_eq!(ScopeSpec::from_json(&spec.to_json()).unwrap(), spec);
    assert_eq!(ScopeSpec::default().to_json(), b"{}");
    for bad in [
        "",
        "null",
        r#"{"allow_nets":["10.0.0.0/33"]}"#,
        r#"{"allow":[]}"#,
    ] {
        assert!(ScopeSpec::from_json(bad.as_bytes()).is_err(), "{bad}");
    }
    let refused = Scope::builder().allow_domain("*.example.com").build();
    assert!(matches!(refused, Err(InvalidScope::Domain { entry, .. }) if entry == "*.example.com"));
}

/// A million are loaded by `cargo bench`, in release mode.
#[test]
fn a_hundred_thousand_domains() {
    let entry = |n: u32| format!("host-{n}.example{}.com", n % 977);
    let allow_domains = (0..100_000).map(entry).collect();
    let spec = ScopeSpec {
        allow_domains,
        ..ScopeSpec::default()
    };
    let scope = Scope::try_from(ScopeSpec::from_json(&spec.to_json()).unwrap()).unwrap();
    assert_eq!(scope.allowed_domains(), 100_000);
    for n in (0..100_000).step_by(10) {
        assert!(scope.admit_name(&format!("www.{}", entry(n))).is_ok());
        assert!(scope.admit_name(&format!("host-{n}.example.com")).is_err());
    }
}

/// The IPv6 addresses that lead to `inner`.
fn disguises(inner: Ipv4Addr) -> Vec<IpAddr> {
    let low = u128::from(inner.to_bits());
    let [a, b, c, d] = inner.octets().map(u16::from);
    let (high, low16) = (a << 8 | b, c << 8 | d);
    let bits = |bits: u128| IpAddr::from(Ipv6Addr::from_bits(bits));
    vec![
        bits(0xffff << 32 | low),
        bits(low),
        bits(0xffff << 48 | low),
        bits(0x64_ff9b << 96 | low),
        bits(0x64_ff9b_0001 << 80 | low),
        IpAddr::from(Ipv6Addr::new(0x2002, high, low16, 0, 0, 0, 0, 1)),
        IpAddr::from(Ipv6Addr::new(0x2001, 0, high, low16, 0, 0, 0, 1)),
        IpAddr::from(Ipv6Addr::new(0x2001, 0, 0x808, 0x808, 0, 0, !high, !low16)),
        IpAddr::from(Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0x5efe, high, low16)),
    ]
}

fn any_v4_net() -> impl Strategy<Value = Ipv4Net> {
    (any::<u32>(), 0_u8..=32).prop_map(|(addr, prefix)| Ipv4Net::new(addr.into(), prefix).unwrap())
}

fn any_net() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        any_v4_net().prop_map(IpNet::from),
        (any::<u128>(), 0_u8..=128).prop_map(|(addr, prefix)| IpNet::new(
            Ipv6Addr::from(addr).into(),
            prefix
        )
        .unwrap()),
    ]
}

proptest! {
    #[test]
    fn deny_wins_for_nets(
        denied in any_v4_net(),
        allowed in proptest::collection::vec(any_net(), 0..4),
        pick: u32,
    ) {
        // Some address inside the denied net, however it is dressed.
        let inside = Ipv4Addr::from(denied.network().to_bits() | (pick & denied.hostmask().to_bits()));
        let mut builder = test_scope().deny_net(denied).allow_net(denied);
        for net in allowed {
            builder = builder.allow_net(net);
        }
        let scope = builder.build().unwrap();
        prop_assert!(scope.admit_ip(inside.into()).is_err());
        prop_assert!(!admits_via_name(&scope, inside.into()));
        for outer in disguises(inside) {
            prop_assert!(!admits_via_name(&scope, outer), "{}", outer);
        }
    }

    #[test]
    fn nets_that_reach_beyond_a_reserved_range_do_not_open_it(
        range in proptest::sample::select(reserved_ranges()),
        up in 1_u8..=32,
        pick: u128,
    ) {
        let prefix = range.net.prefix_len().saturating_sub(up);
        let wider = IpNet::new(range.net.addr(), prefix).unwrap().trunc();
        let scope = test_scope().allow_net(wider).build().unwrap();
        let inside = match range.net {
            IpNet::V4(net) => IpAddr::from(Ipv4Addr::from_bits(
                net.network().to_bits() | (pick as u32 & net.hostmask().to_bits()),
            )),
            IpNet::V6(net) => IpAddr::from(Ipv6Addr::from_bits(
                net.network().to_bits() | (pick & net.hostmask().to_bits()),
            )),
        };
        prop_assert!(!admits_via_name(&scope, inside), "{} via {}", inside, wider);
    }

    #[test]
    fn deny_wins_for_names(labels in proptest::collection::vec("[a-z]{1,3}", 1..5), cut: usize) {
        let name = labels.join(".");
        let denied = labels[cut % labels.len()..].join(".");
        let scope = Scope::builder()
            .any_domain()
            .allow_domain(&name)
            .deny_domain(&denied)
            .build()
            .unwrap();
        prop_assert!(scope.admit_name(&name).is_err());
        let under = format!("x.{name}");
        prop_assert!(scope.admit_name(&under).is_err());
        let beside = format!("x{denied}");
        prop_assert!(scope.admit_name(&beside).is_ok());
    }

    #[test]
    fn a_name_is_its_own_normal_form(input in ".{0,40}") {
        if let Ok(name) = Name::parse(&input) {
            prop_assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
            prop_assert!(name.as_str().parse::<IpAddr>().is_err());
        }
    }

    #[test]
    fn any_bytes_are_a_scope_or_an_error(bytes: Vec<u8>) {
        if let Ok(spec) = ScopeSpec::from_json(&bytes) {
            let _ = Scope::try_from(spec);
        }
    }
}
