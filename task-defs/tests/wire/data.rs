use serde_json::json;
use sortie_task_defs::data::{
    Compression, Condition, Count, Distinct, FileSummary, Filter, FilterByMembership,
    FilterByScope, Group, GroupBy, Groups, InsertData, Merge, Order, Part, Partition, RowCount,
    Sample, Side, Split, ToFile, TopN,
};

use crate::at;

#[test]
fn rows_counts_and_groups() {
    let rows = vec![json!({"domain": "example.com"}), json!(7)];
    golden!("data.insert", InsertData { rows });
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
    golden!(
        "data.filter",
        Filter {
            from: "scan".to_owned(),
            keep
        }
    );
    golden!(
        "data.count",
        Count {
            from: "scan".to_owned()
        }
    );
    golden!("data.count.output", RowCount { rows: 3 });
    golden!(
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
    golden!(
        "data.group_by.output",
        Groups {
            rows: 3,
            missing: 1,
            groups
        }
    );
}

#[test]
fn filters() {
    let from = || "scan".to_owned();
    let scope = serde_json::from_value(json!({"allow_domains": ["example.com"]})).unwrap();
    let by_scope = |keep, scope| FilterByScope {
        from: from(),
        at: at("/domain"),
        keep,
        scope,
    };
    let by_scope = [by_scope(Side::In, Some(scope)), by_scope(Side::Out, None)];
    golden!("data.filter_by_scope", by_scope);
    let membership = FilterByMembership {
        from: from(),
        at: at("/domain"),
        keep: Side::Out,
        among: "yesterday".to_owned(),
        among_at: at("/name"),
    };
    golden!("data.filter_by_membership", membership);
    let by = vec![at("/domain"), at("/port")];
    golden!("data.distinct", Distinct { from: from(), by });
    let merge = |by| Merge {
        from: vec![from(), "others".to_owned()],
        by,
    };
    golden!("data.merge", [merge(None), merge(Some(vec![at("/a")]))]);
    let sample = Sample {
        from: from(),
        rows: 1000,
        seed: 40,
    };
    golden!("data.sample", sample);
    let partition = |by| Partition { from: from(), by };
    let hash = Split::Hash {
        at: at("/domain"),
        parts: 16,
    };
    let partitions = [partition(Split::Chunks { rows: 1000 }), partition(hash)];
    golden!("data.partition", partitions);
    let part = Part {
        part: 3,
        rows: vec![json!({"domain": "example.com"})],
    };
    golden!("data.partition.row", part);
    let top = |order| TopN {
        from: from(),
        by: at("/rows"),
        rows: 20,
        order,
    };
    golden!("data.top_n", [top(Order::Largest), top(Order::Smallest)]);
}

#[test]
fn files() {
    let to = |compression| ToFile {
        from: "scan".to_owned(),
        name: "out.ndjson".parse().unwrap(),
        compression,
    };
    let forms = [Compression::None, Compression::Gzip, Compression::Zstd];
    golden!("data.to_file", forms.map(to));
    let summary = FileSummary {
        rows: 3,
        bytes: 10,
        text_bytes: 100,
        path: "/srv/out.ndjson".into(),
    };
    golden!("data.to_file.output", summary);
}

#[cfg(feature = "expressions")]
#[test]
fn expressions() {
    use sortie_task_defs::data::FilterByExpression;

    let filter = FilterByExpression {
        from: "scan".to_owned(),
        keep: "row.rules > 10".parse().unwrap(),
    };
    golden!("data.filter_by_expression", filter);
}
