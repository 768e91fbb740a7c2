//! https first, http when there is no answer.

use sortie_scanners::http::robots::{RobotsConfig, RobotsFetcher, RobotsOutcome as Outcome};
use sortie_scanners::http::{Scheme, Tls};

use crate::support::tls::serve_tls;
use crate::support::{Reply, at_loopback, http_config, lab_scope, refusing_port, serve};

const RULES: &str = "User-agent: *\nDisallow: /\n";

fn both(http_port: u16, https_port: u16) -> RobotsConfig {
    let schemes = vec![Scheme::Https, Scheme::Http];
    RobotsConfig {
        https_port,
        schemes,
        ..http_config(http_port)
    }
}

fn fetcher(config: RobotsConfig, tls: Tls) -> RobotsFetcher {
    RobotsFetcher::new(
        config,
        lab_scope().build().unwrap(),
        at_loopback(&["a.test"]),
        tls,
    )
}

#[tokio::test]
async fn https_with_a_trusted_certificate() {
    let server = serve_tls(&["a.test"], |_| Reply::text(RULES)).await;
    let (closed, _kept) = refusing_port();
    let record = fetcher(both(closed, server.port), server.trusting_client())
        .fetch("a.test")
        .await;
    assert_eq!(record.outcome, Outcome::Rules);
    assert_eq!(
        record.final_url.as_deref(),
        Some("https://a.test/robots.txt")
    );
}

#[tokio::test]
async fn a_certificate_that_does_not_verify() {
    let server = serve_tls(&["other.test"], |_| Reply::text(RULES)).await;
    let (closed, _kept) = refusing_port();
    let config = both(closed, server.port);
    for tls in [server.trusting_client(), Tls::verifying().unwrap()] {
        let record = fetcher(config.clone(), tls).fetch("a.test").await;
        assert_eq!(record.outcome, Outcome::TlsError, "{record:?}");
        assert_eq!(
            record.final_url.as_deref(),
            Some("https://a.test/robots.txt")
        );
    }
    let record = fetcher(config, Tls::observing().unwrap())
        .fetch("a.test")
        .await;
    assert_eq!(record.outcome, Outcome::Rules);
}

#[tokio::test]
async fn http_is_not_tried_when_a_certificate_does_not_verify() {
    let plain = serve(|_| Reply::text(RULES)).await;
    let server = serve_tls(&["other.test"], |_| Reply::text(RULES)).await;
    let config = both(plain.port(), server.port);
    // The wrong name under a trusted root, and a root that nobody trusts.
    for tls in [server.trusting_client(), Tls::verifying().unwrap()] {
        let record = fetcher(config.clone(), tls).fetch("a.test").await;
        assert_eq!(record.outcome, Outcome::TlsError, "{record:?}");
        let detail = record.detail.unwrap();
        assert!(detail.contains("certificate"), "{detail}");
        assert_eq!(
            record.final_url.as_deref(),
            Some("https://a.test/robots.txt")
        );
    }
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn http_is_tried_when_a_handshake_fails_otherwise_or_the_peer_closes() {
    let plain = serve(|_| Reply::text(RULES)).await;
    let not_tls = serve(|_| Reply::text("what?")).await;
    let closing = serve_tls(&["a.test"], |_| Reply::Bytes(Vec::new())).await;
    let cases = [
        (not_tls.port(), Tls::verifying().unwrap()),
        (closing.port, closing.trusting_client()),
    ];
    for (https_port, tls) in cases {
        let record = fetcher(both(plain.port(), https_port), tls)
            .fetch("a.test")
            .await;
        assert_eq!(record.outcome, Outcome::Rules, "{record:?}");
        assert_eq!(
            record.final_url.as_deref(),
            Some("http://a.test/robots.txt")
        );
    }
}

#[tokio::test]
async fn http_is_tried_when_https_does_not_connect() {
    let plain = serve(|_| Reply::text(RULES)).await;
    let (closed, _kept) = refusing_port();
    let not_tls = serve(|_| Reply::text("what?")).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    for https_port in [closed, not_tls.port(), silent_port] {
        let mut config = both(plain.port(), https_port);
        config.connect_timeout = std::time::Duration::from_millis(300);
        let record = fetcher(config, Tls::observing().unwrap())
            .fetch("a.test")
            .await;
        assert_eq!(record.outcome, Outcome::Rules, "{record:?}");
        assert_eq!(
            record.final_url.as_deref(),
            Some("http://a.test/robots.txt")
        );
    }
}

#[tokio::test]
async fn http_is_not_tried_when_https_answers() {
    let plain = serve(|_| Reply::text(RULES)).await;
    let server = serve_tls(&["a.test"], |_| Reply::status("404 Not Found")).await;
    let config = both(plain.port(), server.port);
    let record = fetcher(config, Tls::observing().unwrap())
        .fetch("a.test")
        .await;
    assert_eq!(
        (record.outcome, plain.connections()),
        (Outcome::NotFound, 0)
    );
}

#[tokio::test]
async fn a_redirect_from_http_to_https_takes_the_configured_port() {
    let server = serve_tls(&["a.test"], |_| Reply::text(RULES)).await;
    let plain = serve(|_| Reply::redirect("https://a.test/robots.txt")).await;
    let mut config = both(plain.port(), server.port);
    config.schemes = vec![Scheme::Http];
    let record = fetcher(config, Tls::observing().unwrap())
        .fetch("a.test")
        .await;
    assert_eq!((record.outcome, record.hops.len()), (Outcome::Rules, 1));
}

#[tokio::test]
async fn both_refused_is_refused() {
    let ((http, _a), (https, _b)) = (refusing_port(), refusing_port());
    let record = fetcher(both(http, https), Tls::observing().unwrap())
        .fetch("a.test")
        .await;
    assert_eq!(record.outcome, Outcome::Refused);
}
