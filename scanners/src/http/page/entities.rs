//! Character references.

/// The named references that titles are written with. There are some two thousand others, which
/// are left as they stand.
const NAMED: [(&str, char); 28] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("middot", '·'),
    ("bull", '•'),
    ("hellip", '…'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
];
/// Longest reference that is looked at, without its `&` and `;`.
const MAX_LEN: usize = 10;

/// `text` with its references decoded, once: those by number, and the common ones by name. What is
/// none, or does not end in `;`, stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    decoded.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece
            .bytes()
            .take(MAX_LEN + 1)
            .position(|byte| byte == b';');
        // `;` is a character of its own, so both halves end at one.
        let reference = end.and_then(|end| Some((character(piece.get(..end)?)?, end + 1)));
        match reference {
            Some((character, behind)) => {
                decoded.push(character);
                decoded.push_str(piece.get(behind..).unwrap_or_default());
            }
            None => {
                decoded.push('&');
                decoded.push_str(piece);
            }
        }
    }
    decoded
}

fn character(reference: &str) -> Option<char> {
    let Some(number) = reference.strip_prefix('#') else {
        let named = NAMED.iter().find(|(name, _)| *name == reference);
        return named.map(|(_, character)| *character);
    };
    // `parse` takes a sign, and a reference has none.
    if !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references_are_decoded_once() {
        for (text, expected) in [
            ("a &amp; b", "a & b"),
            ("&amp;lt;", "&lt;"),
            ("&#65;&#x42;&#X43;", "ABC"),
            ("&ldquo;x&rdquo;&hellip;", "“x”…"),
        ] {
            assert_eq!(decode(text), expected);
        }
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in [
            "",
            "&",
            "&&;",
            "&;",
            "&#;",
            "&#+65;",
            "&#x;",
            "&#xd800;",
            "&#99999999;",
            "&amp",
            "&nosuch;",
            "R&D; ü&ü;",
            "&aaaaaaaaaaaaaaaaaaaa;",
        ] {
            assert_eq!(decode(text), text);
        }
    }
}
