//! Keys as paths of `object_store`.

use object_store::path::Path;
use task_core::ports::objects::ObjectError;

/// The path of `key`. Whatever passes stands for itself on every store: nothing is escaped,
/// joined or resolved.
pub(super) fn parse(key: &str) -> Result<Path, ObjectError> {
    crate::key::check(key)?;
    Path::parse(key).map_err(|_| ObjectError::InvalidKey {
        key: key.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_refusal_is_typed() {
        let refused = parse("a/../b").unwrap_err();
        assert!(matches!(refused, ObjectError::InvalidKey { key } if key == "a/../b"));
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
