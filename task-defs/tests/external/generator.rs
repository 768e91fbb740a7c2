use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sortie_task_defs::robots::{RobotsGenerated, RobotsGenerator, RobotsScan, Targets};
use task_core::Payload;
use task_core::message::{NewChild, Outcome};

use crate::bench::{Bench, Ended};

fn children(ended: &Ended) -> Vec<&NewChild> {
    ended
        .children
        .iter()
        .flat_map(|create| &create.children)
        .collect()
}

async fn scans(bench: &Bench, ended: &Ended) -> Vec<RobotsScan> {
    let mut scans = Vec::new();
    for child in children(ended) {
        scans.push(match &child.payload {
            Payload::Inline(_) => child.payload.decode().unwrap(),
            Payload::Claim(claim) => serde_json::from_str(&bench.fetch(claim).await).unwrap(),
        });
    }
    scans
}

#[tokio::test]
async fn a_list_in_the_object_store_becomes_children_and_the_same_ones_each_time() {
    let bench = Bench::new().await;
    // Long chunks, so that payloads are checked in, and a duplicate.
    let text: String = (0..10_000)
        .map(|n| format!("{n},site-{}.example\n", n % 9999))
        .collect();
    let list = Targets::parse(text.as_bytes()).unwrap();
    let targets = Targets::store(&list, &*bench.objects).await.unwrap();
    assert_eq!(
        Targets::store(&list, &*bench.objects).await.unwrap(),
        targets
    );
    let generator = RobotsGenerator {
        chunk: 4000,
        ..targets.into()
    };

    let ended = bench.run(&generator).await;
    assert_eq!(
        ended.complete.outcome,
        Outcome::Succeeded { children: Some(3) }
    );
    let output: RobotsGenerated = ended.complete.data.as_ref().unwrap().decode().unwrap();
    assert_eq!((output.tasks, output.targets.names), (3, 9999));
    let first = scans(&bench, &ended).await;
    let names: BTreeSet<&str> = first
        .iter()
        .flat_map(|scan| &scan.names)
        .map(String::as_str)
        .collect();
    assert_eq!(names, list.names().collect());
    let targets: u64 = children(&ended).iter().map(|child| child.targets).sum();
    assert_eq!(targets, 9999);

    let again = bench.run_attempt(&generator, 2, None, None).await;
    assert_eq!(scans(&bench, &again).await, first);
}

#[tokio::test]
async fn a_generator_goes_on_with_its_own_tasks_alone() {
    let bench = Bench::new().await;
    let names = (0..9).map(|n| format!("n{n}.example"));
    let generator = RobotsGenerator {
        chunk: 2,
        ..Targets::Inline(names.collect()).into()
    };
    // Hardly any time, which is one task.
    let short = Some(Duration::from_secs(3));
    let begun = bench.run_attempt(&generator, 1, None, short).await;
    let Outcome::Deadline { cursor, .. } = begun.complete.outcome else {
        panic!("{:?}", begun.complete.outcome)
    };
    // As if another version of the program shuffled otherwise.
    let other = RobotsGenerator {
        seed: 1,
        ..generator.clone()
    };
    let ended = bench.run_attempt(&other, 2, Some(cursor.clone()), None);
    let Outcome::Fatal { error } = ended.await.complete.outcome else {
        panic!("it goes on")
    };
    assert!(error.contains("has created 1 tasks"), "{error}");
    let ended = bench.run_attempt(&generator, 2, Some(cursor), None).await;
    let outcome = Outcome::Succeeded { children: Some(5) };
    assert_eq!(ended.complete.outcome, outcome);
    assert_eq!(children(&ended).len(), 4);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_fatal_and_names_its_line() {
    let bench = Bench::new().await;
    let targets = Targets::Inline(vec!["a.example".to_owned(), "x".repeat(3000)]);
    let ended = bench.run(&RobotsGenerator::from(targets)).await;
    assert!(ended.children.is_empty());
    let error = "targets: line 2 has more than 2048 bytes; is this a list of names?".to_owned();
    assert_eq!(ended.complete.outcome, Outcome::Fatal { error });
}

#[tokio::test]
async fn duplicates_and_comments_are_counted() {
    let bench = Bench::new().await;
    let targets: Targets = ["a.example", "A.example.", "# b", "no name"]
        .into_iter()
        .collect();
    let ended = bench.run(&RobotsGenerator::from(targets)).await;
    let output: serde_json::Value = ended.complete.data.unwrap().decode().unwrap();
    let targets = json!({"lines": 4, "names": 2, "malformed": 1, "duplicates": 1, "blank": 1});
    assert_eq!(output, json!({"targets": targets, "tasks": 1}));
}
