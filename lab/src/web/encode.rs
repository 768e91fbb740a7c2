//! The same good file in other wrappings, sound and unsound.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::pages::Page;
use crate::plan::{Choice, Plan};

const TEXT: &str = "Content-Type: text/plain\r\n";

/// Compressed, whether or not the client has said that it accepts that.
pub(crate) fn gzip(page: &Page) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail; if it did, the test against the truth would.
    let _ = encoder.write_all(page.body());
    let body = encoder.finish().unwrap_or_default();
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\n{TEXT}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend(body);
    answer
}

/// In chunks of a size drawn for the site; some have extensions, upper-case sizes and a trailer.
pub(crate) fn chunked(page: &Page, plan: &Plan) -> Vec<u8> {
    let fancy = plan.draw(Choice::Form, 2) == 1;
    let size = 1 + plan.draw(Choice::Status, 200) as usize;
    let mut answer =
        format!("HTTP/1.1 200 OK\r\n{TEXT}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in page.body().chunks(size) {
        let len = chunk.len();
        let line = if fancy {
            format!("{len:04X};part=1\r\n")
        } else {
            format!("{len:x}\r\n")
        };
        answer.extend_from_slice(line.as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(if fancy {
        b"0\r\nX-Trailer: 1\r\n\r\n"
    } else {
        b"0\r\n\r\n"
    });
    answer
}

/// As HTTP/1.0 did it: the body ends where the connection ends.
pub(crate) fn close_delimited(page: &Page) -> Vec<u8> {
    let mut answer = format!("HTTP/1.0 200 OK\r\n{TEXT}\r\n").into_bytes();
    answer.extend_from_slice(page.body());
    answer
}

/// Behind more headers than anybody should read: 128 KiB.
pub(crate) fn header_flood(page: &Page) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\n{TEXT}").into_bytes();
    let filling = "f".repeat(1000);
    let mut n = 0;
    while answer.len() < 128 * 1024 {
        answer.extend_from_slice(format!("X-Flood-{n}: {filling}\r\n").as_bytes());
        n += 1;
    }
    let len = page.body().len();
    answer.extend_from_slice(format!("Content-Length: {len}\r\n\r\n").as_bytes());
    answer.extend_from_slice(page.body());
    answer
}

/// Behind informational responses.
pub(crate) fn informational(page: &Page) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"
        .to_vec();
    answer.extend_from_slice(page.answer());
    answer
}

/// Something else than HTTP, in one of several ways.
pub(crate) fn garbage(plan: &Plan) -> Vec<u8> {
    match plan.draw(Choice::Form, 4) {
        0 => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        1 => b"220 mail.lab.test ESMTP ready\r\n".to_vec(),
        2 => b"HTTP/1.1 abc Not A Number\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => (0..512_u32)
            .map(|n| (n.wrapping_mul(167) >> 1) as u8 | 0x80)
            .collect(),
    }
}
