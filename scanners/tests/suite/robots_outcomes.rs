//! One server for each class of outcome.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::{
    Reply, fetcher, http_config, in_time, lab_scope, record_of, record_with, refusing_port, serve,
};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use sortie_scanners::http::robots::{CoarseOutcome, RobotsAccess, RobotsOutcome as Outcome};

const RULES: &str = "User-agent: *\nDisallow: /private\nSitemap: http://a.test/map.xml\n";

#[tokio::test]
async fn rules() {
    let record = record_of(|| Reply::text(RULES)).await;
    assert_eq!(record.outcome, Outcome::Rules);
    assert_eq!(record.status, Some(200));
    assert_eq!(record.body.as_deref(), Some(RULES));
    assert_eq!((record.rules, record.groups, record.sitemaps), (1, 1, 1));
    assert_eq!(
        record.final_url.as_deref(),
        Some("http://a.test/robots.txt")
    );
    assert_eq!(record.bytes_body, RULES.len() as u64);
    assert!(record.bytes_read > record.bytes_body && !record.truncated && record.hops.is_empty());
    assert_eq!(record.access(), RobotsAccess::Rules);
    assert_eq!(record.coarse(), CoarseOutcome::Found);
}

#[tokio::test]
async fn the_request_names_the_host_and_the_agent() {
    let record = record_with(
        |config| config.user_agent = "probe/7".to_owned(),
        |seen| {
            let right = seen.host == "a.test"
                && seen.path == "/robots.txt"
                && seen.head.contains("User-Agent: probe/7\r\n");
            if right {
                Reply::text(RULES)
            } else {
                Reply::status("500 Wrong")
            }
        },
    )
    .await;
    assert_eq!(record.outcome, Outcome::Rules);
}

#[tokio::test]
async fn rules_in_any_framing_and_coding() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        f;x=y\r\nUser-agent: *\nD\r\n0b\r\nisallow: /p\r\n0\r\n\r\n";
    let close_delimited = format!("HTTP/1.0 200 OK\r\n\r\n{RULES}");
    let interim =
        format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{RULES}");
    let bare_lf = format!("HTTP/1.1 200\n\n{RULES}");
    let plain: [&[u8]; 4] = [
        chunked,
        close_delimited.as_bytes(),
        interim.as_bytes(),
        bare_lf.as_bytes(),
    ];
    for bytes in plain {
        let bytes = bytes.to_vec();
        let record = record_of(move || Reply::Bytes(bytes.clone())).await;
        assert_eq!(record.outcome, Outcome::Rules, "{record:?}");
    }
    for (coding, body) in [
        ("gzip", gzip(RULES)),
        ("deflate", zlib(RULES)),
        ("deflate", raw(RULES)),
    ] {
        let record = record_of(move || coded(coding, &body)).await;
        assert_eq!(record.body.as_deref(), Some(RULES), "{coding}");
    }
}

#[tokio::test]
async fn rules_in_other_encodings() {
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(RULES.encode_utf16().flat_map(u16::to_le_bytes));
    let mut utf16_be = vec![0xfe, 0xff];
    utf16_be.extend(RULES.encode_utf16().flat_map(u16::to_be_bytes));
    let utf8 = [b"\xef\xbb\xbf", RULES.as_bytes()].concat();
    for body in [utf16, utf16_be, utf8] {
        let record = record_of(move || Reply::with("200 OK", "text/plain", &body)).await;
        assert_eq!(record.body.as_deref(), Some(RULES));
    }
    let latin1 = b"# r\xe8gles\nUser-agent: *\nDisallow: /caf\xe9\n";
    let record = record_of(|| Reply::with("200 OK", "text/plain", latin1)).await;
    assert_eq!((record.outcome, record.rules), (Outcome::Rules, 1));
}

#[tokio::test]
async fn content_classes() {
    let page = "<!doctype html><title>Shop</title><p>Welcome to the shop of wonders</p>";
    let cases = [
        (Reply::text(""), Outcome::Empty),
        (Reply::text(" \r\n# nothing here\n\n"), Outcome::Empty),
        (Reply::status("204 No Content"), Outcome::Empty),
        (Reply::html(page), Outcome::Html),
        (Reply::html("just words, sent as a page"), Outcome::Html),
        (Reply::html(RULES), Outcome::Rules),
        (Reply::text("hello world"), Outcome::NoRules),
        (Reply::text("Disallow: /rule-of-no-group"), Outcome::NoRules),
        (
            Reply::text("Sitemap: https://a.test/map.xml"),
            Outcome::Rules,
        ),
        (
            Reply::with("200 OK", "text/plain", b"\x7fELF\x02\x01\0\0User-agent: *"),
            Outcome::Binary,
        ),
        (
            Reply::with("200 OK", "text/plain", &[0x8f; 300]),
            Outcome::Binary,
        ),
        (coded("br", b"whatever"), Outcome::Binary),
    ];
    for (reply, expected) in cases {
        let Reply::Bytes(bytes) = reply else {
            panic!("canned")
        };
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        // A random path gives 404, so nothing is soft.
        let record = record_with(
            |_| {},
            move |seen| match seen.path.as_str() {
                "/robots.txt" => Reply::Bytes(bytes.clone()),
                _ => Reply::status("404 Not Found"),
            },
        )
        .await;
        assert_eq!(record.outcome, expected, "{shown}");
        assert_eq!(record.body.is_some(), expected == Outcome::Rules);
    }
}

#[tokio::test]
async fn a_page_for_every_path_is_a_soft_404() {
    let page = |path: &str| format!("<html><h1>Oops</h1>We have no {path} on this nice site.");
    let record = record_with(|_| {}, move |seen| Reply::html(&page(&seen.path))).await;
    assert_eq!(
        (record.outcome, record.status),
        (Outcome::Soft404, Some(200))
    );

    let record = record_with(
        |config| config.soft404 = false,
        move |s| Reply::html(&page(&s.path)),
    );
    assert_eq!(record.await.outcome, Outcome::Html);
}

#[tokio::test]
async fn a_redirect_of_every_path_is_a_soft_404() {
    let record = record_with(
        |_| {},
        |seen| match seen.path.as_str() {
            "/" => Reply::html("<html>The front page"),
            _ => Reply::redirect("/"),
        },
    )
    .await;
    assert_eq!((record.outcome, record.hops.len()), (Outcome::Soft404, 1));
}

#[tokio::test]
async fn only_suspicious_pages_cost_a_second_request() {
    for (body, connections) in [(RULES, 1), ("", 1), ("# x", 1), ("\0", 1), ("<html>", 2)] {
        let server = serve(move |_| Reply::text(body)).await;
        fetcher(http_config(server.port()), lab_scope())
            .fetch("a.test")
            .await;
        assert_eq!(server.connections(), connections, "{body:?}");
    }
}

#[tokio::test]
async fn a_probe_that_hangs_leaves_the_page_a_page() {
    let record = record_with(
        |config| config.deadline = Duration::from_millis(300),
        |seen| match seen.path.as_str() {
            "/robots.txt" => Reply::html("<html>"),
            _ => Reply::Hang,
        },
    )
    .await;
    assert_eq!(record.outcome, Outcome::Html);
}

#[tokio::test]
async fn statuses() {
    let cases = [
        ("404 Not Found", Outcome::NotFound, RobotsAccess::AllowAll),
        ("410 Gone", Outcome::NotFound, RobotsAccess::AllowAll),
        ("418 Teapot", Outcome::NotFound, RobotsAccess::AllowAll),
        ("401 Unauthorized", Outcome::Blocked, RobotsAccess::AllowAll),
        ("403 Forbidden", Outcome::Blocked, RobotsAccess::AllowAll),
        (
            "429 Too Many Requests",
            Outcome::Blocked,
            RobotsAccess::AllowAll,
        ),
        ("451 Unavailable", Outcome::Blocked, RobotsAccess::AllowAll),
        ("500 Oops", Outcome::ServerError, RobotsAccess::DisallowAll),
        ("503 Busy", Outcome::ServerError, RobotsAccess::DisallowAll),
        (
            "101 Switching Protocols",
            Outcome::BadStatus,
            RobotsAccess::DisallowAll,
        ),
        ("302 Found", Outcome::BadStatus, RobotsAccess::DisallowAll),
        (
            "304 Not Modified",
            Outcome::BadStatus,
            RobotsAccess::DisallowAll,
        ),
        ("999 Denied", Outcome::BadStatus, RobotsAccess::DisallowAll),
    ];
    for (status, outcome, access) in cases {
        let record = record_of(move || Reply::status(status)).await;
        assert_eq!(
            (record.outcome, record.access()),
            (outcome, access),
            "{status}"
        );
        assert_eq!(record.status, status[..3].parse().ok());
    }
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_cut_and_parsed() {
    let mut body = String::from("User-agent: *\n");
    while body.len() < 600_000 {
        body.push_str("Disallow: /some/rather/long/path\n");
    }
    let record = record_of(move || Reply::text(&body)).await;
    assert_eq!((record.outcome, record.truncated), (Outcome::Rules, true));
    assert_eq!(record.bytes_body, 512_000);
    // The line that the cap cut through is no rule.
    assert!(record.body.unwrap().ends_with("path\n"));
}

#[tokio::test]
async fn endless_bodies_end_at_the_cap() {
    let head = b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *\n".to_vec();
    let chunk = b"Disallow: /x\n".repeat(500);
    let record = in_time(record_of(move || {
        Reply::Endless(head.clone(), chunk.clone())
    }))
    .await;
    assert_eq!((record.outcome, record.truncated), (Outcome::Rules, true));
    assert!(record.bytes_read < 600_000, "{}", record.bytes_read);

    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = b"1\r\n#\r\n".repeat(500);
    let record = in_time(record_of(move || {
        Reply::Endless(head.clone(), chunk.clone())
    }))
    .await;
    assert_eq!((record.outcome, record.truncated), (Outcome::Empty, true));
}

#[tokio::test]
async fn a_gzip_bomb_costs_no_more_than_the_cap() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(b"User-agent: *\n").unwrap();
    for _ in 0..150 {
        bomb.write_all(&b"#".repeat(32 * 1024)).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let record = record_of(move || coded("gzip", &bomb)).await;
    assert_eq!((record.outcome, record.truncated), (Outcome::Rules, true));
    assert_eq!(record.bytes_body, 512_000);
}

#[tokio::test]
async fn resets_and_closes() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n".to_vec();
    let cut_rules = [&cut[..], RULES.as_bytes()].concat();
    let cases = [
        (Reply::Bytes(Vec::new()), Outcome::Reset),
        (Reply::ThenReset(Vec::new()), Outcome::Reset),
        (
            Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
            Outcome::Reset,
        ),
        (Reply::Bytes(cut.clone()), Outcome::Reset),
        (Reply::Bytes([&cut[..], b"<html>"].concat()), Outcome::Reset),
        (Reply::Bytes(cut_rules), Outcome::Rules),
    ];
    for (reply, expected) in cases {
        let (bytes, reset) = match reply {
            Reply::Bytes(bytes) => (bytes, false),
            Reply::ThenReset(bytes) => (bytes, true),
            _ => panic!("canned"),
        };
        let record = record_of(move || match reset {
            true => Reply::ThenReset(bytes.clone()),
            false => Reply::Bytes(bytes.clone()),
        })
        .await;
        assert_eq!(record.outcome, expected, "{record:?}");
        assert_eq!(
            record.truncated,
            expected == Outcome::Rules || record.status.is_some()
        );
    }
}

#[tokio::test]
async fn what_is_no_http() {
    let flood: String = (0..300).map(|n| format!("X-{n}: y\r\n")).collect();
    let cases = [
        "SSH-2.0-OpenSSH_9.9\r\n".to_owned(),
        "HTTP/1.1 OK\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{flood}\r\n"),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(70_000)),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip at all".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(20),
    ];
    for bytes in cases {
        let shown = bytes[..bytes.len().min(60)].to_owned();
        let record = record_of(move || Reply::Bytes(bytes.clone().into())).await;
        assert_eq!(record.outcome, Outcome::ProtocolError, "{shown}");
        assert!(record.detail.is_some());
    }
}

#[tokio::test]
async fn an_endless_head_ends_at_the_cap() {
    let reply = || Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".repeat(100));
    let record = in_time(record_of(reply)).await;
    assert_eq!(record.outcome, Outcome::ProtocolError);
    assert!(record.bytes_read < 100_000);
}

#[tokio::test]
async fn slow_and_silent_servers_time_out() {
    let replies: [fn() -> Reply; 3] = [
        || Reply::Hang,
        || Reply::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec()),
        || Reply::Drip(b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *\n".to_vec()),
    ];
    for reply in replies {
        let start = Instant::now();
        let deadline = Duration::from_millis(200);
        let record = record_with(|config| config.deadline = deadline, move |_| reply()).await;
        assert_eq!(
            (record.outcome, record.coarse()),
            (Outcome::Timeout, CoarseOutcome::TimedOut)
        );
        assert!(start.elapsed() >= deadline && start.elapsed() < Duration::from_secs(10));
        assert!(record.millis >= 200);
    }
}

#[tokio::test]
async fn nothing_listens() {
    let (port, _kept) = refusing_port();
    let record = fetcher(http_config(port), lab_scope())
        .fetch("a.test")
        .await;
    assert_eq!((record.outcome, record.status), (Outcome::Refused, None));
}

#[tokio::test]
async fn names_that_lead_nowhere() {
    let fetcher = fetcher(http_config(1), lab_scope());
    for (name, expected) in [
        ("unknown.test", Outcome::NoSuchName),
        ("out.example", Outcome::OutOfScope),
        ("", Outcome::InvalidName),
        ("two words.test", Outcome::InvalidName),
        ("127.0.0.1", Outcome::InvalidName),
        ("a.test/../", Outcome::InvalidName),
        ("http://a.test", Outcome::InvalidName),
    ] {
        let record = fetcher.fetch(name).await;
        assert_eq!(record.outcome, expected, "{name}");
        assert_eq!(record.domain, name);
    }
}

#[test]
fn classes_have_one_spelling() {
    for outcome in Outcome::ALL {
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(json, format!("\"{outcome}\""));
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
    }
}

fn coded(coding: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n");
    Reply::Bytes([head.as_bytes(), body].concat())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn raw(text: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
