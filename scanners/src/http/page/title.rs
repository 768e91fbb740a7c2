//! What a page is called.

use encoding_rs::{UTF_16BE, UTF_16LE};
use memchr::{memchr, memchr_iter, memmem};

use crate::text::tidy;

use super::charset::encoding;
use super::entities::decode;

/// Longest title, in characters.
const MAX_TITLE: usize = 256;
/// Bytes of the source of a title that are looked at.
const MAX_RAW: usize = 8 * 1024;
/// Elements whose content is no markup, or has titles of its own.
const SKIPPED: [&[u8]; 4] = [b"script", b"style", b"svg", b"textarea"];

/// The title of an HTML page, for humans: white space collapsed, control characters and marks of
/// direction left out, at most 256 characters. None if there is none, it is empty, or the page is
/// no HTML.
///
/// A page is HTML if `content_type` (the header as it came) says so, or says nothing and it begins
/// with `<`. It is decoded by its byte order mark, the header or its own declaration. Character
/// references by number and the common ones by name are decoded; rare names stay as they stand.
/// Titles in comments, scripts, styles and drawings are none. Takes time linear in the page.
///
/// ```
/// use sortie_scanners::http::page::title;
///
/// let page = b"<html><head><title>\n  Fish &amp; Chips </title>";
/// assert_eq!(title(page, Some("text/html")).as_deref(), Some("Fish & Chips"));
/// assert_eq!(title(page, Some("application/json")), None);
/// ```
pub fn title(page: &[u8], content_type: Option<&str>) -> Option<String> {
    let is_html = match content_type {
        Some(content_type) => is_html_type(content_type),
        None => true,
    };
    let (encoding, mark) = encoding(page, content_type);
    let page = page.get(mark..)?;
    if !is_html {
        return None;
    }
    // All other encodings of the web write markup in ASCII, so only the title needs decoding.
    let whole = (encoding == UTF_16LE || encoding == UTF_16BE)
        .then(|| encoding.decode_without_bom_handling(page).0.into_owned());
    let html = whole.as_ref().map_or(page, |whole| whole.as_bytes());
    if content_type.is_none() && !html.trim_ascii_start().starts_with(b"<") {
        return None;
    }
    let raw = find(html)?;
    let raw = raw.get(..MAX_RAW).unwrap_or(raw);
    let text = match &whole {
        Some(_) => String::from_utf8_lossy(raw),
        None => encoding.decode_without_bom_handling(raw).0,
    };
    Some(tidy(&decode(&text), MAX_TITLE)).filter(|title| !title.is_empty())
}

fn is_html_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/html")
        || essence.eq_ignore_ascii_case("application/xhtml+xml")
}

/// What stands in the first title element. Each byte is looked at a bounded number of times: what
/// has no end is not looked for again.
fn find(html: &[u8]) -> Option<&[u8]> {
    let mut rest = html;
    loop {
        rest = rest.get(memchr(b'<', rest)?..)?;
        if let Some(comment) = rest.strip_prefix(b"<!--") {
            rest = comment.get(memmem::find(comment, b"-->")?..)?;
        } else if opens(rest, b"title") {
            let inside = rest.get(memchr(b'>', rest)? + 1..)?;
            return inside.get(..closing(inside, b"title").unwrap_or(inside.len()));
        } else if let Some(tag) = SKIPPED.iter().find(|tag| opens(rest, tag)) {
            rest = rest.get(memchr(b'>', rest)? + 1..)?;
            rest = rest.get(closing(rest, tag)? + 1..)?;
        } else {
            rest = rest.get(1..)?;
        }
    }
}

/// Whether `html` begins with the opening tag of `name`.
fn opens(html: &[u8], name: &[u8]) -> bool {
    let tag = html.get(1..=name.len());
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
    tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name))
        && html.get(name.len() + 1).is_some_and(ends)
}

/// Where the closing tag of `name` begins.
fn closing(html: &[u8], name: &[u8]) -> Option<usize> {
    memchr_iter(b'<', html).find(|at| {
        html.get(at + 1) == Some(&b'/')
            && html
                .get(at + 2..at + 2 + name.len())
                .is_some_and(|tag| tag.eq_ignore_ascii_case(name))
    })
}
