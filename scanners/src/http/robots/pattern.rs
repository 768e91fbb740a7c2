//! Path patterns of rules, and how they match (RFC 9309 §2.2.2, §2.2.3).

use memchr::memmem;

/// A normalised path pattern.
///
/// Matching is greedy by segments: each run of text between `*` is looked for behind the one
/// before, with a search that is linear whatever the text. No pattern makes it slower than that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Normalised, with `*` for any run of octets; the end anchor is taken off.
    text: Vec<u8>,
    anchored: bool,
}

impl Pattern {
    pub(super) fn new(value: &[u8]) -> Self {
        let (value, anchored) = match value.strip_suffix(b"$") {
            Some(value) => (value, true),
            None => (value, false),
        };
        let mut text = Vec::with_capacity(value.len());
        normalise(value, &mut text, |byte, text| match byte {
            // A run of wildcards is one.
            b'*' if text.last() == Some(&b'*') => {}
            b'*' => text.push(b'*'),
            _ => push_escaped(b'$', text),
        });
        Self { text, anchored }
    }

    /// The octets of the pattern, by which rules are ranked. The anchor counts.
    pub(super) fn octets(&self) -> usize {
        self.text.len() + usize::from(self.anchored)
    }

    /// Whether the pattern matches the beginning (or, anchored, all) of a normalised path.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let mut segments = self.text.split(|byte| *byte == b'*');
        let first = segments.next().unwrap_or_default();
        let Some(mut rest) = path.strip_prefix(first) else {
            return false;
        };
        let Some(mut segment) = segments.next() else {
            return !self.anchored || rest.is_empty();
        };
        for next in segments {
            match memmem::find(rest, segment) {
                Some(at) => rest = &rest[at + segment.len()..],
                None => return false,
            }
            segment = next;
        }
        if self.anchored {
            rest.ends_with(segment)
        } else {
            memmem::find(rest, segment).is_some()
        }
    }
}

/// The form in which paths are compared: unreserved octets plain, all others that need it as
/// `%XX` in upper case. `*` and `$`, which mean something in patterns, are escaped, so a pattern
/// that wants them writes `%2A` and `%24` (§2.2.3). Paths begin with `/`.
pub(super) fn normalise_path(path: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(path.len() + 1);
    if path.first() != Some(&b'/') {
        text.push(b'/');
    }
    normalise(path, &mut text, push_escaped);
    text
}

fn normalise(value: &[u8], text: &mut Vec<u8>, special: impl Fn(u8, &mut Vec<u8>)) {
    let mut rest = value;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (*byte, tail) {
            (b'%', [high, low, tail @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let octet = hex(*high) << 4 | hex(*low);
                if is_unreserved(octet) {
                    text.push(octet);
                } else {
                    push_escaped(octet, text);
                }
                rest = tail;
            }
            (b'*' | b'$', _) => special(*byte, text),
            (byte, _) if byte.is_ascii_graphic() => text.push(byte),
            (byte, _) => push_escaped(byte, text),
        }
    }
}

fn push_escaped(octet: u8, text: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| HEX[usize::from(nibble & 0x0f)];
    text.extend_from_slice(&[b'%', digit(octet >> 4), digit(octet)]);
}

fn hex(digit: u8) -> u8 {
    // Only called with hexadecimal digits.
    (digit as char).to_digit(16).unwrap_or_default() as u8
}

/// RFC 3986 §2.3.
fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::{Pattern, normalise_path};

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern.as_bytes()).matches(&normalise_path(path.as_bytes()))
    }

    #[test]
    fn wildcards_and_anchors() {
        assert!(matches("/", "/anything"));
        assert!(matches("/*.php$", "/a/b.php"));
        assert!(!matches("/*.php$", "/a/b.php5"));
        assert!(matches("/a*b*c", "/axxbyycz"));
        assert!(!matches("/a*b*c", "/axxcyyb"));
        assert!(matches("/a**b", "/ab"));
        assert!(matches("*", "/"));
        assert!(matches("/$", "/") && !matches("/$", "/a"));
        assert!(!matches("/ab*b$", "/ab"));
    }

    #[test]
    fn octets_are_compared_after_normalising() {
        assert!(matches("/%7Efoo", "/~foo"));
        assert!(matches("/caf\u{e9}", "/caf%c3%A9"));
        assert!(!matches("/a%2Fb", "/a/b"));
        assert!(matches("/file-%2A.html", "/file-*.html"));
        assert!(!matches("/file-%2A.html", "/file-x.html"));
        assert!(matches("/a$b", "/a$b"));
        assert!(matches("/100%", "/100%"));
    }
}
