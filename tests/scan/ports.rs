//! What becomes of a port from one run to the next.

use std::time::Duration;

use serde_json::json;
use sortie::core::recon::Query;
use sortie::defs::data::InsertData;
use sortie::defs::recon::{Endpoint, Here, ListModels, ListedModel, PortState};
use sortie::defs::scan::{
    AskedBy, Counted, Generate, Generated, PortClass, PortRow, PortRows, TcpSyn,
};
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

/// Forty addresses with hundreds of names each are several parts, and each part several tasks.
#[tokio::test]
async fn all_names_of_an_address_reach_its_row_or_are_counted() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let addresses: Vec<String> = (0..40).map(|n| format!("127.3.0.{n}")).collect();
    let host = |n: usize, addresses: &[String]| json!({"name": format!("n{n}.example"), "addresses": addresses});
    let mut hosts: Vec<_> = (0..300).map(|n| host(n, &addresses)).collect();
    // One has more than are carried.
    hosts.extend((300..1100).map(|n| host(n, &addresses[..1])));
    let options = TcpSyn {
        ports: vec![port],
        ..TcpSyn::default()
    };
    let workflow = Workflow::new("names")
        .scope(scope(&["example"], &["127.0.0.0/8"]).to_json())
        .task("hosts", InsertData { rows: hosts })
        .generate("ports", Generate::new("hosts", options).chunk(5), |scans| {
            scans
        });
    let engine = engine().await;
    let run = runs(&engine, workflow).await;
    let generated: Generated = run.result("ports.generator").await.unwrap().unwrap();
    assert_eq!((generated.targets, generated.names_cut), (40, 100));
    assert!(generated.tasks >= 8, "{} tasks", generated.tasks);
    let mut seen = Vec::new();
    for row in rows(&run, "ports").await {
        let PortRow::Port(port) = row else {
            panic!("{row:?}")
        };
        assert_eq!(port.outcome, PortClass::Open);
        seen.push((port.address.to_string(), port.names.len(), port.names_cut));
    }
    seen.sort();
    let mut expected: Vec<_> = addresses.into_iter().map(|it| (it, 300, 0)).collect();
    expected[0] = (expected[0].0.clone(), 1000, 100);
    expected.sort();
    assert_eq!(seen, expected);
    engine.shutdown().await;
}
