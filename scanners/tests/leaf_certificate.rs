//! Certificates, made well and badly.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DnType, KeyPair, SanType, SerialNumber};
use sortie_scanners::scope::Name;
use sortie_scanners::tls::{InvalidCertificate, LeafCertificate};

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params
}

fn der(params: &CertificateParams) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn leaf(params: &CertificateParams) -> LeafCertificate {
    LeafCertificate::parse(&der(params)).unwrap()
}

fn dns(names: &[&str]) -> Vec<SanType> {
    let san = |name: &&str| SanType::DnsName(Ia5String::try_from(*name).unwrap());
    names.iter().map(san).collect()
}

#[test]
fn names_are_normalised_and_sorted_and_the_others_counted() {
    let mut params = params();
    params.subject_alt_names = dns(&[
        "WWW.Example.com.",
        "*.example.com",
        "www.example.com",
        "two words",
        "*",
        "a..b",
        "10.0.0.1",
        "",
    ]);
    params
        .subject_alt_names
        .push(SanType::IpAddress("2001:db8::1".parse().unwrap()));
    let mail = Ia5String::try_from("mail@example.com").unwrap();
    params.subject_alt_names.push(SanType::Rfc822Name(mail));
    let leaf = leaf(&params);
    assert_eq!(
        leaf.names,
        ["*.example.com", "2001:db8::1", "www.example.com"]
    );
    assert_eq!(leaf.names_left_out, 5);
}

#[test]
fn the_common_name_counts_where_there_is_no_list() {
    let mut params = params();
    params
        .distinguished_name
        .push(DnType::CommonName, "Host.Example.com");
    assert_eq!(leaf(&params).names, ["host.example.com"]);
    params
        .distinguished_name
        .push(DnType::CommonName, "Somebody Else");
    let person = leaf(&params);
    assert_eq!((person.names.len(), person.names_left_out), (0, 0));
    assert_eq!(person.subject.as_deref(), Some("Somebody Else"));
    params.subject_alt_names = dns(&["no name"]);
    params
        .distinguished_name
        .push(DnType::CommonName, "host.example.com");
    assert!(leaf(&params).names.is_empty());
}

#[test]
fn at_most_two_thousand_names_are_kept() {
    let mut params = params();
    let names: Vec<_> = (0..2500).map(|n| format!("n{n}.example")).collect();
    params.subject_alt_names = dns(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let leaf = leaf(&params);
    assert_eq!((leaf.names.len(), leaf.names_left_out), (2000, 500));
}

#[test]
fn text_from_outside_is_tidied_and_bounded() {
    let mut params = params();
    let hostile = format!("evil\x1b[31m\u{202e}\n name{}", "x".repeat(5000));
    params
        .distinguished_name
        .push(DnType::CommonName, hostile.as_str());
    let leaf = leaf(&params);
    let subject = leaf.subject.unwrap();
    assert!(subject.starts_with("evil[31m namexx"), "{subject}");
    assert_eq!(subject.chars().count(), 512);
    let issuer = leaf.issuer.unwrap();
    assert!(issuer.starts_with("CN=evil"), "{issuer}");
    assert_eq!(issuer.chars().count(), 512);
}

#[test]
fn serials_have_no_leading_zeros_and_dates_are_milliseconds() {
    let mut params = params();
    params.serial_number = Some(SerialNumber::from_slice(&[0, 0x0a, 0xbc]));
    params.not_before = rcgen::date_time_ymd(1969, 12, 31);
    params.not_after = rcgen::date_time_ymd(2050, 1, 1);
    let leaf = leaf(&params);
    assert_eq!(leaf.serial, "abc");
    assert_eq!(leaf.not_before_ms, -86_400_000);
    assert_eq!(leaf.not_after_ms, 2_524_608_000_000);
}

#[test]
fn what_is_too_long_is_not_looked_at() {
    let long = vec![0x30; 64 * 1024 + 1];
    let refused = LeafCertificate::parse(&long);
    assert_eq!(
        refused,
        Err(InvalidCertificate::TooLong { len: long.len() })
    );
}

/// What holds of any certificate.
fn check(der: &[u8]) {
    let Ok(leaf) = LeafCertificate::parse(der) else {
        return;
    };
    assert!(leaf.names.len() <= 2000 && leaf.names.is_sorted());
    for name in &leaf.names {
        let host = name.strip_prefix("*.").unwrap_or(name);
        assert!(Name::parse(host).is_ok() || name.parse::<std::net::IpAddr>().is_ok());
    }
    assert_eq!(leaf.sha256.len(), 64);
    assert!((1..=128).contains(&leaf.serial.len()));
    for text in [&leaf.issuer, &leaf.subject].into_iter().flatten() {
        assert!(text.chars().count() <= 512 && !text.chars().any(char::is_control));
    }
}

proptest! {
    #[test]
    fn a_damaged_certificate_breaks_nothing(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let mut params = params();
            params.subject_alt_names = dns(&["a.example", "*.b.example"]);
            params.subject_alt_names.push(SanType::IpAddress([192, 0, 2, 1].into()));
            params.distinguished_name.push(DnType::CommonName, "a.example");
            params.distinguished_name.push(DnType::OrganizationName, "Büro");
            der(&params)
        });
        let mut bytes = WHOLE.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        check(&bytes);
    }

    #[test]
    fn noise_breaks_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }
}
