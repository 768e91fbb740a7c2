//! What the DNS says of names, and what is kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::json;
use sortie::core::recon::{Filter, Query};
use sortie::defs::data::InsertData;
use sortie::defs::recon::{Domain, Here, ListModels, ListedModel};
use sortie::defs::scan::{
    Dns, DnsRecord, Family, Generate, PortClass, PortRecord, PortRow, TcpSyn, Wildcard,
};
use sortie::prelude::*;
use tokio::net::{TcpListener, UdpSocket};

use crate::support::{engine, rows, runs, scope};

/// What a server says of a name.
#[derive(Clone, Debug)]
enum Says {
    Addrs(Vec<IpAddr>),
    Alias(&'static str),
}

/// The names of a server; `*.` in front of one answers for all others below it. What is not there
/// does not exist.
#[derive(Clone, Debug, Default)]
struct Zone {
    names: Arc<Mutex<BTreeMap<&'static str, Says>>>,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Zone {
    fn with(self, name: &'static str, says: Says) -> Self {
        self.set(name, Some(says));
        self
    }

    /// From now on.
    fn set(&self, name: &'static str, says: Option<Says>) {
        let mut names = self.names.lock().unwrap();
        match says {
            Some(says) => names.insert(name, says),
            None => names.remove(name),
        };
    }

    /// The names under `parent` that somebody asked for since the last time.
    fn asked_under(&self, parent: &str) -> BTreeSet<String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let under = |name: &String| name.split_once('.').is_some_and(|(_, rest)| rest == parent);
        asked.into_iter().filter(under).collect()
    }

    fn says(&self, name: &str) -> Option<Says> {
        self.asked.lock().unwrap().insert(name.to_owned());
        let zone = self.names.lock().unwrap();
        let wildcard = || {
            let (_, parent) = name.split_once('.')?;
            zone.get(format!("*.{parent}").as_str())
        };
        zone.get(name).or_else(wildcard).cloned()
    }

    fn answer(&self, query: &Message) -> Message {
        let question = query.queries[0].clone();
        let mut answer = Message::new(query.id, MessageType::Response, OpCode::Query);
        answer.metadata.recursion_available = true;
        let mut at = question.name().clone();
        loop {
            let text = at.to_ascii().trim_end_matches('.').to_lowercase();
            match self.says(&text) {
                None if question.query_type() == RecordType::CNAME => break,
                None => {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                    break;
                }
                Some(Says::Addrs(addrs)) => {
                    let wanted = addrs
                        .into_iter()
                        .filter(|addr| match question.query_type() {
                            RecordType::A => addr.is_ipv4(),
                            RecordType::AAAA => addr.is_ipv6(),
                            _ => false,
                        });
                    answer.add_answers(
                        wanted.map(|addr| Record::from_rdata(at.clone(), 60, RData::from(addr))),
                    );
                    break;
                }
                Some(Says::Alias(to)) => {
                    let to = Name::from_ascii(format!("{to}.")).unwrap();
                    let alias = RData::CNAME(CNAME(to.clone()));
                    answer.add_answer(Record::from_rdata(at, 60, alias));
                    at = to;
                }
            }
        }
        answer.add_query(question);
        answer
    }

    /// Serves it until the test ends.
    async fn serve(&self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let zone = self.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let query = Message::from_vec(&buffer[..len]).unwrap();
                let answer = zone.answer(&query).to_vec().unwrap();
                let _ = socket.send_to(&answer, from).await;
            }
        });
        at
    }
}

fn addrs(texts: &[&str]) -> Says {
    Says::Addrs(texts.iter().map(|text| text.parse().unwrap()).collect())
}

fn workflow(names: &[&str], dns: Dns) -> Workflow {
    let rows = names.iter().map(|name| json!(name)).collect();
    Workflow::new("names")
        .scope(scope(&["test"], &["127.0.0.1/32", "::1/128"]).to_json())
        .task("names", InsertData { rows })
        .generate("dns", Generate::new("names", dns), |scans| scans)
}

/// The records, by name.
async fn records(run: &Run) -> BTreeMap<String, DnsRecord> {
    let records: Vec<DnsRecord> = rows(run, "dns").await;
    let by_name = records.into_iter();
    by_name
        .map(|record| (record.name.to_string(), record))
        .collect()
}

async fn domain(engine: &Engine, name: &str) -> Option<Domain> {
    let query = Query::all().filter(Filter::KeyIn(vec![name.to_owned()]));
    let mut found = engine.models::<Domain>(query).unwrap();
    found.next().await.unwrap().map(|seen| seen.model)
}

#[tokio::test]
async fn a_name_of_both_versions_of_ip_is_scanned_at_all_its_addresses() {
    let zone = Zone::default().with("dual.test", addrs(&["127.0.0.1", "::1"]));
    let server = zone.serve().await;
    let v4 = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = v4.local_addr().unwrap().port();
    let Ok(_v6) = TcpListener::bind(("::1", port)).await else {
        eprintln!("skipped: this machine has no IPv6 on its loopback");
        return;
    };
    let ports = TcpSyn {
        ports: vec![port],
        timeout: Duration::from_secs(1),
        ..TcpSyn::default()
    };
    let engine = engine().await;
    for (family, expected) in [
        (Family::Both, vec!["127.0.0.1", "::1"]),
        (Family::V4, vec!["127.0.0.1"]),
        (Family::V6, vec!["::1"]),
    ] {
        let dns = Dns {
            resolver: Some(server),
            family,
            ..Dns::default()
        };
        let workflow = workflow(&["dual.test"], dns);
        let workflow = workflow.generate("ports", Generate::new("dns", ports.clone()), |s| s);
        let run = runs(&engine, workflow).await;
        let found = &records(&run).await["dual.test"].addresses;
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected, "{family:?}");
        let rows: Vec<PortRow> = rows(&run, "ports").await;
        let mut open: Vec<PortRecord> = Vec::new();
        open.extend(rows.into_iter().filter_map(|row| match row {
            PortRow::Port(port) => Some(port),
            PortRow::Counted(_) => None,
        }));
        open.sort_by_key(|port| port.address);
        assert!(open.iter().all(|port| port.outcome == PortClass::Open));
        let asked: Vec<IpAddr> = open.iter().map(|port| port.address).collect();
        assert_eq!(&asked, found, "{family:?}");
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn an_alias_of_nothing_is_kept_with_the_names_behind_it() {
    let zone = Zone::default()
        .with("shop.test", Says::Alias("edge.test"))
        .with("edge.test", Says::Alias("gone.cloud.example"));
    let dns = || async {
        Dns {
            resolver: Some(zone.serve().await),
            ..Dns::default()
        }
    };
    let engine = engine().await;
    let run = runs(&engine, workflow(&["shop.test", "none.test"], dns().await)).await;
    let found = records(&run).await;
    assert_eq!(found["shop.test"].outcome.as_str(), "dangling");
    assert_eq!(found["none.test"].outcome.as_str(), "no_such_name");
    let kept = domain(&engine, "shop.test").await.unwrap();
    let behind = ["edge.test", "gone.cloud.example"].map(|name| name.parse().unwrap());
    assert_eq!(kept.cname.as_ref(), Some(&behind[0]));
    assert_eq!(kept.dangling, Some(behind.to_vec()));
    assert_eq!(kept.resolves, Some(false));
    // Whoever looks for such names asks for the field, or for what is behind them.
    for filter in [
        Filter::Has("dangling".to_owned()),
        Filter::equals("dangling", "gone.cloud.example"),
    ] {
        let query = Query::all().filter(filter);
        assert_eq!(engine.count_models::<Domain>(&query).await.unwrap(), 1);
    }
    assert!(domain(&engine, "none.test").await.is_none());
    engine.shutdown().await;
}

#[tokio::test]
async fn what_a_name_has_no_longer_is_cleared_and_told_once() {
    let zone = Zone::default().with("shop.test", Says::Alias("gone.cloud.example"));
    let dns = Dns {
        resolver: Some(zone.serve().await),
        ..Dns::default()
    };
    let engine = engine().await;
    let look = async || {
        let news = ListModels::new("domain").only(Here::FoundOrChanged);
        let workflow = workflow(&["shop.test"], dns.clone()).task("news", news);
        let run = runs(&engine, workflow).await;
        let news: Vec<ListedModel<Domain>> = rows(&run, "news").await;
        (news.len(), domain(&engine, "shop.test").await.unwrap())
    };
    let (news, kept) = look().await;
    assert_eq!((news, kept.resolves), (1, Some(false)));
    assert!(kept.cname.is_some() && kept.dangling.is_some());
    assert_eq!(look().await.0, 0, "nothing is new");

    zone.set("shop.test", Some(addrs(&["93.184.216.34"])));
    let (news, kept) = look().await;
    assert_eq!((news, kept.resolves), (1, Some(true)));
    assert_eq!((&kept.cname, &kept.dangling), (&None, &None));
    let query = Query::all().filter(Filter::Has("dangling".to_owned()));
    assert_eq!(engine.count_models::<Domain>(&query).await.unwrap(), 0);
    assert_eq!(look().await.0, 0, "nothing is new");

    zone.set("shop.test", None);
    let (news, kept) = look().await;
    assert_eq!((news, kept.resolves), (1, Some(false)));
    assert_eq!(kept.addresses, Some(Vec::new()));
    assert_eq!(look().await.0, 0, "nothing is new");
    engine.shutdown().await;
}

#[tokio::test]
async fn names_that_only_a_wildcard_answers_for_are_told_apart() {
    let zone = Zone::default()
        .with("*.wild.test", addrs(&["93.184.216.34", "93.184.216.35"]))
        .with("www.wild.test", addrs(&["93.184.216.36"]))
        .with("*.shop.test", Says::Alias("gone.cloud.example"))
        .with("www.plain.test", addrs(&["93.184.216.34"]))
        .with("alone.test", addrs(&["93.184.216.34"]));
    let server = zone.serve().await;
    let dns = |wildcards| Dns {
        resolver: Some(server),
        wildcards,
        ..Dns::default()
    };
    let names = [
        "one.wild.test",
        "two.wild.test",
        "www.wild.test",
        "any.shop.test",
        "www.plain.test",
        "none.plain.test",
    ];
    let engine = engine().await;
    let run = runs(&engine, workflow(&names, dns(false))).await;
    assert!(
        records(&run)
            .await
            .values()
            .all(|record| record.wildcard.is_none())
    );
    assert_eq!(zone.asked_under("wild.test").len(), 3);

    let run = runs(&engine, workflow(&names, dns(true))).await;
    let found = records(&run).await;
    for (name, expected) in [
        ("one.wild.test", Some(Wildcard::Same)),
        ("two.wild.test", Some(Wildcard::Same)),
        ("www.wild.test", Some(Wildcard::Other)),
        ("any.shop.test", Some(Wildcard::Same)),
        ("www.plain.test", Some(Wildcard::Absent)),
        // It does not exist, so no wildcard stands for it.
        ("none.plain.test", None),
    ] {
        assert_eq!(found[name].wildcard, expected, "{name}");
    }
    assert_eq!(found["any.shop.test"].outcome.as_str(), "dangling");
    // One name beside the three: the parent is asked once.
    let asked = zone.asked_under("wild.test");
    assert_eq!(asked.len(), 4, "{asked:?}");

    let guess = domain(&engine, "one.wild.test").await.unwrap();
    assert_eq!(guess.by_wildcard, Some(true));
    let made = domain(&engine, "www.wild.test").await.unwrap();
    assert_eq!(made.by_wildcard, Some(false));
    let parent = domain(&engine, "wild.test").await.unwrap();
    // What certificates say is another matter.
    assert_eq!((parent.wildcard_dns, parent.wildcard), (Some(true), None));
    assert!(domain(&engine, "plain.test").await.is_none());
    engine.shutdown().await;
}

#[tokio::test]
async fn no_name_out_of_scope_is_asked_for_to_find_a_wildcard() {
    let zone = Zone::default()
        .with("*.test", addrs(&["93.184.216.34"]))
        .with("alone.test", addrs(&["93.184.216.35"]));
    let dns = Dns {
        resolver: Some(zone.serve().await),
        wildcards: true,
        ..Dns::default()
    };
    let scope = scope(&["alone.test"], &[]).to_json();
    let engine = engine().await;
    let run = runs(&engine, workflow(&["alone.test"], dns).scope(scope)).await;
    let found = records(&run).await;
    assert_eq!(found["alone.test"].outcome.as_str(), "found");
    assert_eq!(found["alone.test"].wildcard, None);
    assert_eq!(zone.asked_under("test"), ["alone.test".to_owned()].into());
    engine.shutdown().await;
}
