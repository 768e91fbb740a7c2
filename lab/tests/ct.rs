//! The search of certificate transparency logs, as a careless and as a careful reader meet it.

#![allow(clippy::unwrap_used)] // helpers of tests are tests too

mod client;

use std::collections::BTreeSet;

use serde_json::Value;
use sortie_lab::{Lab, ct_names, is_valid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Asks for `target`; the answer as it stands, in at most a megabyte.
async fn ask(lab: &Lab, target: &str) -> String {
    let at = lab.ct_url();
    let at = at.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {at}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream
        .take(1_000_000)
        .read_to_end(&mut answer)
        .await
        .unwrap();
    String::from_utf8(answer).unwrap()
}

async fn search(lab: &Lab, domain: &str) -> String {
    ask(
        lab,
        &format!("/?q=%25.{domain}&output=json&exclude=expired"),
    )
    .await
}

/// The rows of an answer, which must be whole.
fn rows(answer: &str) -> Vec<Value> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    serde_json::from_str(body).unwrap()
}

/// What a careful reader makes of rows.
fn clean(rows: &[Value], domain: &str) -> Vec<String> {
    let names: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| row["name_value"].as_str().unwrap().lines())
        .map(|name| name.trim().trim_end_matches('.').to_ascii_lowercase())
        .map(|name| name.strip_prefix("*.").unwrap_or(&name).to_owned())
        .filter(|name| is_valid(name) && !name.contains(".-") && !name.starts_with('-'))
        .filter(|name| name == domain || name.ends_with(&format!(".{domain}")))
        .collect();
    names.into_iter().collect()
}

#[tokio::test]
async fn the_names_are_there_and_only_a_careful_reader_has_no_others() {
    let lab = client::start().await;
    for domain in ["lab.test", "example.test", "sub.example.co.test"] {
        let rows = rows(&search(&lab, domain).await);
        assert_eq!(clean(&rows, domain), ct_names(domain), "{domain}");
        let text = serde_json::to_string(&rows).unwrap();
        for hostile in [
            "@",
            "<script>",
            "*.*.",
            "DROP TABLE",
            "elsewhere.test",
            "127.0.0.1",
        ] {
            assert!(text.contains(hostile), "{hostile} is missing");
        }
    }
    assert_eq!(lab.stats().ct, 3);
}

#[tokio::test]
async fn two_labs_answer_the_same() {
    let (one, two) = (client::start().await, client::start().await);
    assert_eq!(
        search(&one, "example.test").await,
        search(&two, "example.test").await
    );
    let rows = rows(&search(&one, "example.test").await);
    // In which order a map keeps its keys depends on what else is built with it.
    insta::with_settings!({sort_maps => true}, {
        insta::assert_json_snapshot!("ct_example", rows);
    });
}

#[tokio::test]
async fn what_is_no_domain_has_no_rows() {
    let lab = client::start().await;
    for domain in ["", "test", "no%20name.test", "127.0.0.1", &"a.".repeat(150)] {
        assert_eq!(rows(&search(&lab, domain).await).len(), 0, "{domain}");
    }
    for target in ["/?q=%25.lab.test", "/x?q=%25.lab.test&output=json", "/"] {
        assert!(
            ask(&lab, target).await.starts_with("HTTP/1.1 404 "),
            "{target}"
        );
    }
}

#[tokio::test]
async fn some_domains_bring_trouble() {
    let lab = client::start().await;
    let html = search(&lab, "html.test").await;
    assert!(html.starts_with("HTTP/1.1 200 OK\r\n") && html.contains("<!DOCTYPE html>"));
    assert!(search(&lab, "gone.test").await.starts_with("HTTP/1.1 404 "));
    let busy = search(&lab, "busy.test").await;
    assert!(busy.starts_with("HTTP/1.1 503 ") && busy.contains("Retry-After: 1\r\n"));
    assert_eq!(
        clean(&rows(&search(&lab, "busy.test").await), "busy.test"),
        ct_names("busy.test")
    );
    let cut = search(&lab, "cut.test").await;
    assert!(serde_json::from_str::<Value>(cut.split_once("\r\n\r\n").unwrap().1).is_err());
    assert_eq!(search(&lab, "flood.test").await.len(), 1_000_000);
}
