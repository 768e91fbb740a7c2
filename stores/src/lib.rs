//! Keepers of state: the adapters of the [store port](task_core::ports::store).
//!
//! - [`MemoryStore`]: for tests and for runs that need not survive their process. It is the
//!   specification of the port: the other stores are held against it.
//! - `SqliteStore` (feature `sqlite`): one durable file, no server; the embedded default.
//! - `PostgresStore` (feature `postgres`): a PostgreSQL server; many managers and workers at once.
//!
//! All of them pass `task_core::conformance::store` and `task_core::conformance::recon`.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod codes;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
mod seq;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod text;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
