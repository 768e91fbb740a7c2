use proptest::prelude::*;

use super::*;
use crate::source::Carrier;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

#[test]
fn names_are_normalised_merged_and_counted_when_they_are_none() {
    let mut found = Findings::default();
    for text in [
        "WWW.Example.com.",
        "*.www.example.com",
        " www.example.com\t",
        "admin@example.com",
        "127.0.0.1",
        "exa mple.com",
        "*",
        "a.*.example.com",
        "",
    ] {
        found.domain(text);
    }
    let records = found.into_records(1, 9, None);
    assert_eq!(
        records.domains,
        [DomainRecord {
            name: name("www.example.com"),
            wildcard: true
        }]
    );
    let dropped: Vec<_> = records
        .dropped
        .iter()
        .map(|(why, n)| (&**why, *n))
        .collect();
    assert_eq!(dropped, [("email", 1), ("not_a_name", 5)]);
}

#[test]
fn what_only_looks_as_if_it_lay_under_the_parent_is_unrelated() {
    let mut found = Findings::default();
    let parent = name("example.com");
    for text in [
        "example.com",
        "a.example.com",
        "badexample.com",
        "example.com.evil.test",
    ] {
        found.domain_under(&parent, text);
    }
    let records = found.into_records(1, 4, None);
    let names: Vec<_> = records
        .domains
        .iter()
        .map(|record| record.name.as_str())
        .collect();
    assert_eq!(names, ["a.example.com", "example.com"]);
    assert_eq!(records.dropped["unrelated"], 2);
}

#[test]
fn certificates_are_told_by_their_hash_or_by_issuer_and_serial() {
    let mut found = Findings::default();
    let of = |serial: &str, issuer: &str| CertificateRecord {
        serial: Some(serial.to_owned()),
        issuer: Some(issuer.to_owned()),
        ..CertificateRecord::default()
    };
    for (serial, issuer) in [
        ("00AB", "x"),
        ("ab", "x"),
        ("0a:b", "x"),
        ("ab", "y"),
        ("", "z"),
        ("0xab", "x"),
    ] {
        found.certificate(of(serial, issuer));
    }
    let hashed = CertificateRecord {
        sha256: Some("AB:".repeat(31) + "AB"),
        names: vec![
            "*.B.example".to_owned(),
            "a.example".to_owned(),
            "no name".to_owned(),
        ],
        subject: Some("a\u{0}b\n".repeat(1000)),
        ..CertificateRecord::default()
    };
    found.certificate(hashed.clone());
    found.certificate(hashed);
    let records = found.into_records(1, 8, None);
    assert_eq!(records.certificates.len(), 3);
    assert_eq!(records.dropped["anonymous_certificate"], 2);
    let last = &records.certificates[2];
    assert_eq!(last.sha256.as_deref(), Some("ab".repeat(32).as_str()));
    assert_eq!(last.names, ["*.b.example", "a.example"]);
    assert_eq!(last.subject.as_ref().unwrap().len(), 512);
}

fn endpoint(port: u16, names: &[&str]) -> EndpointRecord {
    EndpointRecord {
        address: [192, 0, 2, 1].into(),
        port,
        transport: Carrier::Tcp,
        service: Some("HTTP\n".to_owned()),
        product: None,
        version: Some(" ".to_owned()),
        names: names.iter().map(|text| name(text)).collect(),
        certificate: Some("not a hash".to_owned()),
        seen_at: None,
    }
}

#[test]
fn an_endpoint_that_comes_again_brings_its_names() {
    let mut found = Findings::default();
    found.endpoint(endpoint(80, &["b.example"]));
    found.endpoint(endpoint(80, &["a.example", "b.example"]));
    found.endpoint(endpoint(81, &[]));
    let records = found.into_records(1, 3, None);
    assert_eq!(records.endpoints.len(), 2);
    let first = &records.endpoints[0];
    assert_eq!(first.names, [name("a.example"), name("b.example")]);
    assert_eq!(first.service.as_deref(), Some("http"));
    assert_eq!((&first.version, &first.certificate), (&None, &None));
}

#[test]
fn there_is_room_for_as_many_as_were_asked_for_and_for_no_more_than_fits() {
    let mut found = Findings::default();
    assert!(found.is_empty() && !found.is_full(1));
    found.domain("a.example");
    assert!(found.is_full(1) && !found.is_full(2));
    found.bytes = Findings::MAX_BYTES;
    assert!(found.is_full(u32::MAX));
}

proptest! {
    #[test]
    fn writing_out_and_going_on_is_as_if_there_had_been_no_break(
        texts in prop::collection::vec("[ab]{1,2}|\\*\\.[ab]|[ab]@[ab]", 0..20),
        ports in prop::collection::vec(1u16..5, 0..20),
        at in 0usize..20,
    ) {
        let add = |found: &mut Findings, range: &dyn Fn(usize) -> bool| {
            for text in texts.iter().enumerate().filter(|(n, _)| range(*n)).map(|(_, text)| text) {
                found.domain(text);
                found.certificate(CertificateRecord {
                    serial: Some(text.replace(|c| !matches!(c, 'a' | 'b'), "")),
                    ..CertificateRecord::default()
                });
            }
            for port in ports.iter().enumerate().filter(|(n, _)| range(*n)).map(|(_, port)| port) {
                found.endpoint(endpoint(*port, &["c.example"]));
            }
        };
        let mut whole = Findings::default();
        add(&mut whole, &|_| true);
        let mut found = Findings::default();
        add(&mut found, &|n| n < at);
        let text = serde_json::to_string(&found).unwrap();
        let mut found = serde_json::from_str::<Findings>(&text).unwrap().restored();
        add(&mut found, &|n| n >= at);
        prop_assert_eq!(found.into_records(1, 1, None), whole.into_records(1, 1, None));
    }
}
