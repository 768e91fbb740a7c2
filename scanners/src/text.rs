//! Text from outside, made fit to be kept and shown.

/// `text` with its white space collapsed, and without control characters and those that change the
/// direction of what stands around them; at most `max` characters.
pub(crate) fn tidy(text: &str, max: usize) -> String {
    let mut tidy = String::with_capacity(text.len().min(max));
    let mut len = 0;
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if c.is_control() || is_invisible(c) {
            continue;
        }
        if gap && len > 0 {
            if len + 1 >= max {
                break;
            }
            tidy.push(' ');
            len += 1;
        }
        gap = false;
        if len == max {
            break;
        }
        tidy.push(c);
        len += 1;
    }
    tidy
}

/// Marks of direction, joiners and the byte order mark: they show nothing, and can make one text
/// look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `bytes` in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_left_out() {
        assert_eq!(
            tidy(" a\r\n\t b\0\x1b[31m\u{202e}c\u{a0}d ", 99),
            "a b[31mc d"
        );
        assert_eq!(tidy("\u{200b} \u{feff}", 99), "");
    }

    #[test]
    fn the_length_counts_characters_and_never_ends_in_a_gap() {
        assert_eq!(tidy("äöü", 2), "äö");
        assert_eq!(tidy("ab cd", 3), "ab");
        assert_eq!(tidy("ab cd", 4), "ab c");
        assert_eq!(tidy("ab", 0), "");
    }

    #[test]
    fn bytes_are_written_in_lower_case() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
