//! Lists as people have them.

use std::collections::BTreeMap;

use lab::Behaviour;

use crate::support::{Place, alone, run};

/// Names that resemble real ones, of sites that do not cost a scan its whole deadline.
fn plausible(n: usize) -> Vec<String> {
    let words = ["shop", "news", "blog", "mail", "cloud", "bank", "wiki"];
    let ends = ["com", "org", "co.uk", "de", "com.br", "io"];
    (0..)
        .map(|i| {
            let (word, end) = (words[i % words.len()], ends[i / 7 % ends.len()]);
            format!("{word}-{i}.{end}")
        })
        .filter(|name| !Behaviour::of(name).is_slow())
        .take(n)
        .collect()
}

#[test]
fn a_list_with_all_that_lists_have() {
    let _alone = alone();
    let place = Place::new();
    let names = plausible(200);
    let too_long = format!("{}.example", "a".repeat(64));
    let malformed = [
        "no name",
        "two..dots.example",
        "under score.example",
        &too_long,
        "*.example.com",
        "http://www.example.com/robots.txt",
        "%00.example",
        "192.0.2.1:80",
    ];
    let mut list = String::from("\u{feff}# the list\r\n\r\n");
    for (rank, name) in names.iter().enumerate() {
        match rank % 4 {
            0 => list.push_str(&format!("{},{name}\n", rank + 1)),
            1 => list.push_str(&format!("  {name}.  \r\n")),
            2 => list.push_str(&format!("{}\n\n", name.to_uppercase())),
            _ => list.push_str(&format!("{name}\n# {name}\n")),
        }
    }
    // The first ten again, in other spellings.
    for name in &names[..10] {
        list.push_str(&format!("99,{}.\n", name.to_uppercase()));
    }
    // Three ways to write one name, and another script.
    list.push_str("bücher.example\nBÜCHER.example\nxn--bcher-kva.example\nпример.испытание\n");
    list.push_str(&malformed.join("\n"));
    place.write("list", &list);

    let ended = run(&mut place.robots(["--domains", "list", "--lab", "--json"]));
    let report = ended.good();
    let targets = names.len() + 2 + malformed.len();
    assert_eq!(report["targets"], targets);
    assert_eq!(report["outcomes"]["invalid_name"], malformed.len());
    let said = format!(
        "scanning {targets} names ({} malformed, 12 duplicates left out)",
        malformed.len()
    );
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);

    let records: BTreeMap<String, _> = place
        .records()
        .into_iter()
        .map(|record| (record.domain.clone(), record))
        .collect();
    assert_eq!(records.len(), targets);
    for name in names.iter().map(String::as_str) {
        assert_ne!(records[name].outcome.as_str(), "invalid_name", "{name}");
    }
    for idn in ["xn--bcher-kva.example", "xn--e1afmkfd.xn--80akhbyknj4f"] {
        assert_ne!(records[idn].outcome.as_str(), "invalid_name", "{idn}");
    }
    for name in malformed {
        assert_eq!(records[name].outcome.as_str(), "invalid_name", "{name}");
        assert!(records[name].hops.is_empty(), "{name} was asked for");
    }
}
