//! What a key of the object store is.

use task_core::ports::objects::ObjectError;

/// Lets `key` pass if it is one. What passes stands for itself on every store: nothing has to be
/// escaped, joined or resolved.
pub(crate) fn check(key: &str) -> Result<(), ObjectError> {
    let proper = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    if key.split('/').all(proper) {
        return Ok(());
    }
    Err(ObjectError::InvalidKey {
        key: key.to_owned(),
    })
}
