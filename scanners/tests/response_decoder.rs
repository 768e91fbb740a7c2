//! The decoder, fed by hand.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use sortie_scanners::http::{Body, Limits, Malformed, Progress, Response, ResponseDecoder};

/// Decodes `bytes` in pieces of the given sizes, again and again, and then the close.
fn decode(bytes: &[u8], sizes: &[usize]) -> Result<Option<Response>, Malformed> {
    let mut decoder = ResponseDecoder::new(limits());
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at((*size).clamp(1, rest.len()));
        rest = tail;
        if decoder.push(piece)? == Progress::Done {
            break;
        }
    }
    decoder.finish(true)
}

fn limits() -> Limits {
    Limits {
        head: 512,
        headers: 8,
        body: 256,
    }
}

fn body(bytes: &[u8]) -> Body {
    decode(bytes, &[usize::MAX]).unwrap().unwrap().body
}

#[test]
fn framing() {
    let length = body(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello, and more");
    assert_eq!((&length.bytes[..], length.cut), (&b"hello"[..], false));
    let chunked = body(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
          5 ;a=b\r\nhello\r\n000\r\n",
    );
    assert_eq!((&chunked.bytes[..], chunked.cut), (&b"hello"[..], false));
    let until_close = body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: odd\r\n\r\nhello");
    assert_eq!(
        (&until_close.bytes[..], until_close.cut),
        (&b"hello"[..], false)
    );
    let none = body(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(none, Body::default());
}

#[test]
fn caps_are_exact() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let exact = body(format!("{head}{}", "x".repeat(256)).as_bytes());
    assert_eq!((exact.bytes.len(), exact.truncated), (256, false));
    let over = body(format!("{head}{}", "x".repeat(257)).as_bytes());
    assert_eq!((over.bytes.len(), over.truncated), (256, true));
    let heads = |pad: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(pad));
    let fits = 512 - heads(0).len();
    assert!(decode(heads(fits).as_bytes(), &[9]).is_ok());
    assert_eq!(
        decode(heads(fits + 1).as_bytes(), &[9]).unwrap_err(),
        Malformed::HeadTooLong
    );
    let headers = |n: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(n));
    assert!(decode(headers(8).as_bytes(), &[100]).is_ok());
    assert_eq!(
        decode(headers(9).as_bytes(), &[100]).unwrap_err(),
        Malformed::TooManyHeaders
    );
}

#[test]
fn what_is_no_http_is_refused_at_its_first_byte() {
    let mut decoder = ResponseDecoder::new(limits());
    assert_eq!(decoder.push(b"S"), Err(Malformed::NotHttp));
}

#[test]
fn an_empty_gzip_stream_that_never_ends_is_cut_by_its_bytes_on_the_wire() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"start").unwrap();
    // Each flush adds an empty block: traffic without content.
    for _ in 0..5_000 {
        encoder.flush().unwrap();
    }
    let stream = encoder.get_ref().clone();
    let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    let body = body(&[&head[..], &stream].concat());
    assert_eq!((&body.bytes[..], body.truncated), (&b"start"[..], true));
}

/// Pieces that make heads and bodies likely to be nearly right.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Just(b"Content-Length: 7\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Content-Encoding: gzip\r\n".to_vec()),
        Just(b"Content-Encoding: deflate\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"3\r\nabc\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x04\0".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_division_of_the_bytes_does_not_matter(
        tail in response(),
        sizes in proptest::collection::vec(1_usize..9, 1..5),
    ) {
        let bytes = [b"HTTP/1.1 200 OK\r\n", &tail[..]].concat();
        let whole = decode(&bytes, &[usize::MAX]);
        let pieces = decode(&bytes, &sizes);
        match (whole, pieces) {
            (Ok(Some(a)), Ok(Some(b))) => {
                prop_assert_eq!(a.head, b.head);
                prop_assert_eq!(a.body, b.body);
            }
            (Ok(None), Ok(None)) => {}
            (Err(a), Err(b)) => prop_assert_eq!(a, b),
            (a, b) => prop_assert!(false, "{:?} is not {:?}", a, b),
        }
    }

    #[test]
    fn no_bytes_panic_or_pass_the_cap(bytes in response(), sizes in prop::array::uniform3(1..99_usize)) {
        if let Ok(Some(response)) = decode(&bytes, &sizes) {
            prop_assert!(response.body.bytes.len() <= 256);
        }
    }
}
