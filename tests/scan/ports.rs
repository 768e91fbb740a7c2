//! What becomes of a port from one run to the next.

use std::time::Duration;

use serde_json::json;
use sortie::core::recon::Query;
use sortie::defs::data::InsertData;
use sortie::defs::recon::{Endpoint, Here, ListModels, ListedModel, PortState};
use sortie::defs::scan::{AskedBy, Counted, Generate, PortClass, PortRow, PortRows, TcpSyn};
use sortie::prelude::*;
use tokio::net::TcpListener;

use crate::support::{engine, rows, runs, scope};

/// A port that somebody listens on, and one that nobody does.
fn workflow(ports: Vec<u16>) -> Workflow {
    let address = json!({"addresses": ["127.0.0.1", "192.0.2.1"], "name": "a.example"});
    let ports = TcpSyn {
        ports,
        timeout: Duration::from_secs(1),
        rows: PortRows::Answered,
        ..TcpSyn::default()
    };
    Workflow::new("ports")
        .scope(scope(&[], &["127.0.0.1/32"]).to_json())
        .task(
            "hosts",
            InsertData {
                rows: vec![address],
            },
        )
        .generate("ports", Generate::new("hosts", ports), |scans| scans)
        .task(
            "news",
            ListModels::new("endpoint").only(Here::FoundOrChanged),
        )
}

fn outcome(rows: &[PortRow], port: u16) -> PortClass {
    let outcome = rows.iter().find_map(|row| match row {
        PortRow::Port(record) if record.port == port => Some(record),
        _ => None,
    });
    let record = outcome.unwrap();
    // No frame leaves for an address of this machine, whatever the privilege.
    assert_eq!(record.method, AskedBy::Connect);
    record.outcome
}

#[tokio::test]
async fn a_closed_port_is_stored_only_if_it_was_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap().port();
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = other.local_addr().unwrap().port();
    drop(other);
    let engine = engine().await;

    let first = runs(&engine, workflow(vec![open, closed])).await;
    let records: Vec<PortRow> = rows(&first, "ports").await;
    assert_eq!(records.len(), 3);
    assert_eq!(outcome(&records, open), PortClass::Open);
    assert_eq!(outcome(&records, closed), PortClass::Closed);
    // Neither its name nor its net is in scope.
    let refused = Counted {
        outcome: PortClass::OutOfScope,
        method: None,
        count: 2,
    };
    assert!(records.contains(&PortRow::Counted(refused)), "{records:?}");
    let news: Vec<ListedModel<Endpoint>> = rows(&first, "news").await;
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].model.state, Some(PortState::Open));
    assert_eq!(news[0].model.names, ["a.example".parse().unwrap()]);

    let again = runs(&engine, workflow(vec![open, closed])).await;
    assert!(
        rows::<ListedModel<Endpoint>>(&again, "news")
            .await
            .is_empty()
    );

    drop(listener);
    let third = runs(&engine, workflow(vec![open, closed])).await;
    let news: Vec<ListedModel<Endpoint>> = rows(&third, "news").await;
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].model.state, Some(PortState::Closed));
    assert!(!news[0].found_here);
    let known = engine
        .count_models::<Endpoint>(&Query::all())
        .await
        .unwrap();
    assert_eq!(known, 1);
    engine.shutdown().await;
}
