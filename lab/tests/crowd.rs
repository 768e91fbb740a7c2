//! Thousands of clients at once.

#![allow(clippy::unwrap_used)] // helpers of tests are tests too

mod client;

use sortie_lab::Mix;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Both ends of each connection are descriptors of this process.
const CLIENTS: usize = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections_are_open_at_once_and_all_are_answered() {
    let lab = client::start_with(Mix::fast()).await;
    let mut streams = Vec::new();
    for name in lab.names(0..CLIENTS as u64) {
        let address = client::dns::resolve(lab.resolver(), &name).await.unwrap()[0];
        let stream = TcpStream::connect((address, lab.http_port()))
            .await
            .unwrap();
        streams.push((name, stream));
    }
    // Only now does the first of them ask.
    let mut answers = JoinSet::new();
    for (name, mut stream) in streams {
        answers.spawn(async move {
            let request = format!("GET /robots.txt HTTP/1.1\r\nHost: {name}\r\n\r\n");
            // Twice on one connection, the second in two parts.
            stream.write_all(request.as_bytes()).await.unwrap();
            let first = read_answer(&mut stream).await;
            let (one, two) = request.split_at(30);
            stream.write_all(one.as_bytes()).await.unwrap();
            stream.write_all(two.as_bytes()).await.unwrap();
            assert_eq!(first, read_answer(&mut stream).await);
            (name, first)
        });
    }
    for (name, answer) in answers.join_all().await {
        let truth = lab.truth(&name);
        let status = format!("HTTP/1.1 {} ", truth.status.unwrap());
        assert!(answer.starts_with(&status), "{name}: {answer}");
    }
    let stats = lab.shutdown().await;
    assert_eq!(stats.connections, CLIENTS as u64);
    assert_eq!(stats.requests, 2 * CLIENTS as u64);
}

/// An answer with a Content-Length.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "the connection ended"
        );
        let text = std::str::from_utf8(&bytes).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        if body.len() == length.unwrap().parse::<usize>().unwrap() {
            return text.to_owned();
        }
    }
}
