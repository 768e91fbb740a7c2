//! What to list: filters, order, and the place from which to go on.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::error::ModelError;
use super::row::ModelRow;
use super::schema::{FieldType, Schema};
use crate::id::{CollectionId, TaskId};
use crate::time::Timestamp;

/// Filters that one query may have in all.
pub const MAX_FILTERS: usize = 500;
/// Keys and values that the lists of one query may have in all.
pub const MAX_VALUES: usize = 10_000;
/// How deep filters may be nested.
pub const MAX_DEPTH: usize = 16;

/// Which rows of a model, and in which order. The default is all of them, by key.
///
/// ```
/// use sortie_task_core::recon::{Filter, Order, Query};
///
/// let query = Query::all()
///     .filter(Filter::equals("port", 443))
///     .filter(Filter::Not(Box::new(Filter::Has("title".into()))))
///     .order(Order::LastSeen)
///     .descending();
/// let json = serde_json::to_string(&query)?;
/// assert_eq!(serde_json::from_str::<Query>(&json)?, query);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// What must hold of a row, all of it.
    pub filters: Vec<Filter>,
    /// The order of the rows; rows that are alike in it come by key.
    pub order: Order,
    /// The other way round; rows that are alike in what they are sorted by still come by key.
    pub descending: bool,
}

/// What rows are sorted by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The key, by bytes.
    #[default]
    Key,
    /// When it was seen first.
    FirstSeen,
    /// When it was seen last.
    LastSeen,
    /// When it changed last.
    ChangedAt,
    /// A declared field that is no list; rows without it come first.
    Field(String),
}

/// A value that a field is held against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Value {
    /// For fields that are true or false.
    Boolean(bool),
    /// For whole numbers.
    Integer(i64),
    /// For text, and for members of lists.
    Text(String),
}

/// Something that holds of a row or does not: there is no third. A comparison with a field that
/// the row lacks does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The key is one of these.
    KeyIn(Vec<String>),
    /// The row has this field.
    Has(String),
    /// The field is this value, or one of its list is.
    Equals(String, Value),
    /// The field is one of these values, or one of its list is.
    OneOf(String, Vec<Value>),
    /// The field lies below this value.
    Below(String, Value),
    /// The field is this value or lies above it.
    AtLeast(String, Value),
    /// The text begins so.
    StartsWith(String, String),
    /// The text ends so.
    EndsWith(String, String),
    /// One of the fields that refer to the model `model` names `key`; only `field`, if it is given.
    RefersTo {
        /// The other model.
        model: String,
        /// Its key.
        key: String,
        /// The one field that counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
    },
    /// It was seen at this moment or later.
    SeenSince(Timestamp),
    /// It was found at this moment or later.
    FoundSince(Timestamp),
    /// A task of this collection found it.
    FoundIn(CollectionId),
    /// A task of this collection found it or was the last to change it.
    ChangedIn(CollectionId),
    /// This task found it.
    FoundBy(TaskId),
    /// All of these hold; with none, it holds.
    All(Vec<Self>),
    /// One of these holds; with none, it does not.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
}

/// Where a row stands in an order: where the next page begins behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What it is sorted by; `None` if the row has no such field.
    pub by: Option<Value>,
    /// Its key.
    pub key: String,
}

/// An [`Order`] that was checked: what a store sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The key.
    Key,
    /// When it was seen first.
    FirstSeen,
    /// When it was seen last.
    LastSeen,
    /// When it changed last.
    ChangedAt,
    /// A field, and what it holds.
    Field(&'static str, FieldType),
}

impl Query {
    /// All rows, by key.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only rows of which `filter` holds, too.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Sorted by `order`.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The other way round.
    #[must_use]
    pub const fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// Holds the query against the model, and says what to sort by. Every store calls it first.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoField`], [`ModelError::Field`] if a value has the wrong type,
    /// [`ModelError::Query`] if it is too large or too deep, or sorts by a list.
    pub fn check(&self, schema: &Schema) -> Result<Sort, ModelError> {
        let mut size = Size::default();
        for filter in &self.filters {
            filter.check(schema, 1, &mut size)?;
        }
        Ok(match &self.order {
            Order::Key => Sort::Key,
            Order::FirstSeen => Sort::FirstSeen,
            Order::LastSeen => Sort::LastSeen,
            Order::ChangedAt => Sort::ChangedAt,
            Order::Field(name) => {
                let field = schema.field(name)?;
                if field.kind.is_list() {
                    let what = format!("`{name}` is a list; sort by something else");
                    return Err(refused(schema, what));
                }
                Sort::Field(field.name, field.kind)
            }
        })
    }

    /// Where `row` stands in this order.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), and [`ModelError::Shape`] if the row's body is no object.
    pub fn position(&self, schema: &Schema, row: &ModelRow) -> Result<Position, ModelError> {
        Ok(self.check(schema)?.position(row, &row.members(schema)?))
    }

    /// How two places of this order stand to each other.
    pub fn compare(&self, sort: Sort, a: &Position, b: &Position) -> Ordering {
        let turned = |order: Ordering| {
            if self.descending {
                order.reverse()
            } else {
                order
            }
        };
        if sort == Sort::Key {
            return turned(a.key.cmp(&b.key));
        }
        turned(a.by.cmp(&b.by)).then_with(|| a.key.cmp(&b.key))
    }

    /// Whether `row`, whose body is `members`, is one of those asked for.
    pub fn admits(&self, row: &ModelRow, members: &Map<String, Json>, schema: &Schema) -> bool {
        self.filters
            .iter()
            .all(|filter| filter.holds(row, members, schema))
    }
}

impl Sort {
    /// Where `row`, whose body is `members`, stands.
    pub fn position(self, row: &ModelRow, members: &Map<String, Json>) -> Position {
        let time = |at: Timestamp| {
            Some(Value::Integer(
                i64::try_from(at.as_millis()).unwrap_or(i64::MAX),
            ))
        };
        let by = match self {
            Self::Key => None,
            Self::FirstSeen => time(row.first_seen),
            Self::LastSeen => time(row.last_seen),
            Self::ChangedAt => time(row.changed_at),
            Self::Field(name, _) => members.get(name).and_then(Value::of),
        };
        Position {
            by,
            key: row.key.clone(),
        }
    }
}

impl Value {
    /// The JSON value as one that fields are held against, if it is one.
    pub fn of(json: &Json) -> Option<Self> {
        match json {
            Json::Bool(value) => Some(Self::Boolean(*value)),
            Json::Number(value) => value.as_i64().map(Self::Integer),
            Json::String(value) => Some(Self::Text(value.clone())),
            _ => None,
        }
    }

    fn fits(&self, kind: FieldType) -> bool {
        matches!(
            (self, kind),
            (Self::Boolean(_), FieldType::Boolean)
                | (Self::Integer(_), FieldType::Integer)
                | (
                    Self::Text(_),
                    FieldType::Text | FieldType::TextList | FieldType::TextSet
                )
        )
    }

    fn is(&self, json: &Json) -> bool {
        match (self, json) {
            (Self::Text(text), Json::String(found)) => text == found,
            (Self::Text(_), Json::Array(items)) => items.iter().any(|item| self.is(item)),
            _ => Self::of(json).as_ref() == Some(self),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Integer(value.into())
    }
}

impl Filter {
    /// [`Filter::Equals`].
    pub fn equals(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Equals(field.into(), value.into())
    }

    /// [`Filter::RefersTo`] by any field.
    pub fn refers_to(model: impl Into<String>, key: impl Into<String>) -> Self {
        Self::RefersTo {
            model: model.into(),
            key: key.into(),
            field: None,
        }
    }

    fn check(&self, schema: &Schema, depth: usize, size: &mut Size) -> Result<(), ModelError> {
        size.filters += 1;
        size.values += match self {
            Self::KeyIn(keys) => keys.len(),
            Self::OneOf(_, values) => values.len(),
            _ => 0,
        };
        if size.filters > MAX_FILTERS || size.values > MAX_VALUES {
            let what = format!(
                "it has more than {MAX_FILTERS} filters, or lists of more than {MAX_VALUES} values"
            );
            return Err(refused(schema, what));
        }
        if depth > MAX_DEPTH {
            let what = format!("its filters are nested more than {MAX_DEPTH} deep");
            return Err(refused(schema, what));
        }
        let text = |name: &str| {
            let field = schema.field(name)?;
            if field.kind == FieldType::Text {
                return Ok(());
            }
            Err(refused(
                schema,
                format!("`{name}` is no text to begin or end"),
            ))
        };
        match self {
            Self::Has(name) => schema.field(name).map(|_| ()),
            Self::Equals(name, value) => fits(schema, name, value),
            Self::OneOf(name, values) => {
                schema.field(name)?;
                values
                    .iter()
                    .try_for_each(|value| fits(schema, name, value))
            }
            Self::Below(name, value) | Self::AtLeast(name, value) => {
                if schema.field(name)?.kind.is_list() {
                    return Err(refused(
                        schema,
                        format!("`{name}` is a list and has no order"),
                    ));
                }
                fits(schema, name, value)
            }
            Self::StartsWith(name, _) | Self::EndsWith(name, _) => text(name),
            Self::RefersTo {
                field: Some(name),
                model,
                ..
            } => {
                if schema.field(name)?.refers_to == Some(model) {
                    return Ok(());
                }
                Err(refused(
                    schema,
                    format!("`{name}` does not refer to `{model}`"),
                ))
            }
            Self::RefersTo {
                field: None, model, ..
            } => {
                if schema
                    .fields
                    .iter()
                    .any(|field| field.refers_to == Some(model))
                {
                    return Ok(());
                }
                Err(refused(schema, format!("no field refers to `{model}`")))
            }
            Self::All(inner) | Self::Any(inner) => inner
                .iter()
                .try_for_each(|filter| filter.check(schema, depth + 1, size)),
            Self::Not(inner) => inner.check(schema, depth + 1, size),
            Self::KeyIn(_)
            | Self::SeenSince(_)
            | Self::FoundSince(_)
            | Self::FoundIn(_)
            | Self::ChangedIn(_)
            | Self::FoundBy(_) => Ok(()),
        }
    }

    fn holds(&self, row: &ModelRow, members: &Map<String, Json>, schema: &Schema) -> bool {
        let text = |name: &String| members.get(name).and_then(Json::as_str);
        let value = |name: &String| members.get(name).and_then(Value::of);
        match self {
            Self::KeyIn(keys) => keys.contains(&row.key),
            Self::Has(name) => members.contains_key(name),
            Self::Equals(name, value) => members.get(name).is_some_and(|json| value.is(json)),
            Self::OneOf(name, values) => members
                .get(name)
                .is_some_and(|json| values.iter().any(|value| value.is(json))),
            Self::Below(name, than) => value(name).is_some_and(|value| value < *than),
            Self::AtLeast(name, than) => value(name).is_some_and(|value| value >= *than),
            Self::StartsWith(name, start) => text(name).is_some_and(|text| text.starts_with(start)),
            Self::EndsWith(name, end) => text(name).is_some_and(|text| text.ends_with(end)),
            Self::RefersTo { model, key, field } => {
                let value = Value::Text(key.clone());
                let counts = |name: &str| field.as_ref().is_none_or(|only| only == name);
                schema
                    .fields
                    .iter()
                    .filter(|field| field.refers_to == Some(model) && counts(field.name))
                    .any(|field| members.get(field.name).is_some_and(|json| value.is(json)))
            }
            Self::SeenSince(at) => row.last_seen >= *at,
            Self::FoundSince(at) => row.first_seen >= *at,
            Self::FoundIn(collection) => row.found_in == *collection,
            Self::ChangedIn(collection) => {
                row.found_in == *collection || row.changed_in == *collection
            }
            Self::FoundBy(task) => row.found_by == *task,
            Self::All(inner) => inner
                .iter()
                .all(|filter| filter.holds(row, members, schema)),
            Self::Any(inner) => inner
                .iter()
                .any(|filter| filter.holds(row, members, schema)),
            Self::Not(inner) => !inner.holds(row, members, schema),
        }
    }
}

/// How much a query has of what is bounded.
#[derive(Default)]
struct Size {
    filters: usize,
    values: usize,
}

fn fits(schema: &Schema, name: &str, value: &Value) -> Result<(), ModelError> {
    let field = schema.field(name)?;
    if value.fits(field.kind) {
        return Ok(());
    }
    Err(ModelError::Field {
        model: schema.model,
        field: field.name,
        expected: if field.kind.is_list() {
            FieldType::Text.as_str()
        } else {
            field.kind.as_str()
        },
        found: serde_json::to_value(value)
            .map_or_else(|_| String::new(), |json| super::observation::shorten(&json)),
    })
}

const fn refused(schema: &Schema, what: String) -> ModelError {
    ModelError::Query {
        model: schema.model,
        what,
    }
}
