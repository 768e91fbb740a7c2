//! Recon data: what was found, as models with a natural key.
//!
//! A [`Model`] is a serde type that says which of its fields make two observations the same thing.
//! The store keeps one row for each key: its fields, merged from all observations, when it was
//! first and last seen, and which task of which collection found it and last changed it.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use sortie_task_core::recon::{Field, Model, Observation};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Bucket {
//!     name: String,
//!     public: Option<bool>,
//! }
//!
//! impl Model for Bucket {
//!     const NAME: &'static str = "bucket";
//!     const FIELDS: &'static [Field] = &[Field::text("name"), Field::boolean("public")];
//!
//!     fn key(&self) -> String {
//!         self.name.clone()
//!     }
//! }
//!
//! let seen = Observation::of(&Bucket { name: "backups".into(), public: None })?;
//! assert_eq!(seen.key, "backups");
//! assert_eq!(seen.body.get(), r#"{"name":"backups"}"#); // what is not known says nothing
//! # Ok::<(), sortie_task_core::recon::ModelError>(())
//! ```
//!
//! # Observations merge
//!
//! Several sources know different fields of one thing. A field that an observation has replaces
//! what was known; a field that it lacks, or that is `null`, stays. An observation that is older
//! than the last one only fills gaps. To clear a field, write an empty string or an empty list. A [set](FieldType::TextSet) is not
//! replaced but grows.
//!
//! # Exactly once
//!
//! Writing the same again changes nothing but the time of the last sight, so a task that runs
//! again leaves what one run leaves. What a write says of each row, its [`Change`], is said
//! relative to the time before the *task*: a row that a run of the task put there which then
//! failed is [`Change::Inserted`] again when the next run writes it, and once only in each report.

mod error;
mod model;
mod models;
mod observation;
mod pages;
mod query;
mod row;
mod schema;

pub use error::ModelError;
pub use model::Model;
pub use models::{DynModel, Models};
pub use observation::{MAX_BODY_BYTES, MAX_KEY_BYTES, Observation};
pub use pages::Pages;
pub use query::{Filter, MAX_DEPTH, MAX_FILTERS, MAX_VALUES, Order, Position, Query, Sort, Value};
pub use row::{Change, Changes, ModelRow, Observer, Reference, Runs, Seen};
pub use schema::{Field, FieldType, MAX_SET_ITEMS, Schema};
