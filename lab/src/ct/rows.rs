//! The certificates of a domain, and the names that are in them.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::name::{self, SUFFIX};

/// How many of the generated names have certificates.
const GENERATED: u64 = 100;
/// Hosts that a domain of no lab may have; which of them is drawn.
const HOSTS: [&str; 10] = [
    "www",
    "cdn",
    "api",
    "dev",
    "mail",
    "shop",
    "vpn",
    "static",
    "a.b.c",
    "staging.api",
];
const ISSUER: &str = "C=XX, O=The lab, CN=The lab's certificate authority";

/// A row, with the fields that crt.sh has.
#[derive(Serialize)]
pub(super) struct Row {
    issuer_ca_id: u64,
    issuer_name: Option<&'static str>,
    common_name: Option<String>,
    name_value: String,
    id: u64,
    entry_timestamp: Option<String>,
    not_before: String,
    not_after: String,
    serial_number: String,
    result_count: u64,
}

/// The names under `domain` that the lab's certificate transparency search knows, sorted: without
/// `*.`, in lower case, each once, and nothing that is no name or lies elsewhere. A search for
/// [`SUFFIX`] knows the first hundred generated names; any other has some hosts drawn for it. None
/// if `domain` is no name.
///
/// ```
/// let names = sortie_lab::ct_names("example.test");
/// assert!(names.contains(&"example.test".to_owned()));
/// assert!(names.contains(&"wild.example.test".to_owned()));
/// assert_eq!(sortie_lab::ct_names("lab.test").len(), 102);
/// assert!(sortie_lab::ct_names("no name").is_empty());
/// ```
pub fn ct_names(domain: &str) -> Vec<String> {
    let Some(domain) = normalised(domain) else {
        return Vec::new();
    };
    let mut names: BTreeSet<String> = good(&domain).into_iter().collect();
    // Known by a wildcard only.
    names.insert(format!("wild.{domain}"));
    names.into_iter().collect()
}

/// All rows, good and bad; none if `domain` is no name.
pub(super) fn rows(domain: &str) -> Vec<Row> {
    let Some(domain) = normalised(domain) else {
        return Vec::new();
    };
    let seed = name::site_hash(&domain);
    let mut rows = Vec::new();
    let good = good(&domain);
    let mut left = good.as_slice();
    while let Some((first, _)) = left.split_first() {
        let id = rows.len() as u64;
        let drawn = name::mix(seed.wrapping_add(id));
        let (names, rest) = left.split_at(left.len().min(1 + (drawn % 4) as usize));
        left = rest;
        let mut value = names.join("\n");
        if drawn.is_multiple_of(5) {
            value = odd_writing(first, &value);
        }
        rows.push(row(id, drawn, first.clone(), value.clone()));
        if drawn.is_multiple_of(7) {
            // The certificate and its precertificate.
            rows.push(row(id, drawn, first.clone(), value));
        }
    }
    for value in bad(&domain) {
        let id = rows.len() as u64;
        let drawn = name::mix(seed.wrapping_add(id));
        rows.push(row(id, drawn, value.clone(), value));
    }
    if let Some(last) = rows.last_mut() {
        last.issuer_name = None;
        last.common_name = None;
        last.entry_timestamp = None;
        last.not_before = "0001-01-01T00:00:00".to_owned();
        last.not_after = "when hell freezes over".to_owned();
    }
    rows
}

fn normalised(domain: &str) -> Option<String> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    // Room for the longest host in front of it.
    let fits = domain.len() <= 200 && domain.contains('.') && name::is_valid(domain);
    fits.then(|| domain.to_ascii_lowercase())
}

/// The names that a reader should find, apart from those behind a wildcard.
fn good(domain: &str) -> Vec<String> {
    let mut names = vec![domain.to_owned()];
    if domain == SUFFIX {
        names.extend(name::names(0..GENERATED));
        return names;
    }
    let drawn = name::site_hash(domain);
    let has = |n: usize| (drawn >> n) & 1 == 1;
    let hosts = HOSTS.iter().enumerate().filter(|(n, _)| *n == 0 || has(*n));
    names.extend(hosts.map(|(_, host)| format!("{host}.{domain}")));
    names
}

/// The same names in a writing that means the same.
fn odd_writing(first: &str, value: &str) -> String {
    format!("\n  {}.\t\n{value}\n", first.to_ascii_uppercase())
}

/// Values that bring nothing, or what stands behind a `*.`.
fn bad(domain: &str) -> Vec<String> {
    vec![
        format!("*.wild.{domain}\nhostmaster@{domain}"),
        format!("\"Web Master\" <web@{domain}>"),
        format!("<script>alert('{domain}')</script>"),
        // Others' names, some of which only look as if they lay under the domain.
        format!("bad{domain}\n{domain}.elsewhere.test\nelsewhere.test"),
        "127.0.0.1\n::1\nhttp://127.0.0.1/\nlocalhost".to_owned(),
        format!("*.*.{domain}\n*\n.{domain}\n..\n-.{domain}"),
        format!("nul\u{0}.{domain}\nline\u{2028}.{domain}\ntwo words.{domain}"),
        format!("{}.{domain}", "label".repeat(60)),
        format!("{}\n'; DROP TABLE domains; --", " ".repeat(3000)),
        String::new(),
    ]
}

fn row(id: u64, drawn: u64, common_name: String, name_value: String) -> Row {
    let (month, day) = (1 + drawn % 12, 1 + (drawn >> 8) % 28);
    Row {
        issuer_ca_id: 77,
        issuer_name: Some(ISSUER),
        common_name: Some(common_name),
        name_value,
        id: 1_000_000 + id,
        entry_timestamp: Some(format!("2025-{month:02}-{day:02}T01:02:03.456")),
        not_before: format!("2025-{month:02}-{day:02}T00:00:00"),
        not_after: format!("2035-{month:02}-{day:02}T23:59:59"),
        serial_number: format!("00{drawn:016x}"),
        result_count: 2,
    }
}
