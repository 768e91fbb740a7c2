//! What can be wrong with a model, an observation of it, or a query for it.

/// Why a model, an observation or a query is refused. Trying again does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The model itself is malformed: for its author to mend.
    #[error("the model `{model}` cannot be stored: {what}")]
    Schema {
        /// The model.
        model: &'static str,
        /// What is wrong.
        what: String,
    },
    /// Nobody has said what this model is.
    #[error("there is no model called `{model}`; this worker knows {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        model: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// Two models claim one name.
    #[error("two models have the name `{model}`; give each a NAME of its own")]
    Duplicate {
        /// The name.
        model: &'static str,
    },
    /// An observation is not what its model says.
    #[error("not a `{model}`: {what}")]
    Shape {
        /// The model.
        model: &'static str,
        /// What is wrong, with the field where one is to blame.
        what: String,
    },
    /// A field of an observation, or a value of a query, has the wrong type.
    #[error("the field `{field}` of `{model}` must be {expected}, not {found}")]
    Field {
        /// The model.
        model: &'static str,
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is, shortened.
        found: String,
    },
    /// The key cannot be stored.
    #[error("a key of `{model}` must have 1 to {limit} bytes, none of them 0; this one has {len}")]
    Key {
        /// The model.
        model: &'static str,
        /// How long it is, in bytes.
        len: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The observation is too large.
    #[error(
        "`{key}` of `{model}` has {len} bytes; at most {limit} are stored: shorten or drop a field"
    )]
    TooLarge {
        /// The model.
        model: &'static str,
        /// The key.
        key: String,
        /// How long its JSON is, in bytes.
        len: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The query names a field that the model does not declare.
    #[error("`{model}` has no field `{field}` to ask for; it has {}", known.join(", "))]
    NoField {
        /// The model.
        model: &'static str,
        /// The field named.
        field: String,
        /// The fields that it has.
        known: Vec<&'static str>,
    },
    /// The query is malformed or too large.
    #[error("the query for `{model}` is refused: {what}")]
    Query {
        /// The model.
        model: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl From<ModelError> for crate::task::TaskError {
    fn from(error: ModelError) -> Self {
        Self::fatal(error)
    }
}
