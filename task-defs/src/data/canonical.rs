//! One text for each JSON value.

use std::io::{self, Write};

use serde_json::Value;

/// Writes `value` as JSON in one line, the keys of objects sorted: two values are equal if and only
/// if their texts are. What `serde_json` writes is in the order of the document if anything in the
/// whole program wants `preserve_order`, and sorted otherwise, so it cannot stand for a value that
/// another program looks up.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write(value: &Value, out: &mut impl Write) -> io::Result<()> {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.write_all(b"{")?;
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.write_all(b",")?;
                }
                serde_json::to_writer(&mut *out, name)?;
                out.write_all(b":")?;
                write(member, out)?;
            }
            out.write_all(b"}")
        }
        Value::Array(items) => {
            out.write_all(b"[")?;
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.write_all(b",")?;
                }
                write(item, out)?;
            }
            out.write_all(b"]")
        }
        plain => Ok(serde_json::to_writer(out, plain)?),
    }
}

/// The same as a text.
pub(in crate::data) fn text(value: &Value) -> String {
    let mut bytes = Vec::new();
    // A vector takes everything.
    let _ = write(value, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_at_every_depth() {
        let value = serde_json::from_str(r#"{"b":[{"d":1,"c":"é\n"}],"a":null,"":{}}"#).unwrap();
        assert_eq!(text(&value), r#"{"":{},"a":null,"b":[{"c":"é\n","d":1}]}"#);
    }
}
