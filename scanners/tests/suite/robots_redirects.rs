//! Redirects: how far they are followed, and where never.

use sortie_scanners::http::robots::RobotsOutcome as Outcome;

use crate::support::{Reply, Seen, fetcher, http_config, lab_scope, record_with, serve};

const RULES: &str = "User-agent: *\nDisallow: /\n";

/// Sends `/robots.txt` on through `/1`, `/2` and so on, `length` times.
fn chain(length: usize) -> impl Fn(Seen) -> Reply {
    move |seen| {
        let at: usize = seen.path.trim_start_matches('/').parse().unwrap_or(0);
        if at < length {
            Reply::redirect(&format!("/{}", at + 1))
        } else {
            Reply::text(RULES)
        }
    }
}

#[tokio::test]
async fn five_redirects_are_followed_and_kept() {
    let record = record_with(|_| {}, chain(5)).await;
    assert_eq!((record.outcome, record.hops.len()), (Outcome::Rules, 5));
    assert_eq!(record.hops[0], "http://a.test/robots.txt");
    assert_eq!(record.final_url.as_deref(), Some("http://a.test/5"));
}

#[tokio::test]
async fn a_sixth_redirect_is_too_many() {
    let record = record_with(|_| {}, chain(6)).await;
    assert_eq!(
        (record.outcome, record.hops.len()),
        (Outcome::TooManyRedirects, 5)
    );
    assert_eq!(record.status, Some(302));
}

#[tokio::test]
async fn a_url_seen_before_is_a_loop() {
    let to_itself = record_with(|_| {}, |_| Reply::redirect("/robots.txt#again")).await;
    assert_eq!(to_itself.outcome, Outcome::RedirectLoop);
    let back = |seen: Seen| match seen.path.as_str() {
        "/x" => Reply::redirect("http://A.test:80/robots.txt"),
        _ => Reply::redirect("x"),
    };
    assert_eq!(
        record_with(|_| {}, back).await.outcome,
        Outcome::RedirectLoop
    );
}

#[tokio::test]
async fn another_host_in_scope_is_asked() {
    let to_b = |seen: Seen| match seen.host.as_str() {
        "b.test" => Reply::text(RULES),
        _ => Reply::redirect("//b.test/robots.txt?x=1"),
    };
    let record = record_with(|_| {}, to_b).await;
    assert_eq!(record.outcome, Outcome::Rules);
    assert_eq!(
        record.final_url.as_deref(),
        Some("http://b.test/robots.txt?x=1")
    );
}

#[tokio::test]
async fn what_is_not_followed() {
    for (location, expected) in [
        (
            "http://169.254.169.254/latest/meta-data/",
            Outcome::OutOfScope,
        ),
        ("http://[::ffff:169.254.169.254]/", Outcome::OutOfScope),
        ("http://2852039166/", Outcome::OutOfScope),
        ("http://0xa9fea9fe/", Outcome::OutOfScope),
        ("http://127.0.0.2/robots.txt", Outcome::OutOfScope),
        ("http://[::1]/robots.txt", Outcome::OutOfScope),
        ("http://8.8.8.8/robots.txt", Outcome::OutOfScope),
        ("http://out.example/robots.txt", Outcome::OutOfScope),
        ("http://badtest/robots.txt", Outcome::OutOfScope),
        ("http://user:secret@b.test/robots.txt", Outcome::BadRedirect),
        ("http://user@b.test/robots.txt", Outcome::BadRedirect),
        ("http://a.test@out.example/robots.txt", Outcome::BadRedirect),
        ("ftp://b.test/robots.txt", Outcome::BadRedirect),
        ("file:///etc/passwd", Outcome::BadRedirect),
        ("javascript:alert(1)", Outcome::BadRedirect),
        ("http://b.test:22/robots.txt", Outcome::BadRedirect),
        ("http://", Outcome::BadRedirect),
        ("http://a b/", Outcome::BadRedirect),
        ("http://unknown.test/robots.txt", Outcome::NoSuchName),
    ] {
        let record = record_with(|_| {}, move |_| Reply::redirect(location)).await;
        assert_eq!(record.outcome, expected, "{location}");
        assert!(record.detail.is_some());
        assert_eq!(record.status, Some(302));
    }
}

/// A listener that the scope denies must not see so much as a handshake.
#[tokio::test]
async fn a_denied_listener_is_never_connected_to() {
    let denied = tokio::net::TcpListener::bind(("127.0.0.2", 0))
        .await
        .unwrap();
    let denied = crate::support::serve_on(denied, |_| Reply::text(RULES));
    let port = denied.port();
    let front =
        serve(move |_| Reply::redirect(&format!("http://127.0.0.2:{port}/robots.txt"))).await;

    let mut config = http_config(front.port());
    // The port is one that may be named, so that only the scope is in the way.
    config.https_port = port;
    let record = fetcher(config.clone(), lab_scope()).fetch("a.test").await;
    assert_eq!(record.outcome, Outcome::OutOfScope);
    assert_eq!((front.connections(), denied.connections()), (1, 0));

    // The counter works: with the net allowed, the same redirect arrives.
    let scope = lab_scope().allow_net("127.0.0.2/32".parse::<ipnet::IpNet>().unwrap());
    let record = fetcher(config, scope).fetch("a.test").await;
    assert_eq!((record.outcome, denied.connections()), (Outcome::Rules, 1));
}

#[tokio::test]
async fn the_deadline_covers_all_hops() {
    let record = record_with(
        |config| config.deadline = std::time::Duration::from_millis(200),
        |seen| {
            if seen.path == "/slow" {
                Reply::Hang
            } else {
                Reply::redirect("/slow")
            }
        },
    )
    .await;
    assert_eq!((record.outcome, record.hops.len()), (Outcome::Timeout, 1));
}
