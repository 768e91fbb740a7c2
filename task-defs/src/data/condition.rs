//! Conditions on rows.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::number::{compare, equal};
use super::pointer::Pointer;

/// A condition on a row: plain data, so that it travels in a payload.
///
/// A place that does not exist, or holds a value of another type than the test asks for, does not
/// match; it is no error. [`NotEquals`](Self::NotEquals) is exactly the contrary of
/// [`Equals`](Self::Equals) and therefore matches where nothing is. Numbers compare by value,
/// whole ones exactly; text compares byte by byte.
///
/// ```
/// use serde_json::json;
/// use sortie_task_defs::data::Condition;
///
/// let found: Condition = serde_json::from_value(json!({"all_of": [
///     {"equals": {"at": "/outcome", "value": "rules"}},
///     {"greater": {"at": "/rules", "than": 10}},
///     {"not": {"ends_with": {"at": "/domain", "text": ".example"}}},
/// ]}))?;
/// let row = json!({"domain": "example.com", "outcome": "rules", "rules": 12});
/// assert!(found.matches(&row)?);
/// assert!(!found.matches(&json!(["anything", "else"]))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// There is a value, `null` included.
    Exists {
        /// Where to look.
        at: Pointer,
    },
    /// There is a value and it is this one.
    Equals {
        /// Where to look.
        at: Pointer,
        /// What must be there.
        value: Value,
    },
    /// There is no value, or another one.
    NotEquals {
        /// Where to look.
        at: Pointer,
        /// What must not be there.
        value: Value,
    },
    /// There is a smaller number.
    Less {
        /// Where to look.
        at: Pointer,
        /// The bound, excluded.
        than: Number,
    },
    /// There is a larger number.
    Greater {
        /// Where to look.
        at: Pointer,
        /// The bound, excluded.
        than: Number,
    },
    /// There is a text with this text in it, or an array with this item.
    Contains {
        /// Where to look.
        at: Pointer,
        /// The part of the text, or the item.
        value: Value,
    },
    /// There is a text that begins so.
    StartsWith {
        /// Where to look.
        at: Pointer,
        /// Its beginning.
        text: String,
    },
    /// There is a text that ends so.
    EndsWith {
        /// Where to look.
        at: Pointer,
        /// Its end.
        text: String,
    },
    /// There is a value and it is one of these.
    In {
        /// Where to look.
        at: Pointer,
        /// What may be there.
        list: Vec<Value>,
    },
    /// The condition does not match.
    Not(Box<Self>),
    /// Every condition matches; so an empty list always does.
    AllOf(Vec<Self>),
    /// At least one condition matches; so an empty list never does.
    AnyOf(Vec<Self>),
}

/// A condition is nested deeper than [`Condition::MAX_DEPTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the condition is nested deeper than {max} levels", max = Condition::MAX_DEPTH)]
pub struct TooDeep;

impl Condition {
    /// Deepest nesting; a condition without `not`, `all_of` and `any_of` has depth 1.
    pub const MAX_DEPTH: usize = 32;

    /// Whether `row` meets the condition.
    ///
    /// # Errors
    ///
    /// [`TooDeep`], whatever the row is: a condition works for all rows or for none.
    pub fn matches(&self, row: &Value) -> Result<bool, TooDeep> {
        self.check()?;
        Ok(self.holds(row))
    }

    /// Holds the nesting against the limit.
    ///
    /// # Errors
    ///
    /// [`TooDeep`] if it is nested deeper.
    pub fn check(&self) -> Result<(), TooDeep> {
        self.check_within(Self::MAX_DEPTH)
    }

    fn check_within(&self, levels: usize) -> Result<(), TooDeep> {
        let below = levels.checked_sub(1).ok_or(TooDeep)?;
        match self {
            Self::Not(inner) => inner.check_within(below),
            Self::AllOf(inner) | Self::AnyOf(inner) => {
                inner.iter().try_for_each(|inner| inner.check_within(below))
            }
            _ => Ok(()),
        }
    }

    /// As [`matches`](Self::matches), for a condition that was checked.
    pub(crate) fn holds(&self, row: &Value) -> bool {
        match self {
            Self::Exists { at } => at.find(row).is_some(),
            Self::Equals { at, value } => at.find(row).is_some_and(|found| equal(found, value)),
            Self::NotEquals { at, value } => !at.find(row).is_some_and(|found| equal(found, value)),
            Self::Less { at, than } => order(at.find(row), than) == Some(Ordering::Less),
            Self::Greater { at, than } => order(at.find(row), than) == Some(Ordering::Greater),
            Self::Contains { at, value } => {
                at.find(row).is_some_and(|found| contains(found, value))
            }
            Self::StartsWith { at, text } => {
                found_text(at, row).is_some_and(|found| found.starts_with(text.as_str()))
            }
            Self::EndsWith { at, text } => {
                found_text(at, row).is_some_and(|found| found.ends_with(text.as_str()))
            }
            Self::In { at, list } => at
                .find(row)
                .is_some_and(|found| list.iter().any(|value| equal(found, value))),
            Self::Not(inner) => !inner.holds(row),
            Self::AllOf(inner) => inner.iter().all(|inner| inner.holds(row)),
            Self::AnyOf(inner) => inner.iter().any(|inner| inner.holds(row)),
        }
    }
}

fn order(found: Option<&Value>, than: &Number) -> Option<Ordering> {
    match found {
        Some(Value::Number(found)) => compare(found, than),
        _ => None,
    }
}

fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(items), wanted) => items.iter().any(|item| equal(item, wanted)),
        _ => false,
    }
}

fn found_text<'a>(at: &Pointer, row: &'a Value) -> Option<&'a str> {
    at.find(row).and_then(Value::as_str)
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
