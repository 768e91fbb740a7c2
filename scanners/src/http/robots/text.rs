//! Bytes to text.

use encoding_rs::{Encoding, UTF_8};

/// A body as text, if it is any.
pub(super) enum Text {
    /// UTF-8 without a byte order mark.
    Text(String),
    Binary,
}

/// Decodes `bytes`: by their byte order mark if they have one (UTF-8 or UTF-16), else as UTF-8
/// (RFC 9309 §2.3), with the replacement character for what is none. Old files in Latin-1 stay
/// readable so, as directives are ASCII.
pub(super) fn decode(bytes: Vec<u8>) -> Text {
    let text = match Encoding::for_bom(&bytes) {
        Some((encoding, mark)) if encoding != UTF_8 => encoding
            .decode_without_bom_handling(&bytes[mark..])
            .0
            .into_owned(),
        Some((_, mark)) => String::from_utf8_lossy(&bytes[mark..]).into_owned(),
        None => String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    };
    if is_binary(&text) {
        Text::Binary
    } else {
        Text::Text(text)
    }
}

/// No text has NULs. Other control characters and undecodable bytes are tolerated up to a tenth,
/// which a Latin-1 text stays under.
fn is_binary(text: &str) -> bool {
    let mut chars = 0_usize;
    let mut strange = 0_usize;
    for c in text.chars() {
        if c == '\0' {
            return true;
        }
        chars += 1;
        let layout = matches!(c, '\t' | '\n' | '\r' | '\x0b' | '\x0c');
        strange += usize::from(c == char::REPLACEMENT_CHARACTER || (c.is_control() && !layout));
    }
    strange * 10 > chars
}
