//! The truth of a name never changes: records of scans are compared with it years later.

use sortie_lab::{Behaviour, Mix, Truth, names};

#[test]
fn the_truth_of_these_names_has_not_drifted() {
    let mut table = String::new();
    let real = [
        "example.com",
        "www.example.com",
        "rust-lang.org",
        "bbc.co.uk",
        "x.lab.test",
    ];
    for name in real.into_iter().map(str::to_owned).chain(names(0..20)) {
        let t = Truth::of(&name);
        let body = t
            .body
            .map(|b| format!("{} {}", b.len, &b.sha256[..12]))
            .unwrap_or_default();
        let line = format!(
            "{name} {} {} {:?} {} {body}",
            t.behaviour, t.outcome, t.status, t.hops
        );
        table.push_str(line.trim_end());
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

#[test]
fn one_number_stands_for_the_truth_of_ten_thousand_names() {
    // FNV-1a over every truth: any drift in names, draws or bodies shows.
    let sum = names(0..10_000)
        .flat_map(|name| serde_json::to_vec(&Truth::of(&name)).unwrap())
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
        });
    insta::assert_snapshot!(format!("{sum:016x}"));
}

#[test]
fn a_behaviour_needs_no_lab() {
    assert_eq!(
        Behaviour::of("www.example.com"),
        Behaviour::of("example.com")
    );
    assert_eq!(
        Truth::in_mix("a.b", &Mix::only(Behaviour::NxDomain)).outcome,
        "no_such_name"
    );
}
