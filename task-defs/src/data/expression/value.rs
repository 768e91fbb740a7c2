//! Values while an expression is evaluated. They borrow from the row and from the expression.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::{Map, Number, Value};

use super::error::Reason;
use super::node::Operator;

/// A number, whole if it can be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Num {
    /// Within 64 bits, signed or not.
    Whole(i128),
    Real(f64),
}

#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    Number(Num),
    Text(&'a str),
    /// A text that the expression has made.
    Made(Rc<str>),
    Array(&'a [Value]),
    /// A list that the expression has made.
    List(Rc<[Self]>),
    Object(&'a Map<String, Value>),
}

impl Num {
    /// A whole number, if it fits 64 bits.
    pub(super) fn whole(value: i128) -> Option<Self> {
        let fits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value);
        fits.then_some(Self::Whole(value))
    }

    /// A float without its fraction, if that fits 64 bits.
    pub(super) fn truncated(self) -> Option<Self> {
        match self {
            // A cast saturates, and makes 0 of NaN.
            Self::Real(value) if value.is_finite() => Self::whole(value.trunc() as i128),
            Self::Real(_) => None,
            whole @ Self::Whole(_) => Some(whole),
        }
    }

    /// Whole if both are: exact, and division goes towards zero. Otherwise a float.
    pub(super) fn calculate(self, operator: Operator, other: Self) -> Result<Self, Reason> {
        let name = operator.name();
        let (Self::Whole(a), Self::Whole(b)) = (self, other) else {
            let (a, b) = (self.real(), other.real());
            return Ok(Self::Real(match operator {
                Operator::Add => a + b,
                Operator::Subtract => a - b,
                Operator::Multiply => a * b,
                Operator::Divide => a / b,
                Operator::Remainder => {
                    let (operation, found) = (name, "a number that is not whole");
                    return Err(Reason::Type { operation, found });
                }
            }));
        };
        let result = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            Operator::Divide | Operator::Remainder if b == 0 => return Err(Reason::DivisionByZero),
            Operator::Divide => a.checked_div(b),
            Operator::Remainder => a.checked_rem(b),
        };
        result.and_then(Self::whole).ok_or(Reason::Overflow(name))
    }

    pub(super) fn real(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.real().partial_cmp(&b.real()),
        }
    }
}

impl From<&Number> for Num {
    fn from(number: &Number) -> Self {
        let signed = number.as_i64().map(i128::from);
        let whole = signed.or_else(|| number.as_u64().map(i128::from));
        // Every JSON number has a float, if not an exact one.
        whole.map_or_else(
            || Self::Real(number.as_f64().unwrap_or(f64::NAN)),
            Self::Whole,
        )
    }
}

impl<'a> From<&'a Value> for Val<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.into()),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::Array(items),
            Value::Object(fields) => Self::Object(fields),
        }
    }
}

impl Val<'_> {
    /// The type, for a message.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) | Self::Made(_) => "a text",
            Self::Array(_) | Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Made(text) => Some(text),
            _ => None,
        }
    }
}

/// The element of a list, or the field of an object.
pub(super) fn element<'a>(of: &Val<'a>, index: &Val<'_>) -> Result<Val<'a>, Reason> {
    let found = match (of, index) {
        (Val::Object(fields), index) => match index.text() {
            Some(key) => fields.get(key).map(Val::from),
            None => return Err(unindexable(index)),
        },
        (Val::Array(items), Val::Number(Num::Whole(at))) => usize::try_from(*at)
            .ok()
            .and_then(|at| items.get(at))
            .map(Val::from),
        (Val::List(items), Val::Number(Num::Whole(at))) => usize::try_from(*at)
            .ok()
            .and_then(|at| items.get(at))
            .cloned(),
        (Val::Array(_) | Val::List(_), index) => return Err(unindexable(index)),
        _ => return Err(unindexable(of)),
    };
    found.ok_or(Reason::OutOfBounds)
}

fn unindexable(found: &Val<'_>) -> Reason {
    let (operation, found) = ("[]", found.type_name());
    Reason::Type { operation, found }
}

/// The elements of a list of either kind.
pub(super) fn items<'v, 'a: 'v>(of: &'v Val<'a>) -> Option<Items<'v, 'a>> {
    match of {
        Val::Array(items) => Some(Items::Row(items.iter())),
        Val::List(items) => Some(Items::Made(items.iter())),
        _ => None,
    }
}

pub(super) enum Items<'v, 'a> {
    Row(std::slice::Iter<'a, Value>),
    Made(std::slice::Iter<'v, Val<'a>>),
}

impl<'a> Iterator for Items<'_, 'a> {
    type Item = Val<'a>;

    fn next(&mut self) -> Option<Val<'a>> {
        match self {
            Self::Row(items) => items.next().map(Val::from),
            Self::Made(items) => items.next().cloned(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Row(items) => items.size_hint(),
            Self::Made(items) => items.size_hint(),
        }
    }
}

impl ExactSizeIterator for Items<'_, '_> {}
