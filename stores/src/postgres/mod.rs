//! The state on a PostgreSQL server, for many managers and workers at once.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use sortie_stores::{PostgresOptions, PostgresStore};
//!
//! let url = "postgres://owner:secret@db.example.com/sortie?sslrootcert=/etc/ssl/rds.pem";
//! // Once, by who owns the database: tables, then the roles.
//! let owner = PostgresOptions::parse(url)?;
//! PostgresStore::migrate(&owner).await?;
//! PostgresStore::create_roles(&owner).await?;
//! // By everybody else:
//! let store = PostgresStore::connect(&PostgresOptions::parse(url)?.lambda()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Tables
//!
//! The schema `task_manager` has `collections`, `containers`, `tasks`, `task_data`,
//! `task_collection_data`, `inbox` and `outbox`; the schema `recon` has a table for each stock
//! model, a view of each with its fields as columns (the plural: `recon.endpoints`), and
//! `recon.model` for the models of users. PostgreSQL 14 or newer; the database must be in UTF-8.
//!
//! # Many managers
//!
//! A transaction locks a collection before it touches anything of it (`locks.rs` says how). So
//! managers on different collections work side by side, and those on one collection take turns;
//! nothing is read that another one is about to change. What can still fail with
//! [`StoreError::Conflict`], and is run again, is a batch that meets collections in another order than
//! its neighbour, or was given a message that its neighbour is about to remember.
//!
//! A worker that writes data holds the state of its task meanwhile: nobody ends the task half-way
//! through, and what a task has written is there before anything runs that reads it.
//!
//! # What is finished
//!
//! Indices are partial: a task is in them only while it waits or runs, so what is over costs disk
//! and nothing else. [`forget`](PostgresStore::forget) removes collections that ended before a
//! moment, in small transactions. Partitions by time were weighed against it: they make removing
//! cheaper, but somebody has to make them ahead of time, and each statement has to look for its
//! own. As ids are in the order of time, what is removed lies together either way.
//!
//! # Connections
//!
//! A manager needs one connection, a worker one for each task that reads or writes at the same
//! moment. [`PostgresOptions::lambda`] is the preset for functions that are frozen between two
//! batches. A server's connections are few: the concurrency of the functions times theirs must
//! stay below `max_connections`, or a proxy must stand between. RDS Proxy and PgBouncer (in
//! transaction mode) work with [`PostgresOptions::behind_a_proxy`]: all locks end with their
//! transaction and nothing is prepared, so no connection is pinned.

mod children;
mod columns;
mod data;
mod error;
mod forget;
mod later;
mod locks;
mod options;
mod outbox;
mod put;
mod read;
mod recon;
mod roles;
mod rows;
mod schema;
mod session;
mod statements;
mod tx;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use sqlx::postgres::PgPool;
use task_core::ports::store::StoreError;

pub use options::{OptionsError, PostgresOptions};
use session::{BEGIN, Counts, Session};

/// A store on a PostgreSQL server. Clones share their connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    name: Arc<str>,
    counts: Arc<Counts>,
    /// Statements are prepared once for each connection, and may be sent outside of transactions.
    prepares: bool,
}

impl PostgresStore {
    /// Connects to a store whose schema is up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerSchema`] if newer code made the schema; [`StoreError::Backend`] if the
    /// server cannot be reached or does not let the user in, or if the schema is missing or older
    /// than this code and must be brought up to date first, by [`migrate`](Self::migrate).
    pub async fn connect(options: &PostgresOptions) -> Result<Self, StoreError> {
        let store = Self::lazily(options);
        let unreachable = |error: StoreError| match error {
            StoreError::Backend(error) => {
                StoreError::Backend(format!("{}: {error}", store.name).into())
            }
            other => other,
        };
        schema::check(&store).await.map_err(unreachable)?;
        Ok(store)
    }

    /// Makes the tables, or brings them up to date. Safe to call by many at once; all but the
    /// first wait, and find nothing left to do. The user must be allowed to create schemas. Talk to
    /// the server itself for it, and not to a proxy.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerSchema`] if newer code made the schema, [`StoreError::Corrupt`] if the
    /// schema is not what any code made, and [`StoreError::Backend`] if the server cannot be
    /// reached, the user may not, or the schemas belong to another program.
    pub async fn migrate(options: &PostgresOptions) -> Result<(), StoreError> {
        let store = Self::lazily(options);
        let done = schema::migrate(&store).await;
        store.pool.close().await;
        done.map_err(|error| match error {
            StoreError::Backend(error) => {
                StoreError::Backend(format!("{}: {error}", store.name).into())
            }
            other => other,
        })
    }

    /// [`migrate`](Self::migrate), then [`connect`](Self::connect): for tests, and for programs
    /// that own their database.
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        Self::migrate(options).await?;
        Self::connect(options).await
    }

    /// Closes all connections, once what is under way has ended.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// How many transactions this store and its clones have committed, and how many statements
    /// they have sent in transactions, those that begin and end them included.
    pub fn statements(&self) -> (u64, u64) {
        let counts = &self.counts;
        (
            counts.transactions.load(Relaxed),
            counts.statements.load(Relaxed),
        )
    }

    fn lazily(options: &PostgresOptions) -> Self {
        Self {
            pool: options.pool(),
            name: options.to_string().into(),
            counts: Arc::default(),
            prepares: !options.is_behind_a_proxy(),
        }
    }

    async fn session(&self) -> Result<Session, StoreError> {
        Session::begin(&self.pool, self.prepares, &self.counts, BEGIN).await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.name).finish()
    }
}
