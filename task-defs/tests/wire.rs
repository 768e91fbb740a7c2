//! The wire form of every stock definition and of what it returns. A changed snapshot is a
//! conscious act: messages of the old form may be under way, so raise `VERSION` and write an
//! `upgrade`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::json;
use sortie_task_defs::control::{Conditional, Fail, SleepUntil, Test};
use sortie_task_defs::data::{
    Compression, Condition, Count, Distinct, FileSummary, Filter, FilterByMembership,
    FilterByScope, Group, GroupBy, Groups, InsertData, Merge, Order, Part, Partition, Pointer,
    RowCount, Sample, Side, Split, ToFile, TopN,
};
use sortie_task_defs::recon::{
    FilterByFreshness, Here, ListModels, ListedModel, UpsertModels, Upserted,
};
use task_core::Timestamp;
use task_core::recon::{Changes, Filter as Models, Order as By, Query};

fn at(pointer: &str) -> Pointer {
    pointer.parse().unwrap()
}

#[test]
fn data() {
    let rows = vec![json!({"domain": "example.com"}), json!(7)];
    assert_json_snapshot!("data.insert", InsertData { rows });
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
    assert_json_snapshot!(
        "data.filter",
        Filter {
            from: "scan".to_owned(),
            keep
        }
    );
    assert_json_snapshot!(
        "data.count",
        Count {
            from: "scan".to_owned()
        }
    );
    assert_json_snapshot!("data.count.output", RowCount { rows: 3 });
    assert_json_snapshot!(
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
    assert_json_snapshot!(
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
    assert_json_snapshot!("data.filter_by_scope", by_scope);
    let membership = FilterByMembership {
        from: from(),
        at: at("/domain"),
        keep: Side::Out,
        among: "yesterday".to_owned(),
        among_at: at("/name"),
    };
    assert_json_snapshot!("data.filter_by_membership", membership);
    let by = vec![at("/domain"), at("/port")];
    assert_json_snapshot!("data.distinct", Distinct { from: from(), by });
    let merge = |by| Merge {
        from: vec![from(), "others".to_owned()],
        by,
    };
    assert_json_snapshot!("data.merge", [merge(None), merge(Some(vec![at("/a")]))]);
    let sample = Sample {
        from: from(),
        rows: 1000,
        seed: 40,
    };
    assert_json_snapshot!("data.sample", sample);
    let partition = |by| Partition { from: from(), by };
    let hash = Split::Hash {
        at: at("/domain"),
        parts: 16,
    };
    let partitions = [partition(Split::Chunks { rows: 1000 }), partition(hash)];
    assert_json_snapshot!("data.partition", partitions);
    let part = Part {
        part: 3,
        rows: vec![json!({"domain": "example.com"})],
    };
    assert_json_snapshot!("data.partition.row", part);
    let top = |order| TopN {
        from: from(),
        by: at("/rows"),
        rows: 20,
        order,
    };
    assert_json_snapshot!("data.top_n", [top(Order::Largest), top(Order::Smallest)]);
}

#[test]
fn files() {
    let to = |compression| ToFile {
        from: "scan".to_owned(),
        name: "out.ndjson".parse().unwrap(),
        compression,
    };
    let forms = [Compression::None, Compression::Gzip, Compression::Zstd];
    assert_json_snapshot!("data.to_file", forms.map(to));
    let summary = FileSummary {
        rows: 3,
        bytes: 10,
        text_bytes: 100,
        path: "/srv/out.ndjson".into(),
    };
    assert_json_snapshot!("data.to_file.output", summary);
}

#[cfg(feature = "expressions")]
#[test]
fn expressions() {
    use sortie_task_defs::data::{Expression, FilterByExpression};

    let keep: Expression = "row.rules > 10".parse().unwrap();
    let from = || "scan".to_owned();
    let filter = FilterByExpression {
        from: from(),
        keep: keep.clone(),
    };
    assert_json_snapshot!("data.filter_by_expression", filter);
    let tests = [Test::AnyRowBy(keep.clone()), Test::AllRowsBy(keep)];
    let all = tests.map(|holds| Conditional {
        from: from(),
        holds,
    });
    assert_json_snapshot!("control.conditional.expressions", all);
}

#[test]
fn control() {
    let message = "no names to scan".to_owned();
    assert_json_snapshot!("control.fail", Fail { message });
    let sleeps = [
        SleepUntil::at(Timestamp::from_millis(1_795_000_000_000)),
        SleepUntil::after(Duration::from_secs(3600)),
    ];
    assert_json_snapshot!("control.sleep_until", sleeps);
    let tests = [
        Test::HasRows,
        Test::RowsAtLeast(3),
        Test::AnyRow(Condition::Exists { at: at("") }),
        Test::AllRows(Condition::AllOf(vec![])),
    ];
    let from = || "scan".to_owned();
    let all = tests.map(|holds| Conditional {
        from: from(),
        holds,
    });
    assert_json_snapshot!("control.conditional", all);
}

#[cfg(feature = "robots")]
#[test]
fn robots() {
    use sortie_task_defs::robots::*;
    use task_core::Claim;

    let claim = Claim {
        key: "targets/abc".to_owned(),
        len: 12,
        sha256: "abc".to_owned(),
    };
    // The version of the crate is part of the default.
    let options = RobotsOptions {
        user_agent: "sortie".to_owned(),
        resolver: Some("127.0.0.1:5353".parse().unwrap()),
        ..RobotsOptions::default()
    };
    let generator = |targets| RobotsGenerator {
        targets,
        chunk: 1250,
        seed: 40,
        options: options.clone(),
    };
    assert_json_snapshot!("robots.generate", generator(Targets::Object(claim.clone())));
    let inline = serde_json::to_value(Targets::Inline(vec!["example.com".to_owned()])).unwrap();
    assert_eq!(inline, json!({"inline": ["example.com"]}));
    let minimal = json!({"targets": {"inline": []}});
    let minimal: RobotsGenerator = serde_json::from_value(minimal).unwrap();
    assert_eq!(minimal, Targets::Inline(vec![]).into());

    let counts = TargetCounts {
        lines: 6,
        names: 3,
        malformed: 1,
        duplicates: 1,
        blank: 2,
    };
    let generated = RobotsGenerated {
        targets: counts,
        tasks: 1,
    };
    assert_json_snapshot!("robots.generate.output", generated);

    let names = vec!["example.com".to_owned()];
    assert_json_snapshot!(
        "robots.scan",
        RobotsScan {
            names,
            options: options.clone()
        }
    );
    let record: RobotsRecord = serde_json::from_value(json!({
        "domain": "example.com", "outcome": "soft_404", "bytes_read": 1, "bytes_body": 1, "millis": 1,
    }))
    .unwrap();
    let chunk = RobotsChunk {
        records: vec![record],
        parts: vec![claim],
    };
    assert_json_snapshot!("robots.scan.output", chunk);

    let aggregate = RobotsAggregate {
        from: "scan".to_owned(),
        out: "/srv/robots.gz".into(),
    };
    assert_json_snapshot!("robots.aggregate", aggregate);
    let summary = RobotsSummary {
        records: 3,
        outcomes: [("rules".to_owned(), 3)].into(),
        bytes: 10,
        text_bytes: 100,
        path: "/srv/robots.gz".into(),
    };
    assert_json_snapshot!("robots.aggregate.output", summary);
}

#[test]
fn recon() {
    let upsert = UpsertModels::new("domain", "found").each(at("/domains"));
    assert_json_snapshot!("recon.upsert", upsert.skip_bad_rows());
    let changes = Changes {
        inserted: 1,
        changed: 2,
        unchanged: 3,
    };
    let upserted = Upserted {
        changes,
        skipped: 4,
    };
    assert_json_snapshot!("recon.upsert.output", upserted);
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let query = Query::all()
        .filter(Models::KeyIn(vec!["a.example".to_owned()]))
        .filter(Models::equals("port", 443))
        .filter(Models::OneOf(
            "state".to_owned(),
            vec!["open".into(), true.into()],
        ))
        .filter(Models::Any(vec![
            Models::Below("port".to_owned(), 1024.into()),
            Models::Not(Box::new(Models::Has("title".to_owned()))),
        ]))
        .filter(Models::refers_to("domain", "a.example"))
        .filter(Models::FoundIn(id.parse().unwrap()))
        .filter(Models::SeenSince(Timestamp::from_millis(5)))
        .order(By::Field("port".to_owned()))
        .descending();
    let list = ListModels::new("endpoint")
        .query(query)
        .only(Here::FoundOrChanged)
        .limit(10);
    assert_json_snapshot!("recon.list", list);
    let row = ListedModel {
        key: "a.example".to_owned(),
        model: json!({"name": "a.example"}),
        first_seen: Timestamp::from_millis(1),
        last_seen: Timestamp::from_millis(2),
        changed_at: Timestamp::from_millis(1),
        found_here: true,
    };
    assert_json_snapshot!("recon.list.row", row);
    let fresh = FilterByFreshness::new("domain", "names", Duration::from_secs(60));
    assert_json_snapshot!("recon.filter_by_freshness", fresh.each(at("/name")));
}

#[cfg(feature = "sources")]
#[test]
fn sources() {
    use sortie_task_defs::source::*;

    assert_json_snapshot!("source.crtsh", Fetch::new(Crtsh::new("example.com")));
    let censys = Censys {
        query: "host.ip: 192.0.2.1".to_owned(),
        organization: Some("1-2-3".to_owned()),
    };
    assert_json_snapshot!("source.censys", Fetch::new(censys));
    assert_json_snapshot!("source.shodan", Fetch::new(Shodan::new("net:192.0.2.0/24")));
    let minimal = json!({"query": {"domain": "example.com"}});
    let minimal: Fetch<Crtsh> = serde_json::from_value(minimal).unwrap();
    assert_eq!(minimal, Fetch::new(Crtsh::new("example.com")));
    // What is found stands in the snapshots of the sources' own tests.
    let nothing: SourceRecords = serde_json::from_value(json!({"pages": 1, "items": 0})).unwrap();
    assert_eq!(nothing.pages, 1);
}

#[cfg(feature = "notify")]
#[test]
fn notifications() {
    use sortie_task_defs::control::notify::*;

    let generic = GenericNotification {
        to: "ops".to_owned(),
        subject: "begun".to_owned(),
        data: json!({"names": 3}),
    };
    assert_json_snapshot!("notify.generic", generic);
    let error = ErrorNotification {
        to: "ops".to_owned(),
        error: "no answer".to_owned(),
        of: Some("scan".to_owned()),
    };
    assert_json_snapshot!("notify.error", error);
    let result = TaskResultNotification::new("ops", "scan");
    assert_json_snapshot!("notify.task_result", result);
    assert_json_snapshot!("notify.output", Notified { status: 204 });
}

#[cfg(feature = "scan")]
mod scan {
    use std::fmt::Debug;
    use std::net::IpAddr;

    use insta::assert_json_snapshot;
    use scanners::target::Chunk;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;
    use sortie_task_defs::scan::*;
    use task_core::Claim;

    use super::at;

    fn address() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    /// The first step and the last of a family, and what they return.
    fn ends<P>(family: &str, generate: Generate<P>, generated: Generated, found: &Summary)
    where
        P: Serialize + DeserializeOwned + Default + PartialEq + Debug,
    {
        let generate = generate.skip_bad_rows().chunk(100);
        assert_json_snapshot!(format!("{family}.generate"), generate);
        let minimal = json!({"from": "names", "options": {}});
        let minimal: Generate<P> = serde_json::from_value(minimal).unwrap();
        assert_eq!(minimal, Generate::new("names", P::default()));
        assert_json_snapshot!(format!("{family}.generate.output"), generated);
        let aggregate = Aggregate::<P>::new(family);
        assert_json_snapshot!(format!("{family}.aggregate"), aggregate);
        assert_json_snapshot!(format!("{family}.aggregate.output"), found);
    }

    fn generated() -> Generated {
        Generated {
            rows: 3,
            skipped: 1,
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
        assert_json_snapshot!("dns.scan", scan("example.com".parse().unwrap(), options));
        let record: DnsRecord = serde_json::from_value(json!({
            "name": "example.com", "outcome": "found", "addresses": ["192.0.2.1"], "refused": 1,
            "cname": "example.org", "millis": 7,
        }))
        .unwrap();
        assert_json_snapshot!("dns.scan.row", record);
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
        assert_json_snapshot!("tcp_syn.scan", [scan, shared]);
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
        assert_json_snapshot!("tcp_syn.scan.row", [port, silent]);
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
        };
        assert_json_snapshot!("tls.scan", scan(target, Tls::default()));
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
        assert_json_snapshot!("tls.scan.row", [record, refused]);
    }

    #[test]
    fn http() {
        let record: HttpRecord = serde_json::from_value(json!({
            "scheme": "https", "name": "example.com", "port": 8443, "addresses": ["192.0.2.1"],
            "url": "https://example.com:8443/", "outcome": "page", "status": 200, "bytes_read": 9,
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
        assert_json_snapshot!("http.scan", scan(record.target.clone(), options));
        assert_json_snapshot!("http.scan.row", record);
    }
}
