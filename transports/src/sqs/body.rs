//! What SQS takes as the text of a message.

use std::borrow::Cow;

use bytes::Bytes;

use super::SqsError;

/// The body as a text that SQS takes: JSON that means the same.
///
/// SQS carries the characters of XML 1.0, which are all but most control characters (JSON escapes
/// those), U+FFFE and U+FFFF. These two may stand in a string of JSON, and who is scanned may have
/// put them there, so they are escaped here.
pub(super) fn text(body: &Bytes) -> Result<Cow<'_, str>, SqsError> {
    let text = std::str::from_utf8(body).map_err(|_| SqsError::Body("it is not UTF-8"))?;
    if text.is_empty() {
        return Err(SqsError::Body("it is empty"));
    }
    if text.bytes().any(|b| b < b' ' && !b"\t\n\r".contains(&b)) {
        return Err(SqsError::Body(
            "it has a control character, which JSON must escape",
        ));
    }
    // Both are three bytes that begin alike; most texts have none of them.
    if !text.contains(['\u{fffe}', '\u{ffff}']) {
        return Ok(Cow::Borrowed(text));
    }
    let escaped = text
        .replace('\u{fffe}', "\\ufffe")
        .replace('\u{ffff}', "\\uffff");
    Ok(Cow::Owned(escaped))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_json_text_passes_and_means_the_same(string in "\\PC{0,8}[\u{fffe}\u{ffff}\u{1}\"\\\\]{0,4}.{0,8}") {
            let body = Bytes::from(serde_json::to_vec(&string).unwrap());
            let text = text(&body).unwrap();
            let xml = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(text.chars().all(xml), "{text:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&text).unwrap(), string);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in [&b""[..], b"\xff", b"\"\x01\""] {
            assert!(text(&Bytes::from_static(bad)).is_err(), "{bad:?}");
        }
    }
}
