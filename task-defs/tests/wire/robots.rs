use serde_json::json;
use sortie_task_defs::robots::*;
use task_core::Claim;

#[test]
fn robots() {
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
    golden!("robots.generate", generator(Targets::Object(claim.clone())));
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
    golden!("robots.generate.output", generated);

    let names = vec!["example.com".to_owned()];
    golden!(
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
    golden!("robots.scan.output", chunk);

    let aggregate = RobotsAggregate {
        from: "scan".to_owned(),
        out: "/srv/robots.gz".into(),
    };
    golden!("robots.aggregate", aggregate);
    let summary = RobotsSummary {
        records: 3,
        outcomes: [("rules".to_owned(), 3)].into(),
        bytes: 10,
        text_bytes: 100,
        path: "/srv/robots.gz".into(),
    };
    golden!("robots.aggregate.output", summary);
}
