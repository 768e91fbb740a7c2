//! Pages: what is kept of them, and where they are not looked for.

use std::time::Duration;

use sortie_scanners::http::Tls;
use sortie_scanners::http::page::{PageConfig, PageFetcher, PageOutcome as Outcome, PageRecord};
use sortie_scanners::resolve::Resolver;
use sortie_scanners::scope::ScopeBuilder;

use crate::support::tls::serve_tls;
use crate::support::{
    Reply, Seen, at_loopback, in_time, lab_scope, refusing_port, serve, serve_on,
};

const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn fetcher(http_port: u16, scope: ScopeBuilder) -> PageFetcher {
    let resolver = at_loopback(&["a.test", "b.test", "out.example"]);
    knowing(resolver, http_port, scope)
}

fn knowing(resolver: Resolver, http_port: u16, scope: ScopeBuilder) -> PageFetcher {
    let config = PageConfig {
        http_port,
        deadline: Duration::from_secs(20),
        max_body: 1000,
        ..PageConfig::default()
    };
    PageFetcher::new(
        config,
        scope.build().unwrap(),
        resolver,
        Tls::observing().unwrap(),
    )
}

/// The record of `http://a.test/` at a server of this kind.
async fn record_of(reply: impl Fn(Seen) -> Reply + Send + Sync + 'static) -> PageRecord {
    let server = serve(reply).await;
    in_time(fetcher(server.port(), lab_scope()).fetch("http://a.test/#top")).await
}

#[tokio::test]
async fn a_page_is_summed_up_behind_its_redirects() {
    let record = record_of(|seen| match seen.path.as_str() {
        "/" => Reply::redirect("//b.test/home?x=1"),
        path => Reply::html(&format!("<title>{} {path}</title>", seen.host)),
    })
    .await;
    assert_eq!((record.outcome, record.status), (Outcome::Page, Some(200)));
    assert_eq!(record.hops, ["http://a.test/"]);
    assert_eq!(record.final_url.as_deref(), Some("http://b.test/home?x=1"));
    assert_eq!(record.title.as_deref(), Some("b.test /home?x=1"));
    assert_eq!(record.content_type.as_deref(), Some("text/html"));
    assert_eq!(
        record.length,
        "<title>b.test /home?x=1</title>".len() as u64
    );
    assert!(record.sha256.is_some() && !record.truncated);
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<PageRecord>(&json).unwrap(), record);
}

#[tokio::test]
async fn the_hash_is_that_of_the_body_and_html_is_asked_for() {
    let record = record_of(|seen| {
        assert!(
            seen.head.contains("\r\nAccept: text/html,"),
            "{}",
            seen.head
        );
        Reply::text("abc")
    })
    .await;
    assert_eq!(record.sha256.as_deref(), Some(SHA256_OF_ABC));
    assert_eq!((record.length, record.title), (3, None));
}

#[tokio::test]
async fn statuses_are_classes_and_keep_their_titles() {
    for (status, expected) in [
        ("201 Created", Outcome::Page),
        ("404 Not Found", Outcome::NotFound),
        ("410 Gone", Outcome::NotFound),
        ("403 Forbidden", Outcome::Blocked),
        ("503 Service Unavailable", Outcome::ServerError),
        ("302 Found", Outcome::BadStatus),
        ("999 Denied", Outcome::BadStatus),
    ] {
        let page = move |_| Reply::with(status, "text/html", b"<title>t</title>");
        let record = record_of(page).await;
        assert_eq!(record.outcome, expected, "{status}");
        assert_eq!(record.title.as_deref(), Some("t"));
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_its_cap() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>t</title>";
    let record = record_of(|_| Reply::Endless(head.to_vec(), vec![b'x'; 4096])).await;
    assert_eq!((record.outcome, record.length), (Outcome::Page, 1000));
    assert!(record.truncated && record.sha256.is_some());
    assert_eq!(record.title.as_deref(), Some("t"));
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_page() {
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<title>t</title>";
    let record = record_of(|_| Reply::Bytes(part.to_vec())).await;
    assert_eq!((record.outcome, record.status), (Outcome::Reset, Some(200)));
    assert!(record.truncated && record.sha256.is_none());
}

#[tokio::test]
async fn what_is_not_asked_is_told_apart() {
    let server = serve(|_| Reply::text("x")).await;
    let fetcher = fetcher(server.port(), lab_scope());
    for (url, expected) in [
        ("", Outcome::InvalidUrl),
        ("a.test", Outcome::InvalidUrl),
        ("ftp://a.test/", Outcome::InvalidUrl),
        ("http://user@a.test/", Outcome::InvalidUrl),
        ("http://unknown.test/", Outcome::NoSuchName),
        ("http://out.example/", Outcome::OutOfScope),
        ("http://127.0.0.2/", Outcome::OutOfScope),
        ("http://[::ffff:169.254.169.254]/", Outcome::OutOfScope),
    ] {
        let record = in_time(fetcher.fetch(url)).await;
        assert_eq!(record.outcome, expected, "{url}: {record:?}");
        assert!(record.detail.is_some(), "{url}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn redirects_go_nowhere_that_the_url_itself_may_not() {
    for (location, expected) in [
        (
            "http://169.254.169.254/latest/meta-data/",
            Outcome::OutOfScope,
        ),
        ("http://out.example/", Outcome::OutOfScope),
        ("http://user:secret@b.test/", Outcome::BadRedirect),
        ("http://b.test:22/", Outcome::BadRedirect),
        ("javascript:alert(1)", Outcome::BadRedirect),
        ("/", Outcome::RedirectLoop),
    ] {
        let record = record_of(move |_| Reply::redirect(location)).await;
        assert_eq!(record.outcome, expected, "{location}");
    }
    let on = |seen: Seen| Reply::redirect(&format!("{}x", seen.path));
    let record = record_of(on).await;
    assert_eq!(
        (record.outcome, record.hops.len()),
        (Outcome::TooManyRedirects, 5)
    );
}

#[tokio::test]
async fn any_port_may_be_named_and_then_redirected_to() {
    let server = serve(|seen| match seen.path.as_str() {
        "/" => Reply::redirect(&format!("http://{}/there", seen.host)),
        _ => Reply::text("abc"),
    })
    .await;
    let url = format!("http://a.test:{}/", server.port());
    let record = in_time(fetcher(80, lab_scope()).fetch(&url)).await;
    assert_eq!((record.outcome, record.hops.len()), (Outcome::Page, 1));
}

#[tokio::test]
async fn a_name_is_asked_for_at_the_address_that_is_given() {
    let server = serve(|seen| Reply::text(&seen.host)).await;
    // It knows no name at all.
    let fetcher = knowing(Resolver::fixed([]), server.port(), lab_scope());
    let at = [server.addr];
    let record = in_time(fetcher.fetch_at("http://virtual.test/", &at)).await;
    assert_eq!(
        (record.outcome, record.length),
        (Outcome::Page, 12),
        "{record:?}"
    );
    assert_eq!(record.peer, Some(server.addr));
    let record = in_time(fetcher.fetch_at("http://out.example/", &at)).await;
    assert_eq!(record.outcome, Outcome::OutOfScope);
    let record = in_time(fetcher.fetch("http://virtual.test/")).await;
    assert_eq!(
        (record.outcome, record.peer),
        (Outcome::NoSuchName, None),
        "{record:?}"
    );
}

/// The name has another address, which is in scope and which would answer.
#[tokio::test]
async fn a_refused_address_is_neither_asked_nor_replaced_by_a_lookup() {
    let other = serve(|_| Reply::text("x")).await;
    let denied = tokio::net::TcpListener::bind(("127.0.0.2", other.port()))
        .await
        .unwrap();
    let denied = serve_on(denied, |_| Reply::text("x"));
    let narrow = fetcher(other.port(), lab_scope());
    let at = [denied.addr];
    let record = in_time(narrow.fetch_at("http://a.test/", &at)).await;
    assert_eq!(record.outcome, Outcome::OutOfScope, "{record:?}");
    assert_eq!((record.status, record.peer), (None, None));
    assert!(record.detail.unwrap().contains("127.0.0.2"));
    assert_eq!((denied.connections(), other.connections()), (0, 0));

    // Of several, those in scope are asked.
    let record = in_time(narrow.fetch_at("http://a.test/", &[denied.addr, other.addr])).await;
    assert_eq!(
        (record.outcome, record.peer),
        (Outcome::Page, Some(other.addr))
    );
    assert_eq!((denied.connections(), other.connections()), (0, 1));

    let wide = lab_scope().allow_net("127.0.0.2/32".parse::<ipnet::IpNet>().unwrap());
    let record = in_time(fetcher(other.port(), wide).fetch_at("http://a.test/", &at)).await;
    assert_eq!(record.outcome, Outcome::Page);
    assert_eq!((denied.connections(), other.connections()), (1, 1));
}

#[tokio::test]
async fn who_is_given_no_address_asks_nobody() {
    let server = serve(|_| Reply::text("x")).await;
    let fetcher = fetcher(server.port(), lab_scope());
    let record = in_time(fetcher.fetch_at("http://a.test/", &[])).await;
    assert_eq!(record.outcome, Outcome::Unreachable);
    // Nor is an address asked for at another one.
    let url = format!("http://127.0.0.1:{}/", server.port());
    let beside = "127.0.0.9:80".parse().unwrap();
    let record = in_time(fetcher.fetch_at(&url, &[beside])).await;
    assert_eq!(record.outcome, Outcome::InvalidUrl, "{record:?}");
    assert_eq!(server.connections(), 0);
}

/// Two URLs that leave out the port: the one that was found, and one that a redirect leads to.
#[tokio::test]
async fn a_port_that_was_found_is_asked_and_not_what_stands_for_it() {
    let lab = serve(|seen| Reply::text(&format!("lab {}", seen.host))).await;
    let found = serve(|seen| match seen.path.as_str() {
        "/" => Reply::redirect("http://A.test:80/again"),
        "/again" => Reply::redirect("https://a.test/"),
        _ => Reply::redirect("http://b.test/"),
    })
    .await;
    let (https_port, _held) = refusing_port();
    let config = PageConfig {
        http_port: lab.port(),
        https_port,
        ..PageConfig::default()
    };
    let (scope, tls) = (lab_scope().build().unwrap(), Tls::observing().unwrap());
    let fetcher = PageFetcher::new(config, scope, at_loopback(&["b.test"]), tls);
    // As if it had been found at port 80.
    let record = in_time(fetcher.fetch_at("http://a.test/", &[found.addr])).await;
    assert_eq!(record.hops, ["http://a.test/", "http://a.test/again"]);
    assert_eq!(record.peer, Some(found.addr));
    assert_eq!((found.connections(), lab.connections()), (2, 0));
    // What was found is not the other scheme of the same name.
    assert_eq!(record.outcome, Outcome::Refused, "{record:?}");

    // Another name is asked for at what stands for port 80.
    let away = in_time(fetcher.fetch_at("http://a.test/away", &[found.addr])).await;
    assert_eq!((away.outcome, away.length), (Outcome::Page, 10), "{away:?}");
}

/// RFC 9110 §7.2: the port is left out where the scheme implies it.
#[tokio::test]
async fn the_host_header_is_that_of_the_url() {
    let server = serve(|seen| Reply::html(&format!("<title>{}</title>", seen.host))).await;
    let fetcher = fetcher(80, lab_scope());
    let (at, port) = ([server.addr], server.port());
    for (url, host) in [
        ("http://a.test/".to_owned(), "a.test".to_owned()),
        ("http://A.test:80/".to_owned(), "a.test".to_owned()),
        ("http://a.test:443/".to_owned(), "a.test:443".to_owned()),
        ("http://127.0.0.1/".to_owned(), "127.0.0.1".to_owned()),
        (
            format!("http://127.0.0.1:{port}/"),
            format!("127.0.0.1:{port}"),
        ),
    ] {
        let record = in_time(fetcher.fetch_at(&url, &at)).await;
        assert_eq!(record.title.as_deref(), Some(host.as_str()), "{record:?}");
    }
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let v6 = serve_on(listener, |seen| {
        Reply::html(&format!("<title>{}", seen.host))
    });
    let scope = lab_scope().allow_net("::1/128".parse::<ipnet::IpNet>().unwrap());
    let fetcher = knowing(Resolver::fixed([]), 80, scope);
    let url = format!("http://[0:0::1]:{}/", v6.port());
    for (url, host) in [
        (url.as_str(), format!("[::1]:{}", v6.port())),
        ("http://[::1]/", "[::1]".to_owned()),
    ] {
        let record = in_time(fetcher.fetch_at(url, &[v6.addr])).await;
        assert_eq!(record.title, Some(host), "{record:?}");
    }
}

#[tokio::test]
async fn pages_come_over_tls_too() {
    let server = serve_tls(&["a.test"], |seen| {
        Reply::html(&format!("<title>{}", seen.path))
    })
    .await;
    let url = format!("https://a.test:{}/x", server.port);
    let record = in_time(fetcher(80, lab_scope()).fetch(&url)).await;
    assert_eq!(record.outcome, Outcome::Page, "{record:?}");
    assert_eq!(record.title.as_deref(), Some("/x"));
}

#[tokio::test]
async fn failures_below_http_are_told_apart() {
    let (port, _held) = refusing_port();
    let refused = in_time(fetcher(port, lab_scope()).fetch("http://a.test/")).await;
    assert_eq!((refused.outcome, refused.status), (Outcome::Refused, None));
    let closed = record_of(|_| Reply::Bytes(Vec::new())).await;
    assert_eq!(closed.outcome, Outcome::Reset);
    let garbage = record_of(|_| Reply::Bytes(b"SSH-2.0-x\r\n".to_vec())).await;
    assert_eq!(garbage.outcome, Outcome::ProtocolError);

    let server = serve(|_| Reply::Hang).await;
    let config = PageConfig {
        http_port: server.port(),
        deadline: Duration::from_millis(200),
        ..PageConfig::default()
    };
    let scope = lab_scope().build().unwrap();
    let tls = Tls::observing().unwrap();
    let hasty = PageFetcher::new(config, scope, at_loopback(&["a.test"]), tls);
    let hung = in_time(hasty.fetch("http://a.test/")).await;
    assert_eq!(hung.outcome, Outcome::Timeout);
    assert_eq!(hung.final_url.as_deref(), Some("http://a.test/"));
}
