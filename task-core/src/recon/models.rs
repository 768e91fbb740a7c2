//! Model name → model, for tasks that are told the name.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::error::ModelError;
use super::model::Model;
use super::observation::Observation;
use super::schema::Schema;

/// A model whose type is forgotten. Made from a [`Model`]; nobody writes one.
#[derive(Clone, Copy)]
pub struct DynModel {
    schema: Schema,
    observe: fn(&RawValue) -> Result<Observation, ModelError>,
}

impl DynModel {
    /// The twin of `M`.
    pub fn of<M: Model>() -> Self {
        Self {
            schema: M::schema(),
            observe: |json| {
                let model: M =
                    serde_json::from_str(json.get()).map_err(|error| ModelError::Shape {
                        model: M::NAME,
                        what: error.to_string(),
                    })?;
                Observation::of(&model)
            },
        }
    }

    /// What the store knows of it.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Reads JSON as this model.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`] if it is not one, and those of [`Observation::of`].
    pub fn observe(&self, json: &RawValue) -> Result<Observation, ModelError> {
        (self.observe)(json)
    }
}

impl fmt::Debug for DynModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynModel").field(&self.schema.model).finish()
    }
}

/// The models that a worker knows by name. Explicit: what is not named here does not exist.
#[derive(Clone, Debug, Default)]
pub struct Models(BTreeMap<&'static str, DynModel>);

impl Models {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `M` besides.
    ///
    /// # Errors
    ///
    /// [`ModelError::Duplicate`] if its name is taken, [`ModelError::Schema`] if it is malformed.
    pub fn with<M: Model>(mut self) -> Result<Self, ModelError> {
        M::schema().check()?;
        if self.0.insert(M::NAME, DynModel::of::<M>()).is_some() {
            return Err(ModelError::Duplicate { model: M::NAME });
        }
        Ok(self)
    }

    /// The model called `name`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unknown`], which lists those that there are.
    pub fn get(&self, name: &str) -> Result<&DynModel, ModelError> {
        self.0.get(name).ok_or_else(|| ModelError::Unknown {
            model: name.to_owned(),
            known: self.0.keys().copied().collect(),
        })
    }

    /// All models, by name.
    pub fn iter(&self) -> impl Iterator<Item = &DynModel> {
        self.0.values()
    }
}
