use serde_json::json;
use sortie_task_defs::source::*;

#[test]
fn sources() {
    golden!("source.crtsh", Fetch::new(Crtsh::new("example.com")));
    let censys = Censys {
        query: "host.ip: 192.0.2.1".to_owned(),
        organization: Some("1-2-3".to_owned()),
    };
    golden!("source.censys", Fetch::new(censys));
    golden!("source.shodan", Fetch::new(Shodan::new("net:192.0.2.0/24")));
    let minimal = json!({"query": {"domain": "example.com"}});
    let minimal: Fetch<Crtsh> = serde_json::from_value(minimal).unwrap();
    assert_eq!(minimal, Fetch::new(Crtsh::new("example.com")));
    // What is found stands in the snapshots of the sources' own tests.
    let nothing: SourceRecords = serde_json::from_value(json!({"pages": 1, "items": 0})).unwrap();
    assert_eq!(nothing.pages, 1);
}
