//! One connection to the search: one question, one answer.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rows::rows;
use crate::web::{Request, parse};
use crate::world::World;

/// Room for the head of a request.
const BUFFER: usize = 4096;
const JSON: &str = "application/json";

/// What is sent.
enum Answer {
    Whole(&'static str, &'static str, Vec<u8>),
    /// Fewer bytes than are announced.
    Cut(Vec<u8>),
    /// This again and again.
    Endless(Vec<u8>),
}

pub(crate) async fn serve(mut stream: TcpStream, world: &World) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    let mut filled = 0;
    let answer = loop {
        match parse(&buffer[..filled]) {
            Ok(Some(request)) => break decide(&request, world),
            Ok(None) if filled < BUFFER => match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                n => filled += n,
            },
            Ok(None) | Err(_) => break Answer::Whole("400 Bad Request", "text/plain", Vec::new()),
        }
    };
    give(&mut stream, answer).await?;
    stream.shutdown().await
}

fn decide(request: &Request<'_>, world: &World) -> Answer {
    if !request.is_get || request.path != "/" || value(request.query, "output") != Some("json") {
        return page("404 Not Found");
    }
    world.counters.ct.add_one();
    let asked = value(request.query, "q").map(decoded).unwrap_or_default();
    let domain = asked.strip_prefix("%.").unwrap_or(&asked);
    let body = || serde_json::to_vec(&rows(domain)).unwrap_or_default();
    match domain.split('.').next() {
        Some("html") => page("200 OK"),
        Some("gone") => page("404 Not Found"),
        // Every other one, beginning with the first.
        Some("busy") if world.counters.ct_busy.next().is_multiple_of(2) => Answer::Whole(
            "503 Service Unavailable\r\nRetry-After: 1",
            "text/plain",
            b"Sorry, please try again later\n".to_vec(),
        ),
        Some("cut") => Answer::Cut(body()),
        Some("flood") => {
            let mut rows = body();
            // The items, each with a comma behind it.
            rows.pop();
            rows.drain(..1);
            rows.push(b',');
            Answer::Endless(rows)
        }
        _ => Answer::Whole("200 OK", JSON, body()),
    }
}

fn page(status: &'static str) -> Answer {
    let body =
        b"<!DOCTYPE html>\n<html><head><title>crt.sh</title></head><body>Sorry</body></html>\n";
    Answer::Whole(status, "text/html; charset=UTF-8", body.to_vec())
}

async fn give(stream: &mut TcpStream, answer: Answer) -> io::Result<()> {
    let head = |status: &str, kind: &str, length: &str| {
        format!(
            "HTTP/1.1 {status}\r\nServer: lab\r\nContent-Type: {kind}\r\n{length}\
             Connection: close\r\n\r\n"
        )
    };
    match answer {
        Answer::Whole(status, kind, body) => {
            let length = format!("Content-Length: {}\r\n", body.len());
            stream
                .write_all(head(status, kind, &length).as_bytes())
                .await?;
            stream.write_all(&body).await
        }
        Answer::Cut(body) => {
            let length = format!("Content-Length: {}\r\n", body.len());
            stream
                .write_all(head("200 OK", JSON, &length).as_bytes())
                .await?;
            stream.write_all(&body[..body.len() / 2]).await
        }
        Answer::Endless(rows) => {
            stream
                .write_all(head("200 OK", JSON, "").as_bytes())
                .await?;
            stream.write_all(b"[").await?;
            // Ends when the client has gone or the connection has reached its limit.
            loop {
                stream.write_all(&rows).await?;
            }
        }
    }
}

/// The value of a parameter of the query, as it was sent.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Without percent signs. What is no UTF-8 then is no domain either.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match code.filter(|_| byte == b'%') {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}
