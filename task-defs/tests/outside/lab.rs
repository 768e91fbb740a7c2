//! crt.sh as the lab has it, whose answers are known: the reader must end up with the names, all
//! of them and no others.

use ::lab::{Lab, LabConfig, ct_names};
use sortie_task_defs::source::{Crtsh, Cut, Fetch, SourceRecords};

use crate::bench::Bench;

async fn start() -> (Lab, Bench) {
    let lab = Lab::start(LabConfig::default()).await.unwrap();
    let bench = Bench::at("source.crtsh", lab.ct_url());
    (lab, bench)
}

fn names(records: &SourceRecords) -> Vec<&str> {
    let names = records.domains.iter().map(|record| record.name.as_str());
    names.collect()
}

#[tokio::test]
async fn the_names_are_those_of_the_lab_and_no_others() {
    let (_lab, bench) = start().await;
    for domain in ["lab.test", "example.test"] {
        let records: SourceRecords = bench.run(&Fetch::new(Crtsh::new(domain))).await.output();
        assert_eq!(names(&records), ct_names(domain));
        let wild: Vec<_> = records
            .domains
            .iter()
            .filter(|record| record.wildcard)
            .collect();
        assert_eq!(wild.len(), 1);
        assert_eq!(wild[0].name.as_str(), format!("wild.{domain}"));
        let dropped = ["email", "not_a_name", "unrelated"].map(|why| records.dropped[why]);
        assert_eq!(dropped, [2, 15, 4]);
    }
}

#[tokio::test]
async fn trouble_is_told_apart() {
    let (_lab, bench) = start().await;
    let ask = |domain: &str| {
        let mut task = Fetch::new(Crtsh::new(domain));
        task.options.max_records = 5_000;
        task
    };
    for domain in ["html.test", "gone.test", "cut.test"] {
        let ended = bench.run(&ask(domain)).await;
        assert!(
            ended.retry().0.starts_with("source.crtsh, page 1"),
            "{domain}"
        );
    }
    let ended = bench.run(&ask("busy.test")).await;
    assert_eq!(ended.retry().1, Some(1_000));
    let records: SourceRecords = bench.attempt(&ask("busy.test"), 2, None).await.output();
    assert_eq!(names(&records), ct_names("busy.test"));
    // The same rows for ever are few records, so it is the bytes that end it.
    let mut flood = ask("flood.test");
    flood.options.max_page_bytes = 1 << 20;
    let records: SourceRecords = bench.run(&flood).await.output();
    assert_eq!(records.cut, Some(Cut::Bytes));
    assert!(!records.domains.is_empty());
    flood.options.max_records = 3;
    let records: SourceRecords = bench.run(&flood).await.output();
    assert_eq!(records.cut, Some(Cut::Records));
}
