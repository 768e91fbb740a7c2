//! Rate limits, in the forms in which they come.

use std::time::{Duration, SystemTime};

use serde_json::json;
use sortie_task_defs::source::{Crtsh, Fetch, Shodan, SourceRecords};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::bench::Bench;

fn crtsh() -> Fetch<Crtsh> {
    Fetch::new(Crtsh::new("example.com"))
}

/// A server that refuses the first request with `template`, and answers the second.
async fn refuses_once(template: ResponseTemplate, answer: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(template)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string(answer))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_short_wait_is_waited_for() {
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "1");
    let server = refuses_once(limited, r#"{"matches":[],"total":0}"#).await;
    let bench = Bench::at("source.shodan", server.uri());
    let began = tokio::time::Instant::now();
    let records: SourceRecords = bench.run(&Fetch::new(Shodan::new("x"))).await.output();
    assert_eq!(records.pages, 1);
    assert!(began.elapsed() >= Duration::from_millis(990));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_long_wait_ends_the_attempt_and_holds_the_tasks_beside_it() {
    let limited = ResponseTemplate::new(429)
        .insert_header("retry-after", "3600")
        .set_body_json(json!({"error": "Rate limit reached"}));
    let server = refuses_once(limited, "[]").await;
    let bench = Bench::at("source.crtsh", server.uri());
    let ended = bench.run(&crtsh()).await;
    assert_eq!(
        ended.retry(),
        (
            "source.crtsh, page 1: status 429: Rate limit reached",
            Some(3_600_000)
        )
    );
    let ended = bench.run(&crtsh()).await;
    let (error, after) = ended.retry();
    assert!(error.contains("it may be asked again in"), "{error}");
    assert!(
        after.is_some_and(|ms| (3_500_000..=3_600_000).contains(&ms)),
        "{after:?}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_form_of_a_wait_is_understood() {
    let in_an_hour = SystemTime::now() + Duration::from_secs(3600);
    let unix = in_an_hour
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    for (status, name, value) in [
        (429, "retry-after", httpdate::fmt_http_date(in_an_hour)),
        (503, "retry-after", "3600".to_owned()),
        (429, "x-ratelimit-reset", "3600".to_owned()),
        (429, "x-ratelimit-reset", unix.to_string()),
        (429, "ratelimit-reset", "3600".to_owned()),
    ] {
        let template = ResponseTemplate::new(status).insert_header(name, value.as_str());
        let server = refuses_once(template, "[]").await;
        let ended = Bench::at("source.crtsh", server.uri()).run(&crtsh()).await;
        let (_, after) = ended.retry();
        let hour = 3_000_000..=3_600_000;
        assert!(
            after.is_some_and(|ms| hour.contains(&ms)),
            "{name}: {value}: {after:?}"
        );
    }
}

#[tokio::test]
async fn a_wait_of_nonsense_or_of_a_century_is_not_believed() {
    for (value, longest) in [
        ("soon", 60_000),
        ("-5", 60_000),
        ("999999999999", 24 * 3_600_000),
    ] {
        let limited = ResponseTemplate::new(429).insert_header("retry-after", value);
        let server = refuses_once(limited, "[]").await;
        let ended = Bench::at("source.crtsh", server.uri()).run(&crtsh()).await;
        let (_, after) = ended.retry();
        assert!(after.is_none_or(|ms| ms <= longest), "{value}: {after:?}");
    }
}

#[tokio::test]
async fn a_limit_that_is_used_up_by_a_good_answer_holds_the_next_request() {
    let used_up = ResponseTemplate::new(200)
        .set_body_string("[]")
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", "3600");
    let server = refuses_once(used_up, "[]").await;
    let bench = Bench::at("source.crtsh", server.uri());
    bench.run(&crtsh()).await.output::<SourceRecords>();
    let ended = bench.run(&crtsh()).await;
    assert!(ended.retry().1.is_some_and(|ms| ms > 3_500_000));
}
