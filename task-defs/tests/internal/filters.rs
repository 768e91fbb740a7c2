use proptest::prelude::*;
use scanners::scope::ScopeSpec;
use serde_json::{Value, json};
use sortie_task_defs::data::{
    Distinct, FilterByMembership, FilterByScope, Merge, Order, Part, Partition, Pointer, Sample,
    Side, Split, TopN,
};
use task_core::Claim;

use crate::bench::{Setup, over};

pub(crate) fn from() -> String {
    "rows".to_owned()
}

pub(crate) fn at(place: &str) -> Pointer {
    place.parse().unwrap()
}

/// Rows with a number each, and a key of seven.
pub(crate) fn rows(n: u64) -> Vec<Value> {
    (0..n)
        .map(|n| json!({"n": n, "key": format!("k{}", n * n % 11)}))
        .collect()
}

#[cfg(feature = "expressions")]
#[tokio::test]
async fn an_expression_keeps_what_it_holds_for_in_order() {
    use sortie_task_defs::data::FilterByExpression;

    let keep = "row.n % 3 == 0 && row.key != 'k0'".parse().unwrap();
    let ended = over(&FilterByExpression { from: from(), keep }, &rows(1001)).await;
    let kept = |row: &Value| row["n"].as_u64().unwrap().is_multiple_of(3) && row["key"] != "k0";
    let expected: Vec<_> = rows(1001).into_iter().filter(kept).collect();
    assert_eq!((ended.written, ended.complete.data), (expected, None));
    assert_eq!(ended.read, 2 * 1001, "judged, then written");
}

#[cfg(feature = "expressions")]
#[tokio::test]
async fn a_row_without_an_answer_fails_the_filter_before_anything_is_written() {
    use sortie_task_defs::data::FilterByExpression;

    let mut rows = rows(1000);
    rows.push(json!({"n": "secret"}));
    for (keep, why) in [
        ("row.n >= 0", "line 1, column 7: `>=` does not take"),
        (
            "row.n == row.n && row.key != ''",
            "`row.key` does not exist",
        ),
        ("row.n", "the result is a number, not true or false"),
        (
            "[0].all(a, row.n == 'secret' ? [1, 2, 3].map(b, b).all(c, c / 0 == 1) : true)",
            "divides by zero",
        ),
    ] {
        let keep = keep.parse().unwrap();
        let ended = over(&FilterByExpression { from: from(), keep }, &rows).await;
        let error = ended.fatal();
        assert!(error.contains(why), "{error}");
        assert!(
            error.starts_with("row ") && error.contains("in `rows`: keep: "),
            "{error}"
        );
        assert!(!error.contains("secret\""), "{error}");
        assert_eq!(ended.written.len(), 0);
    }
}

#[cfg(feature = "expressions")]
#[tokio::test]
async fn a_hostile_expression_ends_and_says_why() {
    use sortie_task_defs::data::FilterByExpression;

    let rows = [json!({"list": vec![1; 1000]})];
    let keep = "row.list.all(a, row.list.all(b, row.list.all(c, row.list.all(d, a == d))))";
    let keep = keep.parse().unwrap();
    let ended = over(&FilterByExpression { from: from(), keep }, &rows).await;
    let why = "it takes more than 100000 steps for this row";
    assert!(ended.fatal().contains(why), "{}", ended.fatal());
}

#[tokio::test]
async fn a_scope_keeps_what_every_scope_admits() {
    let hosts = [
        "www.example.com",
        "example.com",
        "intranet.example.com",
        "evilexample.com",
        "EXAMPLE.com.",
        "203.0.113.7",
        "8.8.8.8",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "",
        "not a name",
    ];
    let mut rows: Vec<Value> = hosts.iter().map(|host| json!({"host": host})).collect();
    rows.extend([json!({"host": 7}), json!({}), json!(["example.com"])]);
    let filter = |keep, scope: Option<Value>| FilterByScope {
        from: from(),
        at: at("/host"),
        keep,
        scope: scope.map(|scope| serde_json::from_value::<ScopeSpec>(scope).unwrap()),
    };
    let own = json!({"allow_domains": ["example.com"], "allow_nets": ["203.0.113.0/24"]});
    let inside = over(&filter(Side::In, Some(own.clone())), &rows).await;
    let outside = over(&filter(Side::Out, Some(own.clone())), &rows).await;
    let kept = |indices: &[usize]| indices.iter().map(|i| rows[*i].clone()).collect::<Vec<_>>();
    assert_eq!(inside.written, kept(&[0, 1, 2, 4, 5]));
    assert_eq!(outside.written, kept(&[3, 6, 7, 8, 9, 10, 11, 12, 13]));

    // The scope of the collection cannot be widened by the payload.
    let mut setup = Setup::new(&rows);
    let of_collection = br#"{"allow_domains": ["example.com", "other.example"], "deny_domains": ["intranet.example.com"]}"#;
    let claim = Claim::store(
        "scopes/s".to_owned(),
        of_collection.as_slice().into(),
        &*setup.objects,
    )
    .await
    .unwrap();
    setup.scope = Some(claim);
    assert_eq!(
        setup.run(&filter(Side::In, Some(own))).await.written,
        kept(&[0, 1, 4])
    );
    assert_eq!(
        setup.run(&filter(Side::In, None)).await.written,
        kept(&[0, 1, 4])
    );
    let any = json!({"any_domain": true});
    assert_eq!(
        setup.run(&filter(Side::In, Some(any))).await.written,
        kept(&[0, 1, 4])
    );
}

#[tokio::test]
async fn the_scope_of_a_collection_is_fetched_and_parsed_once_by_a_worker() {
    let rows = [json!("www.example.com"), json!("other.example")];
    let mut setup = Setup::new(&rows);
    let document = br#"{"allow_domains": ["example.com"]}"#;
    let key = "scopes/once".to_owned();
    let claim = Claim::store(key, document.as_slice().into(), &*setup.objects).await;
    setup.scope = Some(claim.unwrap());
    let filter = FilterByScope {
        from: from(),
        at: at(""),
        keep: Side::In,
        scope: None,
    };
    assert_eq!(setup.run(&filter).await.written, rows[..1]);
    // The document is gone, and nobody asks for it.
    setup.objects = Setup::new(&[]).objects;
    assert_eq!(setup.run(&filter).await.written, rows[..1]);
}

/// A large scope takes a while; meanwhile the thread belongs to others.
#[test]
fn a_scope_is_parsed_where_that_holds_up_nobody() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let filter = FilterByScope {
        from: from(),
        at: at(""),
        keep: Side::In,
        scope: Some(serde_json::from_value(json!({"allow_domains": ["example.com"]})).unwrap()),
    };
    let rows = [json!("www.example.com")];
    let (release, held) = std::sync::mpsc::channel::<()>();
    let written = runtime.block_on(async {
        // The only thread where blocking is allowed is taken.
        let taken = tokio::task::spawn_blocking(move || held.recv());
        let mut run = std::pin::pin!(over(&filter, &rows));
        let ended = async {
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = &mut run => panic!("it was parsed on the thread of the runtime"),
            () = ended => {}
        }
        drop(release);
        assert!(taken.await.unwrap().is_err());
        run.await.written
    });
    assert_eq!(written, rows);
}

#[tokio::test]
async fn distinct_keeps_the_first_row_of_each_key() {
    let by = |places: &[&str]| Distinct {
        from: from(),
        by: places.iter().map(|place| at(place)).collect(),
    };
    let written = over(&by(&["/key"]), &rows(700)).await.written;
    let first: Vec<_> = [0, 1, 2, 3, 4, 5]
        .iter()
        .map(|n| rows(700)[*n].clone())
        .collect();
    assert_eq!(written, first);
    assert_eq!(
        over(&by(&["/key"]), &written).await.written,
        written,
        "twice is once"
    );
    let twice: Vec<_> = rows(300).into_iter().chain(rows(300)).collect();
    assert_eq!(over(&by(&[]), &twice).await.written, rows(300));
    let odd = [
        json!({"a": null}),
        json!({}),
        json!([]),
        json!({"a": 1}),
        json!({"a": 1.0}),
        json!({"a": null}),
    ];
    assert_eq!(
        over(&by(&["/a"]), &odd).await.written,
        [
            json!({"a": null}),
            json!({}),
            json!({"a": 1}),
            json!({"a": 1.0})
        ]
    );
}

#[tokio::test]
async fn membership_divides_the_rows() {
    let others = [
        json!({"id": "k1"}),
        json!({"id": "k9"}),
        json!({"none": "k4"}),
        json!({"id": 5}),
    ];
    let filter = |keep| FilterByMembership {
        from: from(),
        at: at("/key"),
        keep,
        among: "others".to_owned(),
        among_at: at("/id"),
    };
    let mut all = rows(500);
    all.push(json!({"n": 500}));
    let setup = Setup::new(&all).others(&others);
    let inside = setup.run(&filter(Side::In)).await.written;
    let outside = setup.run(&filter(Side::Out)).await.written;
    let is_in = |row: &Value| row["key"] == "k1" || row["key"] == "k9";
    assert!(!inside.is_empty() && inside.iter().all(is_in) && !outside.iter().any(is_in));
    let mut both = [inside, outside].concat();
    both.sort_by_key(|row| row["n"].as_u64());
    assert_eq!(both, all);
    let error = FilterByMembership {
        among: "nothing".to_owned(),
        ..filter(Side::In)
    };
    assert!(setup.run(&error).await.fatal().contains("`nothing`"));
}

#[tokio::test]
async fn merge_puts_one_behind_the_other_and_what_stands_first_wins() {
    let others: Vec<Value> = (0..20)
        .map(|n| json!({"key": format!("k{n}"), "other": n}))
        .collect();
    let setup = Setup::new(&rows(300)).others(&others);
    let merge = |by: Option<&str>| Merge {
        from: vec![from(), "others".to_owned()],
        by: by.map(|place| vec![at(place)]),
    };
    assert_eq!(
        setup.run(&merge(None)).await.written,
        [rows(300), others.clone()].concat()
    );
    let one_each = setup.run(&merge(Some("/key"))).await.written;
    assert_eq!(one_each.len(), 20);
    assert!(one_each[..6].iter().all(|row| row.get("other").is_none()));
    assert!(one_each[6..].iter().all(|row| row.get("other").is_some()));
    let wrong = Merge {
        from: vec![from(), "nothing".to_owned()],
        by: None,
    };
    let ended = setup.run(&wrong).await;
    assert!(ended.fatal().contains("`nothing`"));
    assert_eq!(ended.written.len(), 0);
}

#[tokio::test]
async fn a_sample_is_the_same_for_the_same_seed() {
    let sample = |rows, seed| Sample {
        from: from(),
        rows,
        seed,
    };
    let all = rows(800);
    let first = over(&sample(100, 1), &all).await.written;
    assert_eq!(first.len(), 100);
    assert!(first.is_sorted_by_key(|row| row["n"].as_u64()));
    assert_eq!(over(&sample(100, 1), &all).await.written, first);
    assert_ne!(over(&sample(100, 2), &all).await.written, first);
    assert_eq!(over(&sample(1000, 1), &all).await.written, all);
    assert_eq!(over(&sample(0, 1), &all).await.written.len(), 0);
}

#[tokio::test]
async fn parts_are_rows_that_a_generator_can_read() {
    let by = Split::Chunks { rows: 256 };
    let ended = over(&Partition { from: from(), by }, &rows(600)).await;
    let parts: Vec<Part> = ended
        .written
        .into_iter()
        .map(|part| serde_json::from_value(part).unwrap())
        .collect();
    let sizes: Vec<_> = parts
        .iter()
        .map(|part| (part.part, part.rows.len()))
        .collect();
    assert_eq!(sizes, [(0, 256), (1, 256), (2, 88)]);
    let all: Vec<Value> = parts.into_iter().flat_map(|part| part.rows).collect();
    assert_eq!(all, rows(600));
}

#[tokio::test]
async fn the_top_comes_first_and_nothing_comes_before_the_end() {
    let top = TopN {
        from: from(),
        by: at("/n"),
        rows: 3,
        order: Order::Largest,
    };
    let ended = over(&top, &rows(900)).await;
    let numbers: Vec<_> = ended
        .written
        .iter()
        .map(|row| row["n"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [899, 898, 897]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn distinct_of_distinct_is_distinct(keys in proptest::collection::vec(0u8..20, 0..60)) {
        let rows: Vec<Value> = keys.iter().map(|key| json!({"key": key})).collect();
        let by = Distinct { from: from(), by: vec![at("/key")] };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let once = runtime.block_on(over(&by, &rows)).written;
        let unique: std::collections::BTreeSet<u8> = keys.iter().copied().collect();
        prop_assert_eq!(once.len(), unique.len());
        prop_assert_eq!(runtime.block_on(over(&by, &once)).written, once);
    }
}

/// Rows pass as they were written: no number loses a digit, no field its place.
#[tokio::test]
async fn rows_keep_their_text() {
    let text = r#"{"z": 1.10, "a": 12345678901234567890123, "z": 1e2}"#;
    let raw = serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
    let setup = Setup {
        rows: vec![task_core::Payload::Inline(raw)],
        ..Setup::new(&[])
    };
    let by = Distinct {
        from: from(),
        by: vec![],
    };
    let payload = task_core::Payload::encode(&by).unwrap();
    let ended = setup.run_payload("data.distinct", payload).await;
    assert_eq!(ended.raw, [text]);
}
