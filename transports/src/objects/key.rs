//! What a key is.

use object_store::path::Path;
use task_core::ports::objects::ObjectError;

/// The text is not a key: a relative path of `[A-Za-z0-9._-]` segments joined by `/`, none of
/// them empty, `.` or `..`.
///
/// It is the source of the [`ObjectError::Backend`] that refuses the key. Trying again is of no
/// use: it is the caller's mistake, or somebody's attempt to leave the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "this is not a key: a key has segments of letters, digits, `.`, `_` and `-` joined by `/`, \
     and no segment is empty, `.` or `..`"
)]
#[non_exhaustive]
pub struct InvalidKey;

/// The path of `key`. Whatever passes stands for itself on every store: nothing is escaped,
/// joined or resolved.
pub(super) fn parse(key: &str) -> Result<Path, ObjectError> {
    let proper = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    key.split('/')
        .all(proper)
        .then(|| Path::parse(key).ok())
        .flatten()
        .ok_or_else(|| ObjectError::Backend {
            key: key.to_owned(),
            source: Box::new(InvalidKey),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_refusal_is_typed() {
        let refused = parse("a/../b").unwrap_err();
        let ObjectError::Backend { key, source } = refused else {
            panic!("{refused}")
        };
        assert_eq!(key, "a/../b");
        assert!(source.is::<InvalidKey>());
    }

    proptest! {
        #[test]
        fn a_key_stands_for_itself(key in "[A-Za-z0-9._/-]{0,20}|.{0,8}") {
            if let Ok(path) = parse(&key) {
                prop_assert_eq!(path.as_ref(), &key[..]);
                let inside = std::path::Path::new(&key)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(inside, "{key} leaves the store");
            }
        }

        #[test]
        fn proper_keys_pass(key in "[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}){0,4}") {
            prop_assert!(parse(&key).is_ok());
        }
    }
}
