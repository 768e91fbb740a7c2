//! In which encoding a page is written.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memmem;

/// Bytes of a page in which a declaration is looked for (WHATWG HTML §13.2.3.2).
const PRESCAN: usize = 1024;

/// The encoding of `page`, and how long its byte order mark is: by that mark, else as the
/// `Content-Type` says, else as the page itself says; without any of these UTF-8 if it is that,
/// else windows-1252, which is what browsers take it for.
pub(super) fn encoding(page: &[u8], content_type: Option<&str>) -> (&'static Encoding, usize) {
    if let Some(marked) = Encoding::for_bom(page) {
        return marked;
    }
    let declared = content_type.and_then(|declared| label(declared.as_bytes()));
    let guess = || match std::str::from_utf8(page) {
        Ok(_) => UTF_8,
        // Cut within a character.
        Err(error) if error.error_len().is_none() => UTF_8,
        Err(_) => WINDOWS_1252,
    };
    (declared.or_else(|| in_page(page)).unwrap_or_else(guess), 0)
}

/// What the page says of itself. It was read as ASCII to get there, so it is not in UTF-16.
fn in_page(page: &[u8]) -> Option<&'static Encoding> {
    let start = page.get(..PRESCAN).unwrap_or(page);
    let found = label(start)?;
    Some(if found == UTF_16LE || found == UTF_16BE {
        UTF_8
    } else {
        found
    })
}

/// The encoding named behind the first `charset=`.
fn label(text: &[u8]) -> Option<&'static Encoding> {
    let text = text.to_ascii_lowercase();
    let at = memmem::find(&text, b"charset")?;
    let rest = text.get(at + b"charset".len()..)?.trim_ascii_start();
    let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest
        .strip_prefix(b"\"")
        .or_else(|| rest.strip_prefix(b"'"))
        .unwrap_or(rest);
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"';/>,".contains(byte);
    Encoding::for_label(rest.split(ends).next()?)
}
