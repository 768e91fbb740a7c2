//! A model as it is written: its key, and its JSON in one form.

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::error::ModelError;
use super::model::Model;
use super::schema::{Field, FieldType, MAX_SET_ITEMS, Schema};
use super::sorted::Sorted;

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// Longest JSON of one row, in bytes.
pub const MAX_BODY_BYTES: usize = 256 << 10;
const MAX_ERROR_TEXT: usize = 80;

/// One sight of one thing, checked against its model.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The natural key.
    pub key: String,
    /// A JSON object: its members sorted, `null` those that are cleared.
    pub body: Box<RawValue>,
}

impl Observation {
    /// The observation that `model` stands for.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if its key or its JSON cannot be stored, if [`Model::check`] refuses it, or
    /// if a declared field has another type than it says.
    pub fn of<M: Model>(model: &M) -> Result<Self, ModelError> {
        Self::clearing(model, &[])
    }

    /// The observation that `model` stands for, by somebody who knows that the thing has none of
    /// the fields `cleared`: what was known of these is true no longer.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use sortie_task_core::recon::{Field, Model, ModelError, Observation};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Page {
    ///     url: String,
    ///     title: Option<String>,
    /// }
    /// # impl Model for Page {
    /// #     const NAME: &'static str = "page";
    /// #     const FIELDS: &'static [Field] = &[Field::text("url"), Field::text("title")];
    /// #     fn key(&self) -> String { self.url.clone() }
    /// # }
    ///
    /// let page = Page { url: "https://a.example/".into(), title: None };
    /// let silent = Observation::of(&page)?; // says nothing of a title
    /// assert_eq!(silent.body.get(), r#"{"url":"https://a.example/"}"#);
    /// let without = Observation::clearing(&page, &["title"])?; // says that there is none
    /// assert_eq!(without.body.get(), r#"{"title":null,"url":"https://a.example/"}"#);
    /// // A page has an address.
    /// assert!(Observation::clearing(&page, &["url"]).is_err());
    /// # Ok::<(), ModelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Like [`of`](Self::of); besides [`ModelError::NoField`] if a field to clear is not declared,
    /// and [`ModelError::Shape`] if `model` has it, or is none without it.
    pub fn clearing<M: Model>(model: &M, cleared: &[&str]) -> Result<Self, ModelError> {
        let schema = M::schema();
        let shape = |what: String| ModelError::Shape {
            model: M::NAME,
            what,
        };
        model.check().map_err(shape)?;
        let key = model.key();
        let len = key.len();
        if len == 0 || len > MAX_KEY_BYTES || key.contains('\0') {
            let limit = MAX_KEY_BYTES;
            let model = M::NAME;
            return Err(ModelError::Key { model, len, limit });
        }
        let json = serde_json::to_value(model).map_err(|error| shape(error.to_string()))?;
        let Json::Object(mut members) = json else {
            return Err(shape("it must serialise as a JSON object".to_owned()));
        };
        members.retain(|_, value| !value.is_null());
        check_fields(&schema, &members)?;
        for field in sets(&schema) {
            members.entry(field.name).and_modify(tidy);
        }
        if !cleared.is_empty() {
            clear(&schema, &mut members, cleared)?;
            let without = serde_json::from_value::<M>(Json::Object(members.clone()));
            without.map_err(|error| {
                shape(format!("it must have what is to be cleared of it: {error}"))
            })?;
        }
        if let Some(name) = with_nul(&members) {
            return Err(shape(format!(
                "`{name}` has a character U+0000, which databases refuse: remove it"
            )));
        }
        Ok(Self {
            body: raw(&schema, &key, &members)?,
            key,
        })
    }
}

/// The observation `newer` over `older`: members of `newer` win, those that are `null` among them.
///
/// # Errors
///
/// [`ModelError::TooLarge`] if both together are too large, [`ModelError::Shape`] if one of them
/// is no JSON object.
pub(super) fn merge(
    schema: &Schema,
    key: &str,
    older: &RawValue,
    newer: &RawValue,
) -> Result<Box<RawValue>, ModelError> {
    // What is seen again is mostly what was seen before.
    if older.get() == newer.get() {
        return Ok(older.to_owned());
    }
    let mut members = object(schema, key, older)?;
    let mut newer = object(schema, key, newer)?;
    for field in sets(schema) {
        if let (Some(Json::Array(known)), Some(Json::Array(seen))) =
            (members.get_mut(field.name), newer.get_mut(field.name))
        {
            seen.append(known);
            newer.entry(field.name).and_modify(tidy);
        }
    }
    members.extend(newer);
    raw(schema, key, &members)
}

/// What is known by a body: its members without those that are `null`, which are there for the
/// next [`merge`] alone.
pub(super) fn known(
    schema: &Schema,
    key: &str,
    body: &RawValue,
) -> Result<Map<String, Json>, ModelError> {
    let mut members = object(schema, key, body)?;
    members.retain(|_, value| !value.is_null());
    Ok(members)
}

/// Whether something is known by the one that is not by the other.
pub(super) fn differ(
    schema: &Schema,
    key: &str,
    a: &RawValue,
    b: &RawValue,
) -> Result<bool, ModelError> {
    Ok(match a.get() == b.get() {
        true => false,
        // Each value has one form.
        false if !has_null(a) && !has_null(b) => true,
        false => known(schema, key, a)? != known(schema, key, b)?,
    })
}

/// Whether a member of the body may be `null`. Most bodies do not even have the word.
pub(super) fn has_null(body: &RawValue) -> bool {
    body.get().contains("null")
}

fn object(schema: &Schema, key: &str, body: &RawValue) -> Result<Map<String, Json>, ModelError> {
    serde_json::from_str(body.get()).map_err(|error| ModelError::Shape {
        model: schema.model,
        what: format!("`{key}`: {error}"),
    })
}

fn clear(
    schema: &Schema,
    members: &mut Map<String, Json>,
    cleared: &[&str],
) -> Result<(), ModelError> {
    for name in cleared {
        let field = schema.field(name)?;
        if members
            .insert(field.name.to_owned(), Json::Null)
            .is_some_and(|had| !had.is_null())
        {
            return Err(ModelError::Shape {
                model: schema.model,
                what: format!("`{name}` has a value and is to be cleared: leave out one of both"),
            });
        }
    }
    Ok(())
}

fn sets(schema: &Schema) -> impl Iterator<Item = &'static Field> {
    let is_set = |field: &&Field| field.kind == FieldType::TextSet;
    schema.fields.iter().filter(is_set)
}

/// A set in its one form.
fn tidy(set: &mut Json) {
    if let Json::Array(items) = set {
        items.sort_unstable_by(|a, b| a.as_str().cmp(&b.as_str()));
        items.dedup();
        items.truncate(MAX_SET_ITEMS);
    }
}

fn raw(
    schema: &Schema,
    key: &str,
    members: &Map<String, Json>,
) -> Result<Box<RawValue>, ModelError> {
    let body =
        serde_json::value::to_raw_value(&Sorted(members)).map_err(|error| ModelError::Shape {
            model: schema.model,
            what: error.to_string(),
        })?;
    let len = body.get().len();
    if len > MAX_BODY_BYTES {
        return Err(ModelError::TooLarge {
            model: schema.model,
            key: key.to_owned(),
            len,
            limit: MAX_BODY_BYTES,
        });
    }
    Ok(body)
}

fn check_fields(schema: &Schema, members: &Map<String, Json>) -> Result<(), ModelError> {
    for field in schema.fields {
        let Some(value) = members.get(field.name) else {
            continue;
        };
        let fits = match field.kind {
            FieldType::Text => value.is_string(),
            FieldType::Integer => value.is_i64(),
            FieldType::Boolean => value.is_boolean(),
            FieldType::TextList | FieldType::TextSet => value
                .as_array()
                .is_some_and(|items| items.iter().all(Json::is_string)),
        };
        if !fits {
            return Err(ModelError::Field {
                model: schema.model,
                field: field.name,
                expected: field.kind.as_str(),
                found: shorten(value),
            });
        }
    }
    Ok(())
}

/// The name of a member with a zero character somewhere in it.
fn with_nul(members: &Map<String, Json>) -> Option<&str> {
    fn has_nul(value: &Json) -> bool {
        match value {
            Json::String(text) => text.contains('\0'),
            Json::Array(items) => items.iter().any(has_nul),
            Json::Object(members) => members
                .iter()
                .any(|(name, value)| name.contains('\0') || has_nul(value)),
            _ => false,
        }
    }
    let found = members
        .iter()
        .find(|(name, value)| name.contains('\0') || has_nul(value));
    found.map(|(name, _)| name.as_str())
}

pub(super) fn shorten(value: &Json) -> String {
    let mut text = value.to_string();
    if text.len() > MAX_ERROR_TEXT {
        text.truncate(text.floor_char_boundary(MAX_ERROR_TEXT));
        text.push('…');
    }
    text
}
