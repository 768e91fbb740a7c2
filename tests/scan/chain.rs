//! Names → addresses → ports → certificates → pages, each from the rows of the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::lab::{Lab, LabConfig};
use serde_json::json;
use sortie::core::recon::Query;
use sortie::defs::data::InsertData;
use sortie::defs::recon::{Domain, Endpoint};
use sortie::defs::scan::{
    Aggregate, Dns, DnsRecord, Generate, Http, HttpRecord, PortRecord, PortRow, Summary, TcpSyn,
    Tls, TlsRecord,
};
use sortie::prelude::*;

use crate::support::{engine, rows, runs, scope};

/// What the DNS says of a name that behaves so.
fn expected(behaviour: &str) -> &'static str {
    match behaviour {
        "nxdomain" => "no_such_name",
        "servfail" => "server_failure",
        "nodata" => "no_data",
        "denied_address" => "out_of_scope",
        _ => "found",
    }
}

fn workflow(lab: &Lab, names: &[String]) -> Workflow {
    let mut spec = scope(&["test"], &[]);
    spec.allow_nets = lab.scope_nets();
    let dns = Dns {
        resolver: Some(lab.resolver()),
        ..Dns::default()
    };
    let ports = TcpSyn {
        ports: vec![lab.http_port(), lab.https_port()],
        timeout: Duration::from_secs(1),
        ..TcpSyn::default()
    };
    let http = Http {
        resolver: Some(lab.resolver()),
        http_port: lab.http_port(),
        https_port: lab.https_port(),
        ..Http::default()
    };
    let chunk = Generate::<Dns>::DEFAULT_CHUNK / 20;
    Workflow::new("chain")
        .scope(spec.to_json())
        .task(
            "names",
            InsertData {
                rows: names.iter().map(|name| json!({ "name": name })).collect(),
            },
        )
        .generate("dns", Generate::new("names", dns).chunk(chunk), |s| s)
        .aggregate("dns.outcomes", Aggregate::<Dns>::new("dns"))
        .generate("ports", Generate::new("dns", ports), |s| s)
        .aggregate("ports.outcomes", Aggregate::<TcpSyn>::new("ports"))
        .generate("tls", Generate::new("ports", Tls::default()), |s| s)
        .generate("pages", Generate::new("tls", http), |s| s)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_each_family_are_the_targets_of_the_next() {
    let lab = Lab::start(LabConfig::default()).await.unwrap();
    let names: Vec<String> = lab.names(0..100).collect();
    let engine = engine().await;
    let run = runs(&engine, workflow(&lab, &names)).await;

    let dns: Vec<DnsRecord> = rows(&run, "dns").await;
    let found: BTreeMap<&str, &str> = dns
        .iter()
        .map(|record| (record.name.as_str(), record.outcome.as_str()))
        .collect();
    let truth: BTreeMap<&str, &str> = names
        .iter()
        .map(|name| (name.as_str(), expected(lab.truth(name).behaviour)))
        .collect();
    assert_eq!(found, truth);
    let summary: Summary = run.result("dns.outcomes").await.unwrap().unwrap();
    assert_eq!(summary.records, 100);
    assert_eq!(summary.method, "resolver");

    let mut open: Vec<PortRecord> = Vec::new();
    for row in rows(&run, "ports").await {
        if let PortRow::Port(port) = row {
            open.push(port);
        }
    }
    let addresses: BTreeSet<_> = dns.iter().flat_map(|record| &record.addresses).collect();
    let summary: Summary = run.result("ports.outcomes").await.unwrap().unwrap();
    assert_eq!(summary.method, "connect");
    assert_eq!(summary.records, 2 * addresses.len() as u64);
    assert_eq!(summary.outcomes["open"], open.len() as u64);

    // Each name is asked for at each open port of its addresses, and no name once.
    let tls: Vec<TlsRecord> = rows(&run, "tls").await;
    let names = open.iter().map(|port| port.names.len());
    assert_eq!(tls.len(), names.sum::<usize>() + open.len());
    let certificates = tls.iter().filter(|record| record.leaf.is_some());
    assert!(certificates.clone().count() > 0);
    for record in certificates {
        assert_eq!(record.target.port, lab.https_port());
    }

    let pages: Vec<HttpRecord> = rows(&run, "pages").await;
    let urls: BTreeSet<String> = pages.iter().map(|record| record.target.url()).collect();
    assert_eq!(urls.len(), pages.len(), "no page is asked for twice");
    let titles = pages.iter().filter(|record| record.page.title.is_some());
    assert!(titles.count() > 0);

    let known = engine.count_models::<Domain>(&Query::all()).await.unwrap();
    let learned = ["found", "no_data"];
    let learned = truth.values().filter(|class| learned.contains(class));
    assert_eq!(known, learned.count() as u64);
    let endpoints = engine
        .count_models::<Endpoint>(&Query::all())
        .await
        .unwrap();
    assert_eq!(endpoints, open.len() as u64);
    assert_eq!(lab.forbidden_hits(), 0);
    engine.shutdown().await;
}
