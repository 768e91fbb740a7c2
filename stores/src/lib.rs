//! Keepers of state: the adapters of the [store port](task_core::ports::store).
//!
//! - [`MemoryStore`]: for tests and for runs that need not survive their process. It is the
//!   specification of the port: the other stores are held against it.
//! - `SqliteStore` (feature `sqlite`): one durable file, no server; the embedded default.
//!
//! Both pass `task_core::conformance::store`.

#[cfg(feature = "sqlite")]
mod codes;
pub mod memory;
mod seq;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "sqlite")]
mod text;

pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
