use std::fmt::Debug;
use std::net::IpAddr;

use scanners::target::Chunk;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sortie_task_defs::scan::*;
use task_core::Claim;

use crate::at;

fn address() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

/// The first step and the last of a family, and what they return.
fn ends<P>(family: &str, generate: Generate<P>, generated: Generated, found: &Summary)
where
    P: Serialize + DeserializeOwned + Default + PartialEq + Debug,
{
    let generate = generate.skip_bad_rows().chunk(100);
    golden!(format!("{family}.generate"), generate);
    let minimal = json!({"from": "names", "options": {}});
    let minimal: Generate<P> = serde_json::from_value(minimal).unwrap();
    assert_eq!(minimal, Generate::new("names", P::default()));
    golden!(format!("{family}.generate.output"), generated);
    let aggregate = Aggregate::<P>::new(family);
    golden!(format!("{family}.aggregate"), aggregate);
    golden!(format!("{family}.aggregate.output"), found);
}

fn generated() -> Generated {
    Generated {
        rows: 3,
        skipped: 1,
        without_target: 1,
        targets: 2,
        duplicates: 4,
        tasks: 1,
        ..Generated::default()
    }
}

fn found(method: &str, outcome: &str) -> Summary {
    Summary {
        method: method.to_owned(),
        records: 2,
        outcomes: [(outcome.to_owned(), 2)].into(),
    }
}

fn scan<P: Probe>(target: P::Target, options: P) -> Scan<P> {
    Scan {
        targets: vec![target],
        concurrency: 256,
        options,
    }
}

#[test]
fn dns() {
    let generate = Generate::new("names", Dns::default()).at(at("/name"));
    ends("dns", generate, generated(), &found("resolver", "found"));
    let options = Dns {
        resolver: Some("127.0.0.1:53".parse().unwrap()),
        ..Dns::default()
    };
    golden!("dns.scan", scan("example.com".parse().unwrap(), options));
    let record: DnsRecord = serde_json::from_value(json!({
        "name": "example.com", "outcome": "found", "addresses": ["192.0.2.1"], "refused": 1,
        "aliases": ["example.org"], "millis": 7,
    }))
    .unwrap();
    golden!("dns.scan.row", record);
}

#[test]
fn tcp_syn() {
    let of_names = Generated {
        names_cut: 5,
        ..generated()
    };
    let generate = Generate::new("dns", TcpSyn::default());
    ends(
        "tcp_syn",
        generate,
        of_names,
        &found("connect, syn", "open"),
    );
    let target = AddressTarget {
        address: address(),
        names: ["example.com".parse().unwrap()].into(),
        names_cut: 5,
    };
    let names = target.names.clone();
    let part = Part {
        addresses: "198.51.100.0/24, 2001:db8::1".parse().unwrap(),
        named: vec![target],
    };
    let scan = PortScan {
        portion: Some(Portion {
            chunk: Chunk {
                seed: 7,
                lo: 0,
                hi: 65_536,
            },
            of: "0123456789abcdef".to_owned(),
            refused: 5,
            part: None,
        }),
        ..PortScan::new(part, TcpSyn::default())
    };
    let mut shared = scan.clone();
    shared.part = Part::default();
    shared.portion.as_mut().unwrap().part = Some(Claim {
        key: "parts/collection/task-0123456789abcdef".to_owned(),
        len: 9000,
        sha256: "00".repeat(32),
    });
    golden!("tcp_syn.scan", [scan, shared]);
    let port = PortRow::Port(PortRecord {
        address: address(),
        port: 443,
        outcome: PortClass::Open,
        method: AskedBy::Syn,
        names,
        names_cut: 5,
        detail: None,
    });
    let silent = PortRow::Counted(Counted {
        outcome: PortClass::Silent,
        method: Some(AskedBy::Syn),
        count: 65_530,
    });
    golden!("tcp_syn.scan.row", [port, silent]);
    let text = json!(["192.0.2.0/24", {"name": "a.example", "addresses": ["192.0.2.1"]}, {}]);
    assert!(serde_json::from_value::<Vec<Hosts>>(text).is_ok());
}

#[test]
fn tls() {
    let generate = Generate::new("ports", Tls::default());
    ends(
        "tls",
        generate,
        generated(),
        &found("connect", "certificate"),
    );
    let target = TlsTarget {
        address: address(),
        port: 443,
        name: Some("example.com".parse().unwrap()),
        first: true,
        via: [].into(),
    };
    let bare = TlsTarget {
        name: None,
        first: false,
        via: ["example.com".parse().unwrap()].into(),
        ..target.clone()
    };
    let mut both = scan(target, Tls::default());
    both.targets.push(bare);
    golden!("tls.scan", both);
    let record: TlsRecord = serde_json::from_value(json!({
        "address": "192.0.2.1", "port": 443, "name": "example.com", "first": true,
        "outcome": "certificate", "version": "1.3", "chain_len": 2, "millis": 7,
        "leaf": {
            "sha256": "00", "serial": "1f", "issuer": "CN=A", "subject": "example.com",
            "names": ["example.com"], "not_before_ms": 1, "not_after_ms": 2,
        },
    }))
    .unwrap();
    let refused: TlsRecord = serde_json::from_value(json!({
        "address": "192.0.2.1", "port": 443, "outcome": "out_of_scope", "millis": 0,
    }))
    .unwrap();
    assert_eq!(refused.outcome, TlsClass::OutOfScope);
    golden!("tls.scan.row", [record, refused]);
}

#[test]
fn http() {
    let record: HttpRecord = serde_json::from_value(json!({
        "scheme": "https", "name": "example.com", "port": 8443, "addresses": ["192.0.2.1"],
        "url": "https://example.com:8443/", "outcome": "page", "peer": "192.0.2.1:8443",
        "status": 200, "bytes_read": 9,
        "title": "Example", "length": 5, "sha256": "00", "millis": 7,
    }))
    .unwrap();
    // The version of the crate is part of the default.
    let options = Http {
        user_agent: "sortie".to_owned(),
        ..Http::default()
    };
    let generate = Generate::new("tls", options.clone());
    ends("http", generate, generated(), &found("connect", "page"));
    golden!("http.scan", scan(record.target.clone(), options));
    golden!("http.scan.row", record);
}
