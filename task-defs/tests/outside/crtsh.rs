use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sortie_task_defs::source::{Crtsh, Cut, Fetch, SourceOptions, SourceRecords};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::bench::Bench;
use crate::server::{raw, stalls};

const KIND: &str = "source.crtsh";

fn ask() -> Fetch<Crtsh> {
    Fetch::new(Crtsh::new("example.com"))
}

/// A row in the form of crt.sh.
fn row(id: u64, names: &str) -> Value {
    json!({
        "issuer_ca_id": 183267, "issuer_name": "C=US, O=Let's Encrypt, CN=R3",
        "common_name": names.lines().next(), "name_value": names, "id": id,
        "entry_timestamp": "2025-03-07T00:14:48.255", "not_before": "2025-03-06T23:14:48",
        "not_after": "2025-06-04T23:14:48", "serial_number": format!("03{id:034x}"),
        "result_count": 2,
    })
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
async fn rows_become_names_and_certificates() {
    let server = MockServer::start().await;
    let hostile = json!({
        "issuer_name": null, "common_name": null, "id": 0, "serial_number": "",
        "name_value": "admin@example.com\n*.example.com\n\n  WWW.Example.COM. \nno name\n\
                       <script>alert(1)</script>\nbadexample.com\nexample.com.evil.test\n127.0.0.1\n\
                       *.*.example.com\nxn--zzzzzzzzzzzzzz.example.com",
        "not_before": "yesterday", "not_after": "1950-01-01T00:00:00", "entry_timestamp": null,
    });
    let rows = json!([
        row(1, "www.example.com\nexample.com"),
        row(2, "*.dev.example.com\na.dev.example.com"),
        row(1, "www.example.com\nexample.com"),
        row(3, "other.test"),
        hostile,
    ]);
    Mock::given(method("GET"))
        .and(path("/"))
        .and(query_param("q", "%.example.com"))
        .and(query_param("output", "json"))
        .and(header("accept", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(rows))
        .expect(1)
        .mount(&server)
        .await;
    let ended = Bench::at(KIND, server.uri()).run(&ask()).await;
    assert_json_snapshot!("crtsh", ended.output::<SourceRecords>());
    assert!(ended.0.usage.bytes_in > 1000);
}

#[tokio::test]
async fn a_domain_without_certificates_is_no_error() {
    let (_server, bench) = answers(ResponseTemplate::new(200).set_body_string("[]")).await;
    let records: SourceRecords = bench.run(&ask()).await.output();
    let expected = SourceRecords {
        pages: 1,
        ..SourceRecords::default()
    };
    assert_eq!(records, expected);
}

#[tokio::test]
async fn a_page_for_people_with_status_200_is_tried_again() {
    let page = "<!DOCTYPE HTML>\n<HTML><BODY>Sorry, something went wrong</BODY></HTML>";
    let template = ResponseTemplate::new(200).set_body_raw(page, "text/html");
    let (_server, bench) = answers(template).await;
    let ended = bench.run(&ask()).await;
    let (error, after) = ended.retry();
    assert!(
        error.contains("source.crtsh, page 1, ") || error.contains("not JSON"),
        "{error}"
    );
    assert!(error.contains("<!DOCTYPE HTML> <HTML>"), "{error}");
    assert_eq!(after, None);
}

#[tokio::test]
async fn what_it_says_under_load_is_tried_again_and_what_it_means_is_not() {
    for status in [404, 408, 500, 502, 503, 504] {
        let (_server, bench) = answers(ResponseTemplate::new(status)).await;
        let ended = bench.run(&ask()).await;
        assert!(ended.retry().0.contains(&format!("status {status}")));
    }
    let blocked = "This user agent has been blocked due to abuse.";
    let (_server, bench) = answers(ResponseTemplate::new(403).set_body_string(blocked)).await;
    let ended = bench.run(&ask()).await;
    let expected = format!("source.crtsh, page 1: status 403: access denied: {blocked}");
    assert_eq!(ended.fatal(), expected);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = MockServer::start().await;
    let template = ResponseTemplate::new(302).insert_header("location", elsewhere.uri().as_str());
    let (_server, bench) = answers(template).await;
    let ended = bench.run(&ask()).await;
    assert!(ended.fatal().contains("redirects are not followed"));
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_tried_again_and_gives_nothing() {
    let begun =
        serde_json::to_string(&[row(1, "www.example.com"), row(2, "a.example.com")]).unwrap();
    let half = &begun[..begun.len() - 40];
    for answer in [
        // Fewer bytes than were announced; a stream that just ends; chunks without an end.
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{half}",
            begun.len()
        ),
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{half}"),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n",
            half.len()
        ),
        String::new(),
        "SSH-2.0-OpenSSH_9.9\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n[]", "x".repeat(200_000)),
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ] {
        let ended = Bench::at(KIND, raw(answer.clone()).await).run(&ask()).await;
        let beginning = &answer[..answer.len().min(60)];
        assert!(
            ended.retry().0.starts_with("source.crtsh, page 1"),
            "{beginning}"
        );
        assert!(ended.0.data.is_none());
    }
}

#[tokio::test]
async fn rows_of_another_shape_are_fatal_and_name_the_field() {
    for (body, expected) in [
        (
            json!([row(1, "a.example.com"), {"id": 2}]),
            "item 2: missing field `name_value`",
        ),
        (
            json!([{"name_value": ["a.example.com"]}]),
            "item 1: invalid type: sequence",
        ),
        (json!([7]), "item 1: invalid type"),
        (
            json!({"error": "none"}),
            "around the items: invalid type: map",
        ),
        (json!(null), "around the items: invalid type"),
    ] {
        let (_server, bench) = answers(ResponseTemplate::new(200).set_body_json(&body)).await;
        let ended = bench.run(&ask()).await;
        assert!(
            ended.fatal().contains(expected),
            "{} for {body}",
            ended.fatal()
        );
    }
}

#[tokio::test]
async fn a_huge_answer_is_read_item_by_item_up_to_its_caps() {
    let rows: Vec<Value> = (0..20_000)
        .map(|n| row(n, &format!("h{n}.example.com")))
        .collect();
    let body = serde_json::to_vec(&rows).unwrap();
    let template = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let (_server, bench) = answers(template).await;
    let mut task = ask();
    task.options.max_records = 1_001;
    let records: SourceRecords = bench.run(&task).await.output();
    assert_eq!(
        (records.domains.len(), records.certificates.len()),
        (501, 501)
    );
    assert_eq!((records.items, records.cut), (501, Some(Cut::Records)));

    task.options = SourceOptions {
        max_page_bytes: 1 << 16,
        ..SourceOptions::default()
    };
    let records: SourceRecords = bench.run(&task).await.output();
    let whole = whole_rows(&rows, 1 << 16);
    assert_eq!((records.items, records.cut), (whole, Some(Cut::Bytes)));
    assert_eq!(records.certificates.len() as u64, whole);

    // Nothing that came whole is nothing at all.
    let one = json!([{"name_value": "x".repeat(1 << 17)}]);
    let (_server, bench) = answers(ResponseTemplate::new(200).set_body_json(&one)).await;
    let ended = bench.run(&task).await;
    assert_eq!(
        ended.fatal(),
        "source.crtsh, page 1, the answer: it has no item in its first 65536 bytes; raise \
         options.max_page_bytes"
    );
}

/// How many rows end, with the comma behind them, within the first `bytes` of their array.
fn whole_rows(rows: &[Value], bytes: usize) -> u64 {
    let mut end = "[".len();
    let whole = rows.iter().take_while(|row| {
        end += row.to_string().len() + ",".len();
        end <= bytes
    });
    whole.count() as u64
}

#[tokio::test]
async fn a_source_that_stalls_costs_its_time_and_no_more() {
    let bench = Bench::at(KIND, stalls().await);
    let mut task = ask();
    task.options.page_timeout = Duration::from_millis(50);
    let ended = bench.run(&task).await;
    assert_eq!(
        ended.retry().0,
        "source.crtsh, page 1: not read within 50 ms"
    );
}

#[tokio::test]
async fn a_payload_that_is_wrong_is_fatal_before_anything_is_sent() {
    let (server, bench) = answers(ResponseTemplate::new(200).set_body_string("[]")).await;
    for domain in ["", "a b", "127.0.0.1", "*.example.com", "x&output=html"] {
        let ended = bench.run(&Fetch::new(Crtsh::new(domain))).await;
        assert!(
            ended.fatal().starts_with("query.domain is "),
            "{}",
            ended.fatal()
        );
    }
    let mut task = ask();
    task.options.max_pages = 0;
    assert!(
        bench
            .run(&task)
            .await
            .fatal()
            .starts_with("options.max_pages is 0")
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_base_url_beyond_this_machine_must_be_https() {
    let bench = Bench::at(KIND, "http://crt.sh");
    let ended = bench.run(&ask()).await;
    assert!(
        ended
            .fatal()
            .contains("http is allowed to a loopback address only")
    );
    // A name that leads to this machine is not in the scope of the source.
    let bench = Bench::at(KIND, "https://localhost:1");
    let ended = bench.run(&ask()).await;
    assert!(ended.fatal().contains("out of scope"), "{}", ended.fatal());
}
