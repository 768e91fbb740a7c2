//! Output: what was found, a line each, and the run as one document.

mod journal;
mod metadata;
mod ndjson;

pub use journal::{Journal, JournalError};
pub use metadata::Metadata;
pub use ndjson::Ndjson;
