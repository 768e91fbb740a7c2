//! The trait of models.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::schema::{Field, Schema};

/// Something that is found, with a natural key. See [the module](super) for an example.
///
/// It serialises as a JSON object. Give fields that a source may not know the type `Option`.
pub trait Model: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name under which it is stored and asked for: 1 to 40 lower-case letters, digits and
    /// `_`, a letter first. Never the Rust path.
    const NAME: &'static str;

    /// The fields that queries may name, at the top of the object.
    const FIELDS: &'static [Field];

    /// What makes two observations the same thing: 1 to 512 bytes, none of them 0. Must depend on
    /// nothing but `self`, and on nothing that changes while the thing stays the same.
    fn key(&self) -> String;

    /// Whether the values make sense together: called before anything is stored.
    ///
    /// # Errors
    ///
    /// What is wrong, in words that name the field.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// The model as the store sees it.
    fn schema() -> Schema {
        Schema {
            model: Self::NAME,
            fields: Self::FIELDS,
        }
    }
}
