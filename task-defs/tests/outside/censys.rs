use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sortie_task_defs::source::{Censys, Fetch, SourceRecords};
use wiremock::matchers::{body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::bench::{Bench, KEY};

const KIND: &str = "source.censys";

fn ask() -> Fetch<Censys> {
    Fetch::new(Censys {
        query: "host.dns.names: \"example.com\"".to_owned(),
        organization: Some("11111111-2222-3333-4444-555555555555".to_owned()),
    })
}

fn certificate(hash: char) -> Value {
    json!({
        "fingerprint_sha256": String::from(hash).repeat(64),
        "names": ["*.example.com", "example.com", "mailto:x"],
        "added_at": "2026-01-02T03:04:05Z", "parse_status": "success",
        "parsed": {
            "issuer_dn": "C=US, O=Let's Encrypt, CN=R11", "subject_dn": "CN=example.com",
            "serial_number": "1234", "serial_number_hex": "04D2",
            "validity_period": {"not_before": "2026-01-01T00:00:00Z",
                "not_after": "2026-04-01T00:00:00Z", "length_seconds": 7776000},
        },
    })
}

fn hits() -> Value {
    json!([
        {"host_v1": {"extensions": {}, "matched_services": [], "resource": {
            "ip": "192.0.2.10", "dns": {"names": ["a.example.com", "bad name"]},
            "services": [
                {"port": 443, "transport_protocol": "tcp", "protocol": "HTTP",
                 "scan_time": "2026-02-03T04:05:06Z", "cert": certificate('a'),
                 "software": [{"vendor": "f5", "product": "nginx", "version": "1.25"}, {}]},
                {"port": 443, "transport_protocol": "quic", "protocol": "HTTP"},
                {"port": 53, "transport_protocol": "udp", "protocol": "DNS", "software": null},
                {"transport_protocol": "icmp"},
                {"port": 0, "transport_protocol": "icmp"},
            ]}}},
        {"host_v1": {"resource": {"ip": "2001:db8::2", "services": null}}},
        {"webproperty_v1": {"extensions": {}, "resource": {"hostname": "shop.example.com",
            "port": 443, "cert": certificate('b')}}},
        {"certificate_v1": {"extensions": {}, "resource": certificate('c')}, "tags": null},
        {"satellite_v1": {"resource": {}}},
    ])
}

fn result(hits: &Value, next: &str) -> Value {
    json!({"result": {"hits": hits, "next_page_token": next, "previous_page_token": "",
        "query_duration_millis": 12, "total_hits": 5.0}})
}

async fn answers(template: ResponseTemplate) -> (MockServer, Bench) {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(template)
        .mount(&server)
        .await;
    let bench = Bench::at(KIND, server.uri());
    (server, bench)
}

#[tokio::test]
async fn hits_become_endpoints_names_and_certificates() {
    let server = MockServer::start().await;
    let request = || {
        Mock::given(method("POST"))
            .and(path("/v3/global/search/query"))
            .and(query_param(
                "organization_id",
                "11111111-2222-3333-4444-555555555555",
            ))
            .and(header("authorization", format!("Bearer {KEY}").as_str()))
            .and(header("content-type", "application/json"))
    };
    request()
        .and(body_partial_json(json!({"page_token": "second"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(result(&json!(null), "")))
        .expect(1)
        .mount(&server)
        .await;
    request()
        .and(body_partial_json(
            json!({"query": ask().query.query, "page_size": 100}),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(result(&hits(), "second")))
        .expect(1)
        .mount(&server)
        .await;
    let ended = Bench::at(KIND, server.uri()).run(&ask()).await;
    assert_json_snapshot!("censys", ended.output::<SourceRecords>());
}

#[tokio::test]
async fn a_token_that_leads_to_its_own_page_is_the_last() {
    let template = ResponseTemplate::new(200).set_body_json(result(&json!([{}]), "same"));
    let (server, bench) = answers(template).await;
    let records: SourceRecords = bench.run(&ask()).await.output();
    assert_eq!((records.pages, records.dropped["unknown_hit"]), (2, 2));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn its_errors_are_told_by_status_with_their_text() {
    let problem = |status: u16, title: &str, detail: &str| {
        let body =
            json!({"title": title, "status": status, "detail": detail, "type": "about:blank"});
        ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/problem+json")
    };
    let token = json!({"error": {"code": 401, "status": "Unauthorized",
        "message": "Access credentials are invalid", "reason": "expired"}});
    for (template, expected) in [
        (
            ResponseTemplate::new(401).set_body_json(token),
            "access denied: Access credentials are invalid",
        ),
        (
            problem(403, "Forbidden", "no API access role"),
            "access denied: no API access role",
        ),
        (
            problem(422, "Unprocessable Entity", "invalid query at 5"),
            "status 422: invalid query at 5",
        ),
    ] {
        let (_server, bench) = answers(template).await;
        let ended = bench.run(&ask()).await;
        assert!(ended.fatal().contains(expected), "{}", ended.fatal());
    }
    let (_server, bench) = answers(problem(500, "Internal Server Error", "")).await;
    let ended = bench.run(&ask()).await;
    assert!(ended.retry().0.contains("status 500"));
}

#[tokio::test]
async fn an_answer_without_a_result_is_fatal() {
    let (_server, bench) =
        answers(ResponseTemplate::new(200).set_body_string("{\"hits\":[]}")).await;
    let ended = bench.run(&ask()).await;
    assert!(
        ended
            .fatal()
            .contains("around the items: missing field `result`"),
        "{}",
        ended.fatal()
    );
    let (_server, bench) =
        answers(ResponseTemplate::new(200).set_body_json(result(&json!([{"host_v1": {}}]), "")))
            .await;
    let ended = bench.run(&ask()).await;
    assert!(
        ended.fatal().contains("item 1: missing field `resource`"),
        "{}",
        ended.fatal()
    );
}
