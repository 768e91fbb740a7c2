//! The state in one SQLite file.
//!
//! One connection writes, a few others read snapshots beside it. What `commit` has acknowledged
//! survives a power cut: the journal is a write-ahead log that is flushed with each transaction.
//! Several processes may open one file on one machine; their transactions wait for each other.

mod alike;
mod children;
mod columns;
mod connection;
mod data;
mod error;
mod pack;
mod put;
mod read;
mod recon;
mod rows;
mod schema;
mod tx;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use task_core::ports::store::StoreError;
use tokio::sync::Mutex;

use connection::Writer;
use error::store_error;

/// How long a transaction waits for one of another process.
const BUSY: Duration = Duration::from_secs(10);
/// Connections that read beside the writer.
const READERS: u32 = 4;

/// A store in one SQLite file. Clones share their connections.
#[derive(Clone)]
pub struct SqliteStore {
    writer: Arc<Mutex<Writer>>,
    /// None in memory: there the one connection is the database.
    readers: Option<SqlitePool>,
    name: Arc<str>,
}

impl SqliteStore {
    /// Opens the store in the file at `path`, which is made if there is none, and brings its
    /// schema up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the file is not a SQLite database or is damaged,
    /// [`StoreError::NewerSchema`] if newer code wrote it, [`StoreError::Full`],
    /// [`StoreError::Refused`] if it may not be written, and [`StoreError::Backend`] if it cannot
    /// be opened, belongs to another program, or another process does not let go of it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_at(path.as_ref(), options()).await
    }

    /// Like [`open`](Self::open), but the file may not grow beyond so many pages of 4 KiB: what
    /// does not fit is [`StoreError::Full`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn open_with_limit(path: impl AsRef<Path>, pages: u32) -> Result<Self, StoreError> {
        let options = options().pragma("max_page_count", pages.to_string());
        Self::open_at(path.as_ref(), options).await
    }

    async fn open_at(path: &Path, options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let options = options.filename(path).create_if_missing(true);
        let mut conn = connect(&options, path).await?;
        schema::migrate(&mut conn, path).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(
                options
                    .pragma("query_only", "on")
                    .pragma("cache_size", "-8192"),
            );
        Ok(Self::new(conn, Some(readers), &path.display().to_string()))
    }

    /// A store in memory, with SQLite's behaviour: for tests.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backend`] if SQLite fails.
    pub async fn open_in_memory() -> Result<Self, StoreError> {
        let path = Path::new(":memory:");
        let mut conn = connect(&options().in_memory(true), path).await?;
        schema::migrate(&mut conn, path).await?;
        Ok(Self::new(conn, None, ":memory:"))
    }

    fn new(conn: SqliteConnection, readers: Option<SqlitePool>, name: &str) -> Self {
        let writer = Arc::new(Mutex::new(Writer::new(conn)));
        Self {
            writer,
            readers,
            name: name.into(),
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.name).finish()
    }
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(false)
        .pragma("cache_size", "-65536")
        .pragma("mmap_size", "0")
        .pragma("temp_store", "memory")
        // 64 MiB: a page that many transactions touch is copied back once, not once for each.
        .pragma("wal_autocheckpoint", "16384")
        .statement_cache_capacity(256)
        .row_buffer_size(256)
        // Statements are as long as a page and always the same: nothing to learn from a log.
        .disable_statement_logging()
}

async fn connect(
    options: &SqliteConnectOptions,
    path: &Path,
) -> Result<SqliteConnection, StoreError> {
    SqliteConnection::connect_with(options)
        .await
        .map_err(|error| match store_error(error) {
            StoreError::Corrupt { what } => StoreError::Corrupt {
                what: format!("`{}`: {what}", path.display()),
            },
            StoreError::Refused(what) => {
                StoreError::Refused(format!("`{}`: {what}", path.display()))
            }
            StoreError::Backend(error) => StoreError::Backend(
                format!("`{}` cannot be opened: {error}", path.display()).into(),
            ),
            other => other,
        })
}
