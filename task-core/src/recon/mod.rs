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
//! what was known; a field that it lacks stays. An observation that is older than the last one only
//! fills gaps. A [set](FieldType::TextSet) is not replaced but grows.
//!
//! That a thing has a field no longer must be said: the observation [clears](Observation::clearing)
//! it. The row has `null` there from then on, so that an older observation does not bring the value
//! back. For whoever reads or asks, such a field is as absent as one of which nothing was ever
//! known, and so only the clearing of a known value is a change.
//!
//! | the row | a newer observation | the row then | said to be |
//! |---|---|---|---|
//! | `"title":"a"` | lacks it, or `None` in the model | `"title":"a"` | unchanged |
//! | `"title":"a"` | clears it | `"title":null` | changed |
//! | `"title":null` | clears it | `"title":null` | unchanged |
//! | lacks it | clears it | `"title":null` | unchanged |
//! | `"title":null` | `"title":"b"` | `"title":"b"` | changed |
//! | `"title":null` | an older one: `"title":"a"` | `"title":null` | unchanged |
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
mod sorted;

pub use error::ModelError;
pub use model::Model;
pub use models::{DynModel, Models};
pub use observation::{MAX_BODY_BYTES, MAX_KEY_BYTES, Observation};
pub use pages::Pages;
pub use query::{Filter, MAX_DEPTH, MAX_FILTERS, MAX_VALUES, Order, Position, Query, Sort, Value};
pub use row::{Change, Changes, ModelRow, Observer, Reference, Runs, Seen};
pub use schema::{Field, FieldType, MAX_SET_ITEMS, Schema};
