//! The table of `deploy/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{Statement, folder, statements};

/// A row: | roles | `policy`/`statement` | `action`, … | `resource`, … | why |
struct Row {
    place: (String, String),
    denies: bool,
    actions: BTreeSet<String>,
    resources: BTreeSet<String>,
    why: String,
}

/// The rows that name a statement.
fn rows() -> Vec<Row> {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_matches('|');
        inner
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let code = |cell: &str| -> BTreeSet<String> {
        let odd = cell.split('`').skip(1).step_by(2);
        odd.map(str::to_owned).collect()
    };
    readme
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| {
            let cells = cells(line);
            let [_, place, actions, resources, why] = cells.as_slice() else {
                return None;
            };
            let (policy, sid) = place.trim_matches('`').split_once('/')?;
            Some(Row {
                place: (policy.to_owned(), sid.to_owned()),
                denies: actions.starts_with("not "),
                actions: code(actions),
                resources: code(resources),
                why: why.clone(),
            })
        })
        .collect()
}

#[test]
fn the_table_of_rights_is_what_the_policies_say() {
    let mut said = BTreeMap::new();
    for row in rows() {
        assert!(!row.why.is_empty(), "{:?} has no reason", row.place);
        let statement = (row.denies, row.actions, row.resources);
        let twin = said.insert(row.place.clone(), statement);
        assert!(twin.is_none(), "{:?} has two rows", row.place);
    }
    let are: BTreeMap<_, _> = statements()
        .into_iter()
        .map(|(place, statement)| {
            let Statement {
                effect,
                actions,
                resources,
                ..
            } = statement;
            (place, (effect == "Deny", actions, resources))
        })
        .collect();
    let places = |map: &BTreeMap<(String, String), _>| map.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(places(&said), places(&are), "rows and statements");
    for (place, statement) in are {
        assert_eq!(said[&place], statement, "{place:?}");
    }
}
