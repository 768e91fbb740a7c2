//! Pages that were read are not paid for twice.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sortie_task_defs::source::{Fetch, Shodan, SourceRecords, Sources};
use task_core::Resources;
use task_core::message::Outcome;
use transports::objects::ObjectStoreObjects;
use wiremock::matchers::{method, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::bench::{Bench, KEY};

fn ask() -> Fetch<Shodan> {
    Fetch::new(Shodan::new("x"))
}

fn page(number: u16) -> Value {
    let matches: Vec<_> = (0..100)
        .map(
            |n| json!({"ip_str": "192.0.2.1", "port": 1000 * number + n, "hostnames": ["no name"]}),
        )
        .collect();
    json!({"matches": matches, "total": 300})
}

/// Three pages, of which the third is refused once with `template`.
async fn third_page_refused(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(query_param("page", "3"))
        .respond_with(template)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    for number in 1..=3u16 {
        Mock::given(method("GET"))
            .and(query_param("page", number.to_string()))
            .respond_with(ResponseTemplate::new(200).set_body_json(page(number)))
            .mount(&server)
            .await;
    }
    server
}

/// A worker with an object store.
fn bench(server: &MockServer) -> Bench {
    bench_over(server, Some(&Arc::new(ObjectStoreObjects::memory())))
}

fn bench_over(server: &MockServer, objects: Option<&Arc<ObjectStoreObjects>>) -> Bench {
    let sources = Sources::new()
        .base_url("source.shodan", server.uri())
        .key("SHODAN_API_KEY", KEY);
    Bench::new(Resources::new().with(sources), objects)
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn an_attempt_after_a_failure_goes_on_behind_the_last_page() {
    let server = third_page_refused(ResponseTemplate::new(502)).await;
    let bench = bench(&server);
    let ended = bench.run(&ask()).await;
    assert!(ended.retry().0.contains("page 3: status 502"));
    assert_eq!(requests(&server).await, 3);
    let records: SourceRecords = bench.attempt(&ask(), 2, None).await.output();
    assert_eq!(requests(&server).await, 4);
    assert_eq!((records.pages, records.items), (3, 300));
    assert_eq!(
        (records.endpoints.len(), records.dropped["not_a_name"]),
        (300, 300)
    );
}

#[tokio::test]
async fn half_a_page_counts_once() {
    let half = json!({"matches": page(3)["matches"], "total": "many"});
    let server = third_page_refused(ResponseTemplate::new(200).set_body_raw(
        half.to_string().replace("\"many\"", "3x"),
        "application/json",
    ))
    .await;
    let bench = bench(&server);
    let ended = bench.run(&ask()).await;
    assert!(ended.retry().0.contains("page 3"), "{}", ended.retry().0);
    let records: SourceRecords = bench.attempt(&ask(), 2, None).await.output();
    assert_eq!((records.pages, records.items), (3, 300));
    assert_eq!(
        (records.endpoints.len(), records.dropped["not_a_name"]),
        (300, 300)
    );
}

#[tokio::test]
async fn without_an_object_store_it_begins_again() {
    let server = third_page_refused(ResponseTemplate::new(502)).await;
    let bench = bench_over(&server, None);
    bench.run(&ask()).await.retry();
    let records: SourceRecords = bench.attempt(&ask(), 2, None).await.output();
    assert_eq!((records.pages, requests(&server).await), (3, 6));
}

#[tokio::test]
async fn out_of_time_it_hands_back_what_it_has() {
    let slow = ResponseTemplate::new(200)
        .set_body_json(page(3))
        .set_delay(Duration::from_secs(30));
    let server = third_page_refused(slow).await;
    let bench = bench(&server);
    // The pace takes a second a page, and two are kept back; the rest is for a slow machine.
    let ended = bench
        .attempt(&ask(), 1, Some(Duration::from_secs(10)))
        .await;
    assert!(
        matches!(ended.0.outcome, Outcome::Deadline { .. }),
        "{:?}",
        ended.0.outcome
    );
    let records: SourceRecords = bench.attempt(&ask(), 2, None).await.output();
    assert_eq!((records.pages, requests(&server).await), (3, 4));
}

#[tokio::test]
async fn a_worker_without_time_fails_and_does_not_go_round_in_circles() {
    let server = third_page_refused(ResponseTemplate::new(502)).await;
    let bench = bench(&server);
    let ended = bench.attempt(&ask(), 1, Some(Duration::from_secs(2))).await;
    assert!(ended.retry().0.contains("has not the time for a page"));
    assert_eq!(requests(&server).await, 0);
}
