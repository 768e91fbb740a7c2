//! Lookups against a name server on loopback.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::op::ResponseCode;
use sortie_scanners::http::Tls;
use sortie_scanners::http::robots::{RobotsConfig, RobotsFetcher, RobotsOutcome as Outcome};
use sortie_scanners::resolve::{
    AddressFamily, Answers, DnsOutcome, DnsRecord, ResolveError, Resolver, ResolverOptions,
};
use sortie_scanners::scope::{Name, Scope};

use crate::support::dns::{NameServer, Says, serve_dns};
use crate::support::{Reply, http_config, in_time, lab_scope, serve};

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn resolver(server: &NameServer) -> Resolver {
    let options = ResolverOptions {
        timeout: Duration::from_millis(500),
        retries: 0,
        max_addresses: 4,
        ..ResolverOptions::default()
    };
    Resolver::at_with(server.addr, &options).unwrap()
}

async fn lookup(says: Says) -> Result<Answers, ResolveError> {
    let server = serve_dns([("a.test", says)]).await;
    let scope = Scope::builder().allow_domain("test").build().unwrap();
    let name = scope.admit_name("a.test").unwrap();
    in_time(resolver(&server).resolve(&scope, &name)).await
}

#[tokio::test]
async fn addresses_are_admitted_one_by_one() {
    let addrs = ips(&[
        "93.184.216.34",
        "10.0.0.1",
        "93.184.216.34",
        "169.254.169.254",
    ]);
    let answers = lookup(Says::Addrs(addrs)).await.unwrap();
    let found: Vec<_> = answers.addrs.iter().map(|addr| *addr.get()).collect();
    assert_eq!(found, ips(&["93.184.216.34"]));
    assert_eq!((answers.refused, answers.cut), (2, false));
}

#[tokio::test]
async fn aliases_are_followed_and_ipv6_is_the_second_choice() {
    let answers = lookup(Says::Alias("cdn.example", ips(&["93.184.216.34"])))
        .await
        .unwrap();
    assert_eq!(answers.addrs.len(), 1);
    let answers = lookup(Says::Addrs(ips(&["2606:4700::1111"])))
        .await
        .unwrap();
    assert_eq!(answers.addrs[0].get(), &ips(&["2606:4700::1111"])[0]);
    let both = ips(&["2606:4700::1111", "93.184.216.34"]);
    let answers = lookup(Says::Addrs(both)).await.unwrap();
    assert!(answers.addrs[0].get().is_ipv4() && answers.addrs.len() == 1);
}

#[tokio::test]
async fn answers_are_bounded() {
    let many = (1..=9).map(|n| IpAddr::from([93, 184, 216, n])).collect();
    let answers = lookup(Says::Addrs(many)).await.unwrap();
    assert_eq!((answers.addrs.len(), answers.cut), (4, true));
}

#[tokio::test]
async fn failures_are_told_apart() {
    let refused = lookup(Says::Addrs(ips(&["127.0.0.1", "10.1.2.3"]))).await;
    assert!(
        matches!(refused, Err(ResolveError::OutOfScope { refused: 2, .. })),
        "{refused:?}"
    );
    let missing = lookup(Says::Code(ResponseCode::NXDomain)).await;
    assert!(
        matches!(missing, Err(ResolveError::NoSuchName)),
        "{missing:?}"
    );
    let no_data = lookup(Says::Addrs(Vec::new())).await;
    assert!(
        matches!(no_data, Err(ResolveError::NoSuchName)),
        "{no_data:?}"
    );
    let failed = lookup(Says::Code(ResponseCode::ServFail)).await;
    assert!(matches!(failed, Err(ResolveError::Server(_))), "{failed:?}");
    let refused = lookup(Says::Code(ResponseCode::Refused)).await;
    assert!(
        matches!(refused, Err(ResolveError::Server(_))),
        "{refused:?}"
    );
    let silent = lookup(Says::Nothing).await;
    assert!(matches!(silent, Err(ResolveError::Timeout)), "{silent:?}");
}

async fn recorded(says: Says) -> DnsRecord {
    recorded_of([("a.test", says)], AddressFamily::default()).await
}

/// What is found of `a.test`.
async fn recorded_of(
    zone: impl IntoIterator<Item = (&'static str, Says)>,
    family: AddressFamily,
) -> DnsRecord {
    let server = serve_dns(zone).await;
    let scope = Scope::builder().allow_domain("test").build().unwrap();
    let name = scope.admit_name("a.test").unwrap();
    let resolver = resolver(&server).with_family(family);
    in_time(resolver.lookup(&scope, &name)).await
}

fn names(names: &[Name]) -> Vec<&str> {
    names.iter().map(Name::as_str).collect()
}

#[tokio::test]
async fn a_record_tells_what_the_dns_says() {
    let addrs = ips(&["93.184.216.34", "10.0.0.1", "93.184.216.34"]);
    let found = recorded(Says::Alias("cdn.example", addrs)).await;
    assert_eq!(found.outcome, DnsOutcome::Found);
    assert_eq!(found.addresses, ips(&["93.184.216.34"]));
    assert_eq!((found.refused, found.cut), (1, false));
    assert_eq!(names(&found.aliases), ["cdn.example"]);
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<DnsRecord>(&json).unwrap(), found);

    let plain = recorded(Says::Addrs(ips(&["2606:4700::1111"]))).await;
    assert_eq!(plain.outcome, DnsOutcome::Found);
    assert!(plain.aliases.is_empty());
}

#[tokio::test]
async fn a_record_has_one_class_for_each_failure() {
    let refused = ips(&["127.0.0.1", "10.1.2.3"]);
    for (says, expected, explained) in [
        (Says::Addrs(refused), DnsOutcome::OutOfScope, true),
        (
            Says::Code(ResponseCode::NXDomain),
            DnsOutcome::NoSuchName,
            false,
        ),
        (Says::Addrs(Vec::new()), DnsOutcome::NoData, false),
        (
            Says::Code(ResponseCode::ServFail),
            DnsOutcome::ServerFailure,
            true,
        ),
        (
            Says::Code(ResponseCode::Refused),
            DnsOutcome::ServerFailure,
            true,
        ),
        (Says::Nothing, DnsOutcome::Timeout, false),
    ] {
        let record = recorded(says).await;
        assert_eq!(record.outcome, expected, "{record:?}");
        assert_eq!(record.detail.is_some(), explained, "{record:?}");
        assert!(record.addresses.is_empty() && record.aliases.is_empty());
        let out_of_scope = expected == DnsOutcome::OutOfScope;
        assert_eq!(record.refused, if out_of_scope { 2 } else { 0 });
    }
}

const V4: &str = "93.184.216.34";
const V6: &str = "2606:4700::1111";

#[tokio::test]
async fn the_addresses_of_both_versions_are_found_if_both_are_asked_for() {
    let dual = || [("a.test", Says::Addrs(ips(&[V6, V4])))];
    for (family, expected) in [
        (AddressFamily::Both, ips(&[V4, V6])),
        (AddressFamily::V4, ips(&[V4])),
        (AddressFamily::V6, ips(&[V6])),
        (AddressFamily::V4ThenV6, ips(&[V4])),
    ] {
        let record = recorded_of(dual(), family).await;
        assert_eq!(record.outcome, DnsOutcome::Found, "{family:?}");
        assert_eq!(
            (record.addresses, record.partial),
            (expected, false),
            "{family:?}"
        );
    }
    let only_v4 = [("a.test", Says::Addrs(ips(&[V4])))];
    let record = recorded_of(only_v4, AddressFamily::V6).await;
    assert_eq!(record.outcome, DnsOutcome::NoData, "{record:?}");
}

#[tokio::test]
async fn addresses_of_one_version_stand_and_say_that_the_other_was_not_heard_of() {
    for (v6, because) in [
        (Says::Nothing, "AAAA: no answer"),
        (
            Says::Code(ResponseCode::ServFail),
            "AAAA: the name server failed",
        ),
    ] {
        let says = Says::ForV6(Box::new(v6), Box::new(Says::Addrs(ips(&[V4]))));
        let record = recorded_of([("a.test", says)], AddressFamily::Both).await;
        assert_eq!(record.outcome, DnsOutcome::Found, "{record:?}");
        assert_eq!((&record.addresses, record.partial), (&ips(&[V4]), true));
        let detail = record.detail.unwrap();
        assert!(detail.starts_with(because), "{detail}");
    }
    // Whether it has an address at all is not known, then.
    let says = Says::ForV6(Box::new(Says::Nothing), Box::new(Says::Addrs(Vec::new())));
    let record = recorded_of([("a.test", says)], AddressFamily::Both).await;
    assert_eq!(record.outcome, DnsOutcome::Timeout, "{record:?}");
}

#[tokio::test]
async fn an_alias_of_nothing_is_told_from_a_name_that_does_not_exist() {
    let families = [
        AddressFamily::V4ThenV6,
        AddressFamily::V4,
        AddressFamily::V6,
        AddressFamily::Both,
    ];
    for family in families {
        let zone = [
            ("a.test", Says::Dangling("b.test")),
            ("b.test", Says::Dangling("c.cloud.example")),
        ];
        let record = recorded_of(zone, family).await;
        assert_eq!(
            record.outcome,
            DnsOutcome::Dangling,
            "{family:?}: {record:?}"
        );
        assert_eq!(names(&record.aliases), ["b.test", "c.cloud.example"]);
        assert_eq!(
            record.detail.as_deref(),
            Some("c.cloud.example does not exist")
        );
        let none = recorded_of([], family).await;
        assert_eq!(none.outcome, DnsOutcome::NoSuchName, "{family:?}");
        assert!(none.aliases.is_empty());
    }
    // For who goes on to connect it is the same.
    let gone = lookup(Says::Dangling("c.cloud.example")).await;
    assert!(matches!(gone, Err(ResolveError::NoSuchName)), "{gone:?}");
}

#[tokio::test]
async fn an_alias_of_nothing_is_known_only_if_its_aliases_are() {
    for (alias, expected) in [
        (Says::Nothing, DnsOutcome::Timeout),
        (
            Says::Code(ResponseCode::ServFail),
            DnsOutcome::ServerFailure,
        ),
    ] {
        let dangling = Says::Dangling("c.cloud.example");
        let says = Says::ForAlias(Box::new(alias), Box::new(dangling));
        let record = recorded_of([("a.test", says)], AddressFamily::Both).await;
        assert_eq!(record.outcome, expected, "{record:?}");
        assert!(record.aliases.is_empty(), "{record:?}");
    }
}

#[tokio::test]
async fn of_many_aliases_the_first_and_the_last_are_told() {
    let chain: Vec<String> = (0..20).map(|n| format!("n{n}.test")).collect();
    let record = recorded_of(
        [("a.test", Says::Chain(chain.clone()))],
        AddressFamily::Both,
    );
    let record = record.await;
    assert_eq!(record.outcome, DnsOutcome::Dangling, "{record:?}");
    let mut expected: Vec<&str> = chain[..15].iter().map(String::as_str).collect();
    expected.push("n19.test");
    assert_eq!(names(&record.aliases), expected);
}

#[tokio::test]
async fn a_name_is_not_gone_because_a_server_that_knows_no_ipv6_says_so() {
    for (others, expected) in [
        (Says::Nothing, DnsOutcome::Timeout),
        (
            Says::Code(ResponseCode::ServFail),
            DnsOutcome::ServerFailure,
        ),
    ] {
        let gone = Says::Code(ResponseCode::NXDomain);
        let says = Says::ForV6(Box::new(gone), Box::new(others));
        let record = recorded_of([("a.test", says)], AddressFamily::Both).await;
        assert_eq!(record.outcome, expected, "{record:?}");
    }
    // That it has no address of IPv4 says that it exists.
    for family in [AddressFamily::Both, AddressFamily::V4ThenV6] {
        let gone = Says::Code(ResponseCode::NXDomain);
        let no_data = Says::Addrs(Vec::new());
        let says = Says::ForV6(Box::new(gone), Box::new(no_data));
        let record = recorded_of([("a.test", says)], family).await;
        assert_eq!(record.outcome, DnsOutcome::NoData, "{family:?}: {record:?}");
    }
}

#[tokio::test]
async fn an_alias_of_a_name_without_addresses_keeps_its_aliases() {
    let zone = [
        ("a.test", Says::Alias("b.test", Vec::new())),
        ("b.test", Says::Addrs(Vec::new())),
    ];
    let record = recorded_of(zone, AddressFamily::Both).await;
    assert_eq!(record.outcome, DnsOutcome::NoData);
    assert_eq!(names(&record.aliases), ["b.test"]);
}

#[tokio::test]
async fn aliases_that_go_in_a_circle_are_a_failure_of_the_server() {
    let zone = [
        ("a.test", Says::Alias("b.test", Vec::new())),
        ("b.test", Says::Alias("c.test", Vec::new())),
        ("c.test", Says::Alias("a.test", Vec::new())),
    ];
    let record = recorded_of(zone, AddressFamily::Both).await;
    assert_eq!(record.outcome, DnsOutcome::ServerFailure, "{record:?}");
    assert!(record.detail.unwrap().contains("leads back to itself"));
}

#[tokio::test]
async fn hundreds_of_lookups_at_once() {
    let server = serve_dns([("a.test", Says::Addrs(ips(&["93.184.216.34"])))]).await;
    let scope = Scope::builder().allow_domain("test").build().unwrap();
    let options = ResolverOptions {
        timeout: Duration::from_secs(10),
        ..Default::default()
    };
    let resolver = Resolver::at_with(server.addr, &options).unwrap();
    let lookups = (0..500).map(|n| {
        let name = scope.admit_name(&format!("n{n}.test")).unwrap();
        let (resolver, scope) = (&resolver, &scope);
        async move { resolver.resolve(scope, &name).await }
    });
    let results = in_time(join_all(lookups)).await;
    let missing = |result: &Result<_, _>| matches!(result, Err(ResolveError::NoSuchName));
    assert_eq!(results.iter().filter(|result| missing(result)).count(), 500);
    assert!(server.queries() >= 500);
}

#[tokio::test]
async fn the_fetcher_turns_dns_failures_into_outcomes() {
    let web = serve(|_| Reply::text("User-agent: *")).await;
    let dns = serve_dns([
        ("good.test", Says::Addrs(ips(&["127.0.0.1"]))),
        ("denied.test", Says::Addrs(ips(&["10.0.0.1", "127.0.0.3"]))),
        ("mixed.test", Says::Addrs(ips(&["10.0.0.1", "127.0.0.1"]))),
        ("broken.test", Says::Code(ResponseCode::ServFail)),
        ("silent.test", Says::Nothing),
    ])
    .await;
    let config: RobotsConfig = http_config(web.port());
    let scope = lab_scope().build().unwrap();
    let fetcher = RobotsFetcher::new(config, scope, resolver(&dns), Tls::observing().unwrap());
    for (name, expected) in [
        ("good.test", Outcome::Rules),
        ("mixed.test", Outcome::Rules),
        ("denied.test", Outcome::OutOfScope),
        ("none.test", Outcome::NoSuchName),
        ("broken.test", Outcome::DnsError),
        ("silent.test", Outcome::DnsError),
    ] {
        let record = in_time(fetcher.fetch(name)).await;
        assert_eq!(record.outcome, expected, "{name}: {record:?}");
    }
}
