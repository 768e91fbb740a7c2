//! The wire form of every stock definition and of what it returns. A changed snapshot is a
//! conscious act: messages of the old form may be under way, so raise `VERSION` and write an
//! `upgrade`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use insta::assert_json_snapshot;
use serde_json::json;
use sortie_task_defs::control::{Conditional, Test};
use sortie_task_defs::data::{
    Condition, Count, Filter, Group, GroupBy, Groups, InsertData, Pointer, RowCount,
};

fn at(pointer: &str) -> Pointer {
    pointer.parse().unwrap()
}

#[test]
fn data() {
    let rows = vec![json!({"domain": "example.com"}), json!(7)];
    assert_json_snapshot!("data.insert", InsertData { rows });
    let keep = Condition::AllOf(vec![
        Condition::Exists { at: at("/a") },
        Condition::Equals {
            at: at("/a"),
            value: json!(null),
        },
        Condition::NotEquals {
            at: at("/a"),
            value: json!([1]),
        },
        Condition::Less {
            at: at("/a/0"),
            than: 1.into(),
        },
        Condition::Greater {
            at: at("/a/0"),
            than: serde_json::Number::from_f64(0.5).unwrap(),
        },
        Condition::Contains {
            at: at("/a~1b"),
            value: json!("x"),
        },
        Condition::StartsWith {
            at: at(""),
            text: "x".to_owned(),
        },
        Condition::EndsWith {
            at: at(""),
            text: "y".to_owned(),
        },
        Condition::In {
            at: at("/a"),
            list: vec![json!(1), json!("z")],
        },
        Condition::Not(Box::new(Condition::AnyOf(vec![]))),
    ]);
    assert_json_snapshot!(
        "data.filter",
        Filter {
            from: "scan".to_owned(),
            keep
        }
    );
    assert_json_snapshot!(
        "data.count",
        Count {
            from: "scan".to_owned()
        }
    );
    assert_json_snapshot!("data.count.output", RowCount { rows: 3 });
    assert_json_snapshot!(
        "data.group_by",
        GroupBy {
            from: "scan".to_owned(),
            by: at("/outcome")
        }
    );
    let groups = vec![Group {
        value: json!("rules"),
        rows: 2,
    }];
    assert_json_snapshot!(
        "data.group_by.output",
        Groups {
            rows: 3,
            missing: 1,
            groups
        }
    );
}

#[test]
fn control() {
    let tests = [
        Test::HasRows,
        Test::RowsAtLeast(3),
        Test::AnyRow(Condition::Exists { at: at("") }),
        Test::AllRows(Condition::AllOf(vec![])),
    ];
    let from = || "scan".to_owned();
    let all = tests.map(|holds| Conditional {
        from: from(),
        holds,
    });
    assert_json_snapshot!("control.conditional", all);
}

#[cfg(feature = "robots")]
#[test]
fn robots() {
    use sortie_task_defs::robots::*;
    use task_core::Claim;

    let claim = Claim {
        key: "targets/abc".to_owned(),
        len: 12,
        sha256: "abc".to_owned(),
    };
    // The version of the crate is part of the default.
    let options = RobotsOptions {
        user_agent: "sortie".to_owned(),
        resolver: Some("127.0.0.1:5353".parse().unwrap()),
        ..RobotsOptions::default()
    };
    let generator = |targets| RobotsGenerator {
        targets,
        chunk: 1250,
        seed: 40,
        options: options.clone(),
    };
    assert_json_snapshot!("robots.generate", generator(Targets::Object(claim.clone())));
    let inline = serde_json::to_value(Targets::Inline(vec!["example.com".to_owned()])).unwrap();
    assert_eq!(inline, json!({"inline": ["example.com"]}));
    let minimal = json!({"targets": {"inline": []}});
    let minimal: RobotsGenerator = serde_json::from_value(minimal).unwrap();
    assert_eq!(minimal, Targets::Inline(vec![]).into());

    let counts = TargetCounts {
        lines: 6,
        names: 3,
        malformed: 1,
        duplicates: 1,
        blank: 2,
    };
    let generated = RobotsGenerated {
        targets: counts,
        tasks: 1,
    };
    assert_json_snapshot!("robots.generate.output", generated);

    let names = vec!["example.com".to_owned()];
    assert_json_snapshot!(
        "robots.scan",
        RobotsScan {
            names,
            options: options.clone()
        }
    );
    let record: RobotsRecord = serde_json::from_value(json!({
        "domain": "example.com", "outcome": "soft_404", "bytes_read": 1, "bytes_body": 1, "millis": 1,
    }))
    .unwrap();
    let chunk = RobotsChunk {
        records: vec![record],
        parts: vec![claim],
    };
    assert_json_snapshot!("robots.scan.output", chunk);

    let aggregate = RobotsAggregate {
        from: "scan".to_owned(),
        out: "/srv/robots.gz".into(),
    };
    assert_json_snapshot!("robots.aggregate", aggregate);
    let summary = RobotsSummary {
        records: 3,
        outcomes: [("rules".to_owned(), 3)].into(),
        bytes: 10,
        text_bytes: 100,
        path: "/srv/robots.gz".into(),
    };
    assert_json_snapshot!("robots.aggregate.output", summary);
}
