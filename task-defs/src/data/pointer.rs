//! JSON pointers, checked when they are made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON pointer (RFC 6901): the place of a value in a row. `""` is the whole row, `/a/0` the
/// first item of `a`; `~1` stands for `/` and `~0` for `~`.
///
/// ```
/// use serde_json::json;
/// use sortie_task_defs::data::Pointer;
///
/// let port: Pointer = "/ports/0".parse()?;
/// assert_eq!(port.find(&json!({"ports": [443, 80]})), Some(&json!(443)));
/// assert!("ports/0".parse::<Pointer>().is_err());
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Pointer(String);

/// A text that is no JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPointer {
    /// It does not start with `/`.
    #[error("the pointer `{0}` must be empty or start with `/`, as in `/a/0`")]
    NoSlash(String),
    /// A `~` is not followed by `0` or `1`.
    #[error("the pointer `{0}` has a `~` that is neither `~0` (for `~`) nor `~1` (for `/`)")]
    Escape(String),
    /// It is longer than [`Pointer::MAX_BYTES`].
    #[error("the pointer has {0} bytes; at most {max} are allowed", max = Pointer::MAX_BYTES)]
    TooLong(usize),
}

impl Pointer {
    /// Longest pointer, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// The pointer as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value at this place of `row`, if there is one.
    pub fn find<'a>(&self, row: &'a Value) -> Option<&'a Value> {
        row.pointer(&self.0)
    }
}

impl TryFrom<String> for Pointer {
    type Error = InvalidPointer;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidPointer::TooLong(text.len()));
        }
        if !text.is_empty() && !text.starts_with('/') {
            return Err(InvalidPointer::NoSlash(text));
        }
        let escapes = |rest: &str| rest.starts_with(['0', '1']);
        if !text.split('~').skip(1).all(escapes) {
            return Err(InvalidPointer::Escape(text));
        }
        Ok(Self(text))
    }
}

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_what_the_rfc_says() {
        // RFC 6901 §5.
        let row = json!({"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8});
        let find = |at: &str| at.parse::<Pointer>().unwrap().find(&row).cloned();
        assert_eq!(find(""), Some(row.clone()));
        assert_eq!(find("/foo/0"), Some(json!("bar")));
        assert_eq!(find("/"), Some(json!(0)));
        assert_eq!(find("/a~1b"), Some(json!(1)));
        assert_eq!(find("/m~0n"), Some(json!(8)));
        assert_eq!(find("/foo/2"), None);
        assert_eq!(find("/foo/bar/deeper"), None);
    }

    #[test]
    fn refuses_what_is_none() {
        let parse = str::parse::<Pointer>;
        assert!(matches!(parse("a"), Err(InvalidPointer::NoSlash(_))));
        assert!(matches!(parse("/~"), Err(InvalidPointer::Escape(_))));
        assert!(matches!(parse("/~2"), Err(InvalidPointer::Escape(_))));
        assert!(matches!(
            parse(&"/".repeat(1025)),
            Err(InvalidPointer::TooLong(1025))
        ));
        assert!(serde_json::from_str::<Pointer>("\"x\"").is_err());
    }
}
