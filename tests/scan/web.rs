//! From open ports to certificates and pages: what is looked at, and whose it is said to be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sortie::core::recon::{Model as _, Query};
use sortie::defs::data::InsertData;
use sortie::defs::recon::{Carrier, Certificate, Endpoint, WebDocument};
use sortie::defs::scan::{Generate, Generated, Http, HttpRecord, Tls, TlsRecord};
use sortie::prelude::*;
use tokio::net::{TcpListener, UdpSocket};

use crate::servers::{AtTls, certificate, no_certificate, plain, tls};
use crate::support::{engine, rows, runs, scope};

/// A row of a port that is open.
fn open(at: SocketAddr, names: &[&str]) -> Value {
    json!({
        "address": at.ip(), "port": at.port(), "outcome": "open", "method": "connect",
        "names": names,
    })
}

/// A row of a look at a port for `a.test`.
fn looked(at: SocketAddr, outcome: &str) -> Value {
    json!({
        "address": at.ip(), "port": at.port(), "name": "a.test", "outcome": outcome, "millis": 1,
    })
}

/// A workflow over `rows`, in a scope of all names under `test`, at these addresses.
fn over(rows: Vec<Value>, nets: &[&str]) -> Workflow {
    Workflow::new("web")
        .scope(scope(&["test"], nets).to_json())
        .task("rows", InsertData { rows })
}

async fn models<M: sortie::core::recon::Model>(engine: &Engine) -> BTreeMap<String, M> {
    let mut rows = engine.models::<M>(Query::all()).unwrap();
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next().await.unwrap() {
        all.insert(row.model.key(), row.model);
    }
    all
}

fn key(at: SocketAddr) -> String {
    Endpoint::new(Carrier::Tcp, at).key()
}

async fn generated(run: &Run, name: &str) -> Generated {
    run.result(name).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_port_said_to_tls_is_how_it_is_asked_for_a_page() {
    let certified = tls("127.0.0.1", &[], certificate("a.test")).await;
    let odd = tls("127.0.0.1", &[], no_certificate()).await;
    let waits = plain("127.0.0.1", AtTls::Waits).await;
    let hangs_up = plain("127.0.0.1", AtTls::HangsUp).await;
    let complains = plain("127.0.0.1", AtTls::Complains).await;
    let gone = {
        let listener = TcpListener::bind("127.0.7.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let expected = [
        (&certified, "certificate", "https"),
        (&odd, "bad_certificate", "https"),
        (&waits, "timeout", "http"),
        (&hangs_up, "reset", "http"),
        (&complains, "no_tls", "http"),
    ];
    let servers = expected
        .iter()
        .map(|(server, ..)| open(server.at, &["a.test"]));
    let mut ports: Vec<Value> = servers.collect();
    ports.push(open(gone, &["a.test"]));
    ports.push(json!({"address": "127.0.0.1", "port": 9, "outcome": "closed", "method": "syn"}));
    ports.push(json!({"outcome": "silent", "method": "syn", "count": 65_530}));
    let look = Tls {
        without_name: false,
        timeout: Duration::from_secs(3),
        ..Tls::default()
    };
    let engine = engine().await;
    let workflow = over(ports, &["127.0.0.0/8"])
        .generate("tls", Generate::new("rows", look), |s| s)
        .generate("pages", Generate::new("tls", Http::default()), |s| s);
    let run = runs(&engine, workflow).await;

    let of_ports = generated(&run, "tls.generator").await;
    assert_eq!((of_ports.rows, of_ports.targets), (8, 6));
    assert_eq!(of_ports.without_target, 2);
    let looks: Vec<TlsRecord> = rows(&run, "tls").await;
    let looks: BTreeMap<u16, &str> = looks
        .iter()
        .map(|record| (record.target.port, record.outcome.as_str()))
        .collect();
    assert_eq!(looks[&gone.port()], "refused");
    let of_looks = generated(&run, "pages.generator").await;
    assert_eq!((of_looks.rows, of_looks.targets), (6, 5));
    assert_eq!(of_looks.without_target, 1);
    let pages: Vec<HttpRecord> = rows(&run, "pages").await;
    let documents = models::<WebDocument>(&engine).await;
    assert_eq!((pages.len(), documents.len()), (5, 5));
    for (server, outcome, scheme) in expected {
        let port = server.at.port();
        assert_eq!(looks[&port], outcome);
        let page = pages.iter().find(|page| page.target.port == port).unwrap();
        assert_eq!(page.target.scheme.as_str(), scheme, "{outcome}");
        assert_eq!(page.page.status, Some(200), "{outcome}: {page:?}");
        let document = &documents[&format!("{scheme}://a.test:{port}/")];
        assert_eq!(document.endpoint, Some(key(server.at)));
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_with_names_is_looked_at_without_one_too() {
    let named = tls("127.0.0.1", &["a.test", "b.test"], certificate("x.test")).await;
    let bare = tls("127.0.0.1", &[], certificate("y.test")).await;
    let ports = || {
        vec![
            open(named.at, &["a.test", "b.test"]),
            open(named.at, &["b.test"]),
            open(bare.at, &[]),
        ]
    };
    let workflow = |look| {
        over(ports(), &["127.0.0.1/32"])
            .generate("tls", Generate::new("rows", look), |s| s)
            .generate("pages", Generate::new("tls", Http::default()), |s| s)
    };
    let engine = engine().await;
    let run = runs(&engine, workflow(Tls::default())).await;
    let of_ports = generated(&run, "tls.generator").await;
    assert_eq!((of_ports.targets, of_ports.duplicates), (4, 2));
    assert_eq!(
        named.connections() + bare.connections(),
        4 + 3,
        "looks and pages"
    );
    let looks: Vec<TlsRecord> = rows(&run, "tls").await;
    let hashes: BTreeMap<(u16, Option<String>), String> = looks
        .iter()
        .map(|record| {
            let name = record.target.name.as_ref().map(ToString::to_string);
            let leaf = record.leaf.as_ref().unwrap();
            ((record.target.port, name), leaf.sha256.clone())
        })
        .collect();
    let hash = |at: SocketAddr, name: Option<&str>| {
        let hash = &hashes[&(at.port(), name.map(str::to_owned))];
        Some(hash.clone())
    };
    let endpoints = models::<Endpoint>(&engine).await;
    let endpoint = &endpoints[&key(named.at)];
    assert_eq!(endpoint.certificate, hash(named.at, Some("a.test")));
    assert_eq!(endpoint.default_certificate, hash(named.at, None));
    assert_ne!(endpoint.certificate, endpoint.default_certificate);
    let endpoint = &endpoints[&key(bare.at)];
    assert_eq!(endpoint.certificate, hash(bare.at, None));
    assert_eq!(endpoint.default_certificate, hash(bare.at, None));
    let certificates = models::<Certificate>(&engine).await;
    let all: BTreeSet<&String> = hashes.values().collect();
    assert!(certificates.keys().eq(all), "{certificates:?}");
    let subject = &certificates[&hash(named.at, None).unwrap()];
    assert_eq!(subject.names, ["x.test"]);
    // Who has names is asked for a page under these.
    let of_looks = generated(&run, "pages.generator").await;
    assert_eq!((of_looks.targets, of_looks.without_target), (3, 1));

    let names_only = Tls {
        without_name: false,
        ..Tls::default()
    };
    let run = runs(&engine, workflow(names_only)).await;
    let looks: Vec<TlsRecord> = rows(&run, "tls").await;
    let nameless = looks.iter().filter(|record| record.target.name.is_none());
    let nameless: Vec<u16> = nameless.map(|record| record.target.port).collect();
    assert_eq!((looks.len(), nameless), (3, vec![bare.at.port()]));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_address_is_not_looked_up_anew() {
    let refused = plain("127.0.7.1", AtTls::Complains).await;
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let http = Http {
        resolver: Some(server.local_addr().unwrap()),
        timeout: Duration::from_secs(2),
        ..Http::default()
    };
    let engine = engine().await;
    let workflow = over(vec![looked(refused.at, "no_tls")], &["127.0.0.1/32"]).generate(
        "pages",
        Generate::new("rows", http),
        |s| s,
    );
    let run = runs(&engine, workflow).await;
    let pages: Vec<HttpRecord> = rows(&run, "pages").await;
    assert_eq!(pages[0].page.outcome.as_str(), "out_of_scope");
    let ledger = run.report().await.unwrap().ledger;
    assert_eq!(ledger.outcomes.get("out_of_scope"), 1);
    assert_eq!(refused.connections(), 0);
    let asked = server.try_recv(&mut [0; 512]);
    assert!(asked.is_err(), "a name was looked up");
    assert!(models::<WebDocument>(&engine).await.is_empty());
    assert!(models::<Endpoint>(&engine).await.is_empty());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_credited_to_the_address_that_gave_it() {
    let server = plain("127.0.7.3", AtTls::Complains).await;
    let host = |last| SocketAddr::from(([127, 0, 7, last], server.at.port()));
    // Nobody listens at the first two; the last is out of scope.
    let looks = [host(1), host(2), server.at, host(130)].map(|at| looked(at, "no_tls"));
    let engine = engine().await;
    let workflow = over(looks.to_vec(), &["127.0.7.0/25"]).generate(
        "pages",
        Generate::new("rows", Http::default()),
        |s| s,
    );
    let run = runs(&engine, workflow).await;
    let pages: Vec<HttpRecord> = rows(&run, "pages").await;
    assert_eq!(pages.len(), 1, "one site");
    assert_eq!(pages[0].page.peer, Some(server.at));
    let documents = models::<WebDocument>(&engine).await;
    let document = documents.values().next().unwrap();
    assert_eq!(document.endpoint, Some(key(server.at)));
    let endpoints = models::<Endpoint>(&engine).await;
    assert!(endpoints.keys().eq([&key(server.at)]), "{endpoints:?}");
    engine.shutdown().await;
}

/// With the port of a lab for port 80, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_was_found_is_the_port_that_is_asked() {
    let lab = plain("127.0.7.5", AtTls::Complains).await;
    let http = Http {
        http_port: lab.at.port(),
        timeout: Duration::from_secs(2),
        ..Http::default()
    };
    let found = SocketAddr::new(lab.at.ip(), 80);
    let engine = engine().await;
    let workflow = over(vec![looked(found, "no_tls")], &["127.0.7.0/24"]).generate(
        "pages",
        Generate::new("rows", http),
        |s| s,
    );
    let run = runs(&engine, workflow).await;
    let pages: Vec<HttpRecord> = rows(&run, "pages").await;
    assert_eq!(pages[0].target.url(), "http://a.test/");
    assert_eq!(lab.connections(), 0, "{pages:?}");
    engine.shutdown().await;
}
