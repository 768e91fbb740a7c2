//! What is refused, and what it says.

use serde_json::json;
use sortie::EngineError;
use sortie::core::recon::{Filter, Order, Query};
use sortie::defs::recon::{BadRows, Domain, ListModels, UpsertModels};
use sortie::prelude::*;

use crate::support::{engines, fails, models, runs, upserted, upserts};

#[tokio::test]
async fn one_bad_row_among_thousands_stores_nothing() {
    for engine in engines().await {
        let mut rows: Vec<_> = (0..3000)
            .map(|n| json!({"name": format!("n{n}.example")}))
            .collect();
        rows[2500] = json!({"name": "not a name"});
        let error = fails(&engine, upserts("domain", rows.clone())).await;
        assert!(
            error.contains("row 2500") && error.contains("`rows`"),
            "{error}"
        );
        assert!(error.contains("not a `domain`"), "{error}");
        assert!(models::<Domain>(&engine, Query::all()).await.is_empty());

        let skip = UpsertModels {
            bad_rows: BadRows::Skip,
            ..UpsertModels::new("domain", "rows")
        };
        let workflow = Workflow::new("skip")
            .task("rows", sortie::defs::data::InsertData { rows })
            .task("stored", skip);
        let run = runs(&engine, workflow).await;
        let upserted = upserted(&run).await;
        assert_eq!((upserted.changes.inserted, upserted.skipped), (2999, 1));
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn the_error_names_what_is_wrong() {
    for engine in engines().await {
        for (model, row, wanted) in [
            ("dragon", json!({}), "there is no model called `dragon`"),
            ("dragon", json!({}), "web_document"),
            ("domain", json!(7), "row 0"),
            ("domain", json!({"resolves": true}), "missing field `name`"),
            (
                "endpoint",
                json!({"address": "x", "port": 1, "transport": "tcp"}),
                "IP address",
            ),
            (
                "endpoint",
                json!({"address": "::1", "port": 70_000, "transport": "tcp"}),
                "u16",
            ),
            ("certificate", json!({"names": ["a.example"]}), "`sha256`"),
            (
                "certificate",
                json!({"sha256": "AB"}),
                "sha256: must be 64 digits",
            ),
            (
                "target",
                json!({"spec": "192.0.2.1/24", "kind": "network"}),
                "write `192.0.2.0/24`",
            ),
            (
                "target",
                json!({"spec": "a.example", "kind": "network"}),
                "kind:",
            ),
            ("web_document", json!({"url": "nonsense"}), "url:"),
            (
                "web_document",
                json!({"url": "http://a/\u{0}"}),
                "bytes, none of them 0",
            ),
            (
                "web_document",
                json!({"url": "http://a/", "title": "\u{0}"}),
                "`title`",
            ),
        ] {
            let error = fails(&engine, upserts(model, vec![row])).await;
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
        for (query, wanted) in [
            (
                Query::all().filter(Filter::equals("prot", 1)),
                "it has address, port",
            ),
            (
                Query::all().filter(Filter::equals("port", "443")),
                "must be a whole number",
            ),
            (
                Query::all().order(Order::Field("names".into())),
                "sort by something else",
            ),
        ] {
            let list = ListModels::new("endpoint").query(query);
            let error = fails(&engine, Workflow::new("list").task("list", list)).await;
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn a_store_without_recon_data_says_so() {
    let store = std::sync::Arc::new(stores::MemoryStore::new());
    let engine = Engine::embedded(sortie::defs::registry()).with_store(store);
    let engine = engine.start().await.unwrap();
    let error = fails(
        &engine,
        upserts("domain", vec![json!({"name": "a.example"})]),
    )
    .await;
    assert!(error.contains("without a recon store"), "{error}");
    let refused = engine.models::<Domain>(Query::all());
    assert!(matches!(refused, Err(EngineError::NoRecon)));
    engine.shutdown().await;
}
