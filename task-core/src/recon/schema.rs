//! What the store knows of a model: its name and the fields that queries may name.

use super::error::ModelError;

/// A model as the store sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The model's name: lower-case letters, digits and `_`, at most 40 characters.
    pub model: &'static str,
    /// The fields that queries may name. An observation may have others beside them.
    pub fields: &'static [Field],
}

/// A member at the top of a model's JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name: lower-case letters, digits and `_`, at most 40 characters.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldType,
    /// The model whose keys it holds, if it refers to another one.
    pub refers_to: Option<&'static str>,
}

/// What a field holds; `null`, or nothing at all, besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A string. Compared by bytes.
    Text,
    /// A whole number that fits an `i64`. Times are milliseconds since the Unix epoch.
    Integer,
    /// `true` or `false`; `false` sorts first.
    Boolean,
    /// An array of strings, which an observation replaces as a whole.
    TextList,
    /// An array of strings to which observations add: sorted, each of them once, and no more than
    /// [`MAX_SET_ITEMS`]; what does not fit is left out. For what has no whole view, as the names
    /// of an address.
    TextSet,
}

/// Most strings of a set that grows.
pub const MAX_SET_ITEMS: usize = 1_000;

impl FieldType {
    /// What a value of it is called in errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "a whole number from -2^63 to 2^63-1",
            Self::Boolean => "true or false",
            Self::TextList | Self::TextSet => "an array of strings",
        }
    }

    /// Whether it is an array.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::TextList | Self::TextSet)
    }
}

impl Field {
    /// A field of text.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, FieldType::Text)
    }

    /// A field with a whole number.
    pub const fn integer(name: &'static str) -> Self {
        Self::new(name, FieldType::Integer)
    }

    /// A field that is true or false.
    pub const fn boolean(name: &'static str) -> Self {
        Self::new(name, FieldType::Boolean)
    }

    /// A field with an array of strings.
    pub const fn text_list(name: &'static str) -> Self {
        Self::new(name, FieldType::TextList)
    }

    /// A field with a set of strings that grows.
    pub const fn text_set(name: &'static str) -> Self {
        Self::new(name, FieldType::TextSet)
    }

    /// The same field, whose text is the key, or whose list has the keys, of the model called
    /// `model`. [`Filter::RefersTo`](super::Filter::RefersTo) finds rows by it.
    #[must_use]
    pub const fn refers_to(mut self, model: &'static str) -> Self {
        self.refers_to = Some(model);
        self
    }

    const fn new(name: &'static str, kind: FieldType) -> Self {
        Self {
            name,
            kind,
            refers_to: None,
        }
    }
}

impl Schema {
    /// The field called `name`.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoField`] if there is none.
    pub fn field(&self, name: &str) -> Result<&'static Field, ModelError> {
        let found = self.fields.iter().find(|field| field.name == name);
        found.ok_or_else(|| ModelError::NoField {
            model: self.model,
            field: name.to_owned(),
            known: self.fields.iter().map(|field| field.name).collect(),
        })
    }

    /// Whether the model's name and the names of its fields are well formed, each name is there
    /// once, and only text refers to other models. A store may count on it.
    ///
    /// # Errors
    ///
    /// [`ModelError::Schema`], which says what is wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        let fault = |what: String| ModelError::Schema {
            model: self.model,
            what,
        };
        if !is_name(self.model) {
            return Err(fault(format!("the name `{}` {NAME_RULE}", self.model)));
        }
        for (at, field) in self.fields.iter().enumerate() {
            let name = field.name;
            if !is_name(name) {
                return Err(fault(format!("the field name `{name}` {NAME_RULE}")));
            }
            if self.fields.iter().take(at).any(|other| other.name == name) {
                return Err(fault(format!("the field `{name}` is there twice")));
            }
            let textual = field.kind == FieldType::Text || field.kind.is_list();
            if field.refers_to.is_some() && !textual {
                return Err(fault(format!(
                    "the field `{name}` refers to a model but is no text"
                )));
            }
        }
        Ok(())
    }
}

const NAME_RULE: &str = "must be 1 to 40 lower-case letters, digits and `_`, a letter first";

fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
