//! Keys are where they belong, and nowhere else.

use serde_json::json;
use sortie_task_defs::source::{Censys, Fetch, Shodan, Sources};
use task_core::Resources;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::bench::{Bench, KEY};
use crate::server::raw;

/// `KEY` as it stands in a query.
const ENCODED: &str = "K3Y%2Bthat%2Fnobody%3Dmay.see";

#[tokio::test]
async fn a_source_that_quotes_the_key_does_not_get_it_into_an_error() {
    let quotes = [
        (
            401,
            json!({"error": format!("Invalid API key: {KEY}")}).to_string(),
        ),
        (
            429,
            json!({"error": format!("Rate limit reached for {ENCODED}")}).to_string(),
        ),
        (500, format!("<html>GET /?key={ENCODED} failed</html>")),
        (200, format!("{KEY} is no key")),
        (
            200,
            json!({"matches": [{"port": KEY}], "total": 1}).to_string(),
        ),
        (
            200,
            json!({"matches": [], "error": format!("{KEY} is tired")}).to_string(),
        ),
        // What is quoted is cut off, and must not be cut off in the midst of a key.
        (500, format!("{} {KEY}", "x".repeat(190))),
        (
            400,
            json!({"error": format!("{} {ENCODED}", "x".repeat(190))}).to_string(),
        ),
        (200, format!("{} {KEY}", "x".repeat(70))),
    ];
    for (status, body) in quotes {
        let server = MockServer::start().await;
        let template = ResponseTemplate::new(status)
            .insert_header("retry-after", "999")
            .set_body_string(&body);
        Mock::given(any())
            .respond_with(template)
            .mount(&server)
            .await;
        for kind in ["source.shodan", "source.censys"] {
            let bench = Bench::at(kind, server.uri());
            let ended = match kind {
                "source.shodan" => bench.run(&Fetch::new(Shodan::new("x"))).await,
                _ => bench.run(&Fetch::new(Censys::new("x"))).await,
            };
            let said = format!("{:?}", ended.0);
            assert!(said.contains("page 1"), "{said}");
            assert!(!said.contains(KEY) && !said.contains(ENCODED), "{said}");
            let part = |key: &str| said.contains(&key[..8]);
            assert!(!part(KEY) && !part(ENCODED), "{said}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_does_not_get_the_key_into_an_error() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"] {
        let bench = Bench::at("source.shodan", raw(answer).await);
        let ended = bench.run(&Fetch::new(Shodan::new("x"))).await;
        let (error, _) = ended.retry();
        assert!(!error.contains("key=") && !error.contains(KEY), "{error}");
    }
}

#[tokio::test]
async fn a_worker_without_a_key_says_which_it_needs_and_sends_nothing() {
    let server = MockServer::start().await;
    let sources = Sources::new().base_url("source.shodan", server.uri());
    let bench = Bench::with(Resources::new().with(sources));
    let ended = bench.run(&Fetch::new(Shodan::new("x"))).await;
    let expected = "source.shodan: this worker has no key; set SHODAN_API_KEY in its environment";
    assert_eq!(ended.fatal(), expected);

    let sources = Sources::new()
        .base_url("source.shodan", server.uri())
        .key("SHODAN_API_KEY", "a\r\nb");
    let bench = Bench::with(Resources::new().with(sources));
    let ended = bench.run(&Fetch::new(Shodan::new("x"))).await;
    assert!(ended.fatal().contains("not visible ASCII"));
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[test]
fn settings_show_no_key() {
    let sources = Sources::new().key("SHODAN_API_KEY", KEY);
    let shown = format!("{sources:?}");
    assert!(
        shown.contains("SHODAN_API_KEY") && !shown.contains(KEY),
        "{shown}"
    );
}

#[test]
fn a_payload_has_no_place_for_a_key_or_an_address() {
    for payload in [
        json!({"query": {"query": "x", "key": "secret"}}),
        json!({"query": {"query": "x", "base_url": "https://evil.test"}}),
        json!({"query": {"query": "x"}, "base_url": "https://evil.test"}),
        json!({"query": {"query": "x"}, "options": {"base_url": "https://evil.test"}}),
    ] {
        assert!(serde_json::from_value::<Fetch<Shodan>>(payload).is_err());
    }
}
