//! The response head (RFC 9112 §4, §5).

use crate::http::error::Malformed;

use super::coding::Coding;

/// As many headers as are parsed at all; the storage lives on the stack.
pub(super) const MAX_HEADERS: usize = 128;
/// Longest header value that is kept.
const MAX_VALUE: usize = 8 * 1024;

/// Status and the headers that matter to a scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The first `Location` (RFC 9110 §10.2.2), if it is UTF-8 of at most 8 KiB.
    pub location: Option<String>,
    /// The first `Content-Type`, under the same conditions.
    pub content_type: Option<String>,
    /// How the content is coded.
    pub coding: Coding,
    pub(super) framing: Framing,
}

/// How the end of the body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// Parses a complete head, up to and including its empty line.
    pub(super) fn parse(bytes: &[u8], max_headers: usize) -> Result<Self, Malformed> {
        let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let storage = &mut storage[..max_headers.min(MAX_HEADERS)];
        let mut response = httparse::Response::new(storage);
        let mut config = httparse::ParserConfig::default();
        // Sites in the wild bend these rules, and nothing is forwarded that could be misread.
        config
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true);
        match config.parse_response(&mut response, bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Malformed::TooManyHeaders),
            Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed::Head),
        }
        let status = response.code.ok_or(Malformed::Head)?;
        Self::from_headers(status, response.headers)
    }

    fn from_headers(status: u16, headers: &[httparse::Header<'_>]) -> Result<Self, Malformed> {
        let mut head = Self {
            status,
            location: None,
            content_type: None,
            coding: Coding::Identity,
            framing: Framing::UntilClose,
        };
        let mut length = None;
        let mut transfer = None;
        for header in headers {
            let name = header.name;
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(content_length(length, header.value)?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                transfer = Some(header.value);
            } else if name.eq_ignore_ascii_case("content-encoding") {
                head.coding = head.coding.then(header.value);
            } else if name.eq_ignore_ascii_case("location") && head.location.is_none() {
                head.location = text(header.value);
            } else if name.eq_ignore_ascii_case("content-type") && head.content_type.is_none() {
                head.content_type = text(header.value);
            }
        }
        head.framing = match (status, transfer, length) {
            (100..=199 | 204 | 304, _, _) => Framing::None,
            (_, Some(codings), _) if ends_in_chunked(codings) => Framing::Chunked,
            (_, Some(_), _) | (_, None, None) => Framing::UntilClose,
            (_, None, Some(length)) => Framing::Length(length),
        };
        Ok(head)
    }
}

/// A list of equal lengths, in one header or several, is that length (RFC 9110 §8.6).
fn content_length(seen: Option<u64>, value: &[u8]) -> Result<u64, Malformed> {
    let text = std::str::from_utf8(value).map_err(|_| Malformed::ContentLength)?;
    let mut result = seen;
    for part in text.split(',') {
        let part = part.trim();
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed::ContentLength);
        }
        let length: u64 = part.parse().map_err(|_| Malformed::ContentLength)?;
        if result.is_some_and(|seen| seen != length) {
            return Err(Malformed::ContentLength);
        }
        result = Some(length);
    }
    result.ok_or(Malformed::ContentLength)
}

fn ends_in_chunked(value: &[u8]) -> bool {
    let last = value
        .rsplit(|byte| *byte == b',')
        .next()
        .unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

fn text(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    (value.len() <= MAX_VALUE).then(|| std::str::from_utf8(value).ok().map(str::to_owned))?
}
