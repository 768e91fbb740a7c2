//! Texts of others, as far as they are kept.

/// Longest text that is kept, in bytes.
const MAX_TEXT: usize = 512;

/// The text without control characters and white space around it, cut to 512 bytes; nothing if
/// nothing is left.
pub(crate) fn clean(text: String) -> Option<String> {
    let text: String = match text.contains(char::is_control) {
        true => text.chars().filter(|c| !c.is_control()).collect(),
        false => text,
    };
    let text = cut(text.trim(), MAX_TEXT);
    (!text.is_empty()).then(|| text.to_owned())
}

/// The beginning of a text, cut between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The beginning of a body as text, white space folded, in at most `max` bytes.
pub(crate) fn beginning(body: &[u8], max: usize) -> String {
    let body = body.get(..4 * max).unwrap_or(body);
    let text = String::from_utf8_lossy(body);
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&folded, max).to_owned()
}
