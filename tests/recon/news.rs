//! What a run has found, and what it need not look at again.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sortie::core::recon::{Changes, Filter, Order, Query};
use sortie::defs::data::InsertData;
use sortie::defs::recon::{Domain, FilterByFreshness, Here, ListModels, ListedModel, UpsertModels};
use sortie::prelude::*;

use crate::support::{engines, models, rows, runs, upserted, upserts};

fn names(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!({ "name": name })).collect()
}

fn listed(rows: &[ListedModel<Domain>]) -> Vec<&str> {
    rows.iter().map(|row| row.key.as_str()).collect()
}

#[tokio::test]
async fn a_second_run_reports_only_what_changed() {
    for engine in engines().await {
        let news = |rows: Vec<Value>| {
            upserts("domain", rows)
                .task("news", ListModels::new("domain").only(Here::FoundOrChanged))
        };
        let seen = names(&["b.example", "a.example", "B.Example."]);
        let first = runs(&engine, news(seen.clone())).await;
        let changes = Changes {
            inserted: 2,
            changed: 0,
            unchanged: 1,
        };
        assert_eq!(upserted(&first).await.changes, changes);
        let found: Vec<ListedModel<Domain>> = rows(&first, "news").await;
        assert_eq!(listed(&found), ["a.example", "b.example"]);
        assert!(found.iter().all(|row| row.found_here));

        let again = runs(&engine, news(seen.clone())).await;
        let changes = Changes {
            inserted: 0,
            changed: 0,
            unchanged: 3,
        };
        assert_eq!(upserted(&again).await.changes, changes);
        assert!(rows::<Value>(&again, "news").await.is_empty());

        let mut more = names(&["c.example"]);
        more.push(json!({"name": "a.example", "resolves": true}));
        let third = runs(&engine, news(more)).await;
        let changes = Changes {
            inserted: 1,
            changed: 1,
            unchanged: 0,
        };
        assert_eq!(upserted(&third).await.changes, changes);
        let found: Vec<ListedModel<Domain>> = rows(&third, "news").await;
        assert_eq!(listed(&found), ["a.example", "c.example"]);
        assert_eq!(found[0].model.resolves, Some(true));
        assert!(!found[0].found_here && found[1].found_here);

        let all = models::<Domain>(&engine, Query::all()).await;
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|row| row.first_seen <= row.last_seen));
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn models_lie_in_arrays_of_rows_too() {
    for engine in engines().await {
        let found = json!({"domains": [{"name": "a.example"}, {"name": "b.example"}], "pages": 1});
        let workflow = Workflow::new("nested")
            .task(
                "rows",
                InsertData {
                    rows: vec![found, json!({"pages": 0})],
                },
            )
            .task(
                "stored",
                UpsertModels::new("domain", "rows").each("/domains".parse().unwrap()),
            );
        let run = runs(&engine, workflow).await;
        assert_eq!(upserted(&run).await.changes.inserted, 2);
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn lists_are_ordered_and_limited() {
    for engine in engines().await {
        let rows_in: Vec<Value> = (0..1500)
            .map(
                |n| json!({"address": "192.0.2.1", "port": n, "transport": "tcp", "state": "open"}),
            )
            .collect();
        let list = ListModels::new("endpoint")
            .query(Query {
                filters: vec![Filter::Below("port".into(), 1000.into())],
                order: Order::Field("port".into()),
                descending: true,
            })
            .limit(600);
        let run = runs(&engine, upserts("endpoint", rows_in).task("some", list)).await;
        assert_eq!(upserted(&run).await.changes.inserted, 1500);
        let found: Vec<Value> = rows(&run, "some").await;
        let ports: Vec<u64> = found
            .iter()
            .map(|row| row["model"]["port"].as_u64().unwrap())
            .collect();
        let expected: Vec<u64> = (400..1000).rev().collect();
        assert_eq!(ports, expected);
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn what_is_fresh_is_dropped() {
    for engine in engines().await {
        runs(&engine, upserts("domain", names(&["seen.example"]))).await;
        let stale = |within| {
            let mut rows = names(&["new.example", "seen.example", "other.example"]);
            rows.push(json!("seen.example"));
            Workflow::new("stale")
                .task("rows", InsertData { rows })
                .task("stale", FilterByFreshness::new("domain", "rows", within))
        };
        let day = runs(&engine, stale(Duration::from_secs(24 * 3600))).await;
        let left: Vec<Value> = rows(&day, "stale").await;
        assert_eq!(left, names(&["new.example", "other.example"]));
        // Nothing was seen in the future.
        let none = runs(&engine, stale(Duration::ZERO)).await;
        let left: BTreeSet<String> = rows::<Value>(&none, "stale")
            .await
            .iter()
            .map(Value::to_string)
            .collect();
        assert_eq!(left.len(), 4, "{left:?}");
        engine.shutdown().await;
    }
}
