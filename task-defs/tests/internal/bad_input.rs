//! What is wrong with a payload or a row is named by its field, and nothing is stored.

use serde_json::{Value, json};
use task_core::Payload;

use crate::bench::Setup;
use crate::filters::rows;

async fn fails(kind: &str, payload: Value, why: &str) {
    let setup = Setup::new(&rows(700)).others(&rows(3));
    let ended = setup
        .run_payload(kind, Payload::encode(&payload).unwrap())
        .await;
    let error = ended.fatal();
    assert!(error.contains(why), "{kind} {payload}: {error}");
    assert_eq!(ended.written.len(), 0, "{kind} {payload}");
}

#[tokio::test]
async fn payloads_that_do_not_decode_name_the_field() {
    for (kind, payload, why) in [
        (
            "data.filter",
            json!({"from": 7, "keep": {"all_of": []}}),
            "from: invalid type: integer `7`",
        ),
        (
            "data.filter",
            json!({"from": "rows", "keep": {"not": {"equals": {"at": "x", "value": 1}}}}),
            "the pointer `x` must be empty or start with `/`",
        ),
        (
            "data.filter",
            json!({"from": "rows"}),
            "missing field `keep`",
        ),
        (
            "data.filter_by_scope",
            json!({"from": "rows", "at": "/a", "scope": {"allow": []}}),
            "scope",
        ),
        (
            "data.filter_by_scope",
            json!({"from": "rows", "at": "/a", "keep": "inside"}),
            "keep: unknown variant `inside`",
        ),
        (
            "data.distinct",
            json!({"from": "rows", "by": ["/a", "b"]}),
            "by[1]: the pointer `b`",
        ),
        (
            "data.sample",
            json!({"from": "rows", "rows": -1}),
            "rows: invalid value: integer `-1`",
        ),
        (
            "data.top_n",
            json!({"from": "rows", "by": "/n", "rows": 3, "order": "best"}),
            "order: unknown variant `best`",
        ),
        (
            "data.merge",
            json!({"from": "rows"}),
            "from: invalid type: string",
        ),
        (
            "data.partition",
            json!({"from": "rows", "by": {"chunks": {"rows": "many"}}}),
            "by.chunks.rows: invalid type",
        ),
        (
            "data.to_file",
            json!({"from": "rows", "name": "x", "compression": "lzma"}),
            "compression: unknown variant `lzma`",
        ),
        (
            "control.conditional",
            json!({"from": "rows", "holds": {"rows_at_least": -1}}),
            "holds.rows_at_least: invalid value",
        ),
    ] {
        fails(kind, payload, why).await;
    }
}

#[cfg(feature = "expressions")]
#[tokio::test]
async fn expressions_that_do_not_parse_name_field_and_position() {
    for (keep, why) in [
        (
            "row.a >",
            "keep: the expression `row.a >` is wrong at line 1, column 8",
        ),
        (
            "row.a == 1 &&\n now() > 1",
            "line 2, column 5: there is no function `now`",
        ),
        (
            "rows.a == 1",
            "there is no variable `rows`; a row's fields are written `row.field`",
        ),
    ] {
        fails(
            "data.filter_by_expression",
            json!({"from": "rows", "keep": keep}),
            why,
        )
        .await;
    }
    let payload = json!({"from": "rows", "holds": {"any_row_by": "row.a >"}});
    fails(
        "control.conditional",
        payload,
        "the expression `row.a >` is wrong at line 1, column 8",
    )
    .await;
    let payload = json!({"from": "rows", "holds": {"all_rows_by": "row.gone > 1"}});
    fails(
        "control.conditional",
        payload,
        "holds: `row.gone > 1` has no answer",
    )
    .await;
}

#[tokio::test]
async fn limits_name_the_field_and_the_limit() {
    for (kind, payload, why) in [
        (
            "data.partition",
            json!({"from": "rows", "by": {"chunks": {"rows": 0}}}),
            "by.rows: 0 is not within 1 and 100000",
        ),
        (
            "data.partition",
            json!({"from": "rows", "by": {"hash": {"at": "/n", "parts": 70_000}}}),
            "by.parts: 70000 is not within",
        ),
        (
            "data.top_n",
            json!({"from": "rows", "by": "/n", "rows": 10_001}),
            "rows: 10001 are wanted; at most 10000 can be",
        ),
        (
            "data.distinct",
            json!({"from": "rows", "by": vec!["/a"; 17]}),
            "by: 17 places; at most 16 are allowed",
        ),
        (
            "data.merge",
            json!({"from": vec!["rows"; 257]}),
            "from: 257 names; at most 256 are allowed",
        ),
        (
            "data.filter_by_scope",
            json!({"from": "rows", "at": "/key"}),
            "scope: there is none",
        ),
        (
            "data.filter_by_scope",
            json!({"from": "rows", "at": "/key", "scope": {"allow_domains": ["*.x"]}}),
            "scope: domain \"*.x\"",
        ),
    ] {
        fails(kind, payload, why).await;
    }
    for (kind, rest) in [
        (
            "data.filter_by_scope",
            json!({"at": "/a", "scope": {"any_domain": true}}),
        ),
        ("data.distinct", json!({})),
        ("data.sample", json!({"rows": 1})),
        ("data.partition", json!({"by": {"chunks": {"rows": 1}}})),
        ("data.top_n", json!({"by": "/a", "rows": 1})),
    ] {
        let mut payload = rest;
        payload["from"] = json!("nothing");
        fails(
            kind,
            payload,
            "this workflow has no task or container called `nothing`",
        )
        .await;
    }
}

#[tokio::test]
async fn a_fail_fails_with_its_message() {
    fails(
        "control.fail",
        json!({"message": "no names to scan"}),
        "no names to scan",
    )
    .await;
}
