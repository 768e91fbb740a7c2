//! The lab in a process of its own, and the description it prints.

mod client;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use sortie_lab::{LabInfo, Stats, names};

#[test]
fn a_lab_of_its_own_describes_itself_serves_and_ends_with_stdin() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
        .arg("fast")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let info = LabInfo::read(&mut out).unwrap();
    assert_eq!(info.pid, child.id());
    assert!(info.ca_der().is_some_and(|der| der.len() > 100));

    let name = names(0..100)
        .find(|name| info.truth(name).outcome == "rules")
        .unwrap();
    // The fast mix lives on the addresses that speak http only.
    let mut stream = TcpStream::connect(("127.77.0.11", info.http_port)).unwrap();
    write!(stream, "GET /robots.txt HTTP/1.0\r\nHost: {name}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    let body = info.truth(&name).body.unwrap();
    assert_eq!(
        answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4 + body.len,
        answer.len()
    );

    drop(child.stdin.take());
    let mut last = String::new();
    out.read_line(&mut last).unwrap();
    let stats: Stats = serde_json::from_str(&last).unwrap();
    assert_eq!((stats.requests, stats.forbidden_hits), (1, 0));
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_no_description_is_refused() {
    assert!(LabInfo::parse("").is_err());
    assert!(LabInfo::parse("{\"resolver\":\"127.0.0.1:53\"}").is_err());
}

#[test]
fn an_unknown_mix_is_refused_by_name() {
    let out = Command::new(env!("CARGO_BIN_EXE_lab"))
        .arg("splendid=1")
        .output()
        .unwrap();
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("splendid"));
}
