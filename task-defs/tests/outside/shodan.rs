use std::time::{Duration, Instant};

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sortie_task_defs::source::{Cut, Fetch, Shodan, SourceRecords};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::bench::{Bench, KEY};

const KIND: &str = "source.shodan";

fn ask() -> Fetch<Shodan> {
    Fetch::new(Shodan::new("hostname:example.com"))
}

/// A banner in the form of Shodan.
fn banner(ip: &str, port: u16) -> Value {
    json!({
        "ip": 3221225985u32, "ip_str": ip, "port": port, "transport": "tcp", "hash": -1423575467,
        "hostnames": ["www.example.com", "_wrong name_"], "domains": ["example.com"],
        "product": "nginx", "version": "1.24.0", "data": "HTTP/1.1 200 OK\r\n\r\n",
        "timestamp": "2026-01-15T05:49:56.283713", "asn": "AS64500", "os": null,
        "_shodan": {"id": "0a1b", "module": "https", "crawler": "c9b6", "options": {}, "ptr": true},
        "ssl": {"versions": ["TLSv1.3"], "cert": {
            "serial": Value::Number("340282366920938463463374607431768211455".parse().unwrap()),
            "fingerprint": {"sha1": "00", "sha256": format!("{port:064x}")},
            "issuer": {"C": "US", "O": "Let's Encrypt", "CN": "R3"},
            "subject": {"CN": "*.example.com"},
            "issued": "20260101000000Z", "expires": "20260401000000Z", "expired": false,
        }},
    })
}

async fn page(server: &MockServer, number: u32, body: Value) {
    Mock::given(method("GET"))
        .and(path("/shodan/host/search"))
        .and(query_param("query", "hostname:example.com"))
        .and(query_param("key", KEY))
        .and(query_param("page", number.to_string()))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

async fn answers(template: ResponseTemplate) -> (MockServer, Bench) {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(template)
        .mount(&server)
        .await;
    let bench = Bench::at(KIND, server.uri());
    (server, bench)
}

#[tokio::test]
async fn banners_become_endpoints_names_and_certificates() {
    let server = MockServer::start().await;
    let mut udp = banner("2001:db8::1", 53);
    udp["transport"] = json!("udp");
    udp["ssl"] = json!(null);
    let bare = json!({"port": 22, "ip_str": "192.0.2.7"});
    let hidden = json!({"port": 80, "hostnames": [], "tor": {}});
    let matches = json!([banner("192.0.2.1", 443), udp, bare, hidden]);
    page(&server, 1, json!({"matches": matches, "total": 4})).await;
    let ended = Bench::at(KIND, server.uri()).run(&ask()).await;
    assert_json_snapshot!("shodan", ended.output::<SourceRecords>());
}

#[tokio::test]
async fn pages_are_read_to_the_last_or_to_the_cap() {
    let server = MockServer::start().await;
    for number in 1..=3u32 {
        let last = if number == 3 { 5 } else { 100 };
        let matches: Vec<_> = (0..last)
            .map(|n| banner("192.0.2.1", u16::try_from(1000 * number + n).unwrap()))
            .collect();
        page(&server, number, json!({"matches": matches, "total": 205})).await;
    }
    let bench = Bench::at(KIND, server.uri());
    let records: SourceRecords = bench.run(&ask()).await.output();
    assert_eq!((records.pages, records.items, records.cut), (3, 205, None));
    assert_eq!(records.endpoints.len(), 205);

    let mut task = ask();
    task.options.max_pages = 2;
    let records: SourceRecords = bench.run(&task).await.output();
    assert_eq!(
        (records.pages, records.items, records.cut),
        (2, 200, Some(Cut::Pages))
    );
}

#[tokio::test]
async fn a_page_without_a_whole_item_ends_it_and_what_came_before_is_kept() {
    let server = MockServer::start().await;
    let total = 300;
    let first =
        json!({"matches": [banner("192.0.2.1", 1), banner("192.0.2.1", 2)], "total": total});
    page(&server, 1, first).await;
    let huge = json!({"ip_str": "192.0.2.1", "port": 3, "data": "x".repeat(1 << 17)});
    page(&server, 2, json!({"matches": [huge], "total": total})).await;
    let mut task = ask();
    task.options.max_page_bytes = 1 << 16;
    let bench = Bench::at(KIND, server.uri());
    let records: SourceRecords = bench.run(&task).await.output();
    assert_eq!(
        (records.pages, records.items, records.cut),
        (2, 2, Some(Cut::Bytes))
    );
    assert_eq!(records.endpoints.len(), 2);
}

#[tokio::test]
async fn a_total_that_lies_ends_with_an_empty_page() {
    let server = MockServer::start().await;
    page(
        &server,
        1,
        json!({"matches": [banner("192.0.2.1", 1)], "total": u64::MAX}),
    )
    .await;
    page(&server, 2, json!({"matches": [], "total": u64::MAX})).await;
    let records: SourceRecords = Bench::at(KIND, server.uri()).run(&ask()).await.output();
    assert_eq!((records.pages, records.items, records.cut), (2, 1, None));
}

#[tokio::test]
async fn its_errors_are_told_by_status_and_text() {
    for (status, error, retries) in [
        (401, "Invalid API key", false),
        (403, "Requires membership or higher to access", false),
        (
            402,
            "Insufficient query credits, please upgrade your API plan",
            false,
        ),
        (
            400,
            "The search request timed out or your query was invalid.",
            true,
        ),
        (500, "Unable to process the request", true),
        (502, "", true),
        // Now and then it says so with status 200.
        (200, "Invalid search query", false),
        (200, "The search request timed out", true),
    ] {
        let template = ResponseTemplate::new(status).set_body_json(json!({"error": error}));
        let (_server, bench) = answers(template).await;
        let ended = bench.run(&ask()).await;
        let said = if retries {
            ended.retry().0
        } else {
            ended.fatal()
        };
        assert!(said.contains(&format!("status {status}")), "{said}");
        assert!(said.contains(error), "{said}");
    }
}

#[tokio::test]
async fn an_answer_that_is_neither_is_fatal() {
    let (_server, bench) = answers(ResponseTemplate::new(200).set_body_string("{}")).await;
    let ended = bench.run(&ask()).await;
    assert!(ended.fatal().contains("neither `total` nor `error`"));
    let port = json!({"matches": [{"port": 70_000}], "total": 1});
    let (_server, bench) = answers(ResponseTemplate::new(200).set_body_json(port)).await;
    let ended = bench.run(&ask()).await;
    assert!(
        ended
            .fatal()
            .contains("item 1: invalid value: integer `70000`"),
        "{}",
        ended.fatal()
    );
}

#[tokio::test]
async fn requests_of_one_worker_keep_their_distance() {
    let server = MockServer::start().await;
    page(&server, 1, json!({"matches": [], "total": 0})).await;
    let bench = Bench::at(KIND, server.uri());
    let began = Instant::now();
    let (ask, again) = (ask(), ask());
    for task in [&ask, &again] {
        bench.run(task).await.output::<SourceRecords>();
    }
    // A second, on a clock of whole milliseconds.
    assert!(began.elapsed() >= Duration::from_millis(990));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}
