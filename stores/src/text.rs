//! What stores with SQL keep as text: JSON, and payloads.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use task_core::payload::Payload;
use task_core::ports::store::StoreError;

/// The prefix of a claim; no JSON begins like this.
const CLAIM: char = '@';

/// What is stored is not what was stored.
pub(crate) fn corrupt(what: impl fmt::Display) -> StoreError {
    StoreError::Corrupt {
        what: what.to_string(),
    }
}

/// A payload as its column holds it.
pub(crate) fn payload_text(payload: &Payload) -> Result<Cow<'_, str>, StoreError> {
    match payload {
        Payload::Inline(raw) => Ok(raw.get().into()),
        Payload::Claim(claim) => Ok(format!("{CLAIM}{}", encode(claim)?).into()),
    }
}

/// A payload from its column.
pub(crate) fn payload(text: String) -> Result<Payload, StoreError> {
    match text.strip_prefix(CLAIM) {
        Some(claim) => Ok(Payload::Claim(parse(claim, "a claim")?)),
        None => RawValue::from_string(text)
            .map(Payload::Inline)
            .map_err(|error| corrupt(format_args!("a payload: {error}"))),
    }
}

/// JSON for a column.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(error.to_string()))
}

/// JSON for a column that is empty for what is most common.
pub(crate) fn unless_default<T: Serialize + Default + PartialEq>(
    value: &T,
) -> Result<Option<String>, StoreError> {
    if *value == T::default() {
        return Ok(None);
    }
    encode(value).map(Some)
}

/// What a column of JSON says; `what` names it in the error.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(format_args!("{what}: {error}")))
}

/// What a column of [`unless_default`] says.
pub(crate) fn parse_or_default<T: DeserializeOwned + Default>(
    text: Option<&str>,
    what: &str,
) -> Result<T, StoreError> {
    text.map_or_else(|| Ok(T::default()), |text| parse(text, what))
}
