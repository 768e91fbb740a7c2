//! A transaction, and the few ways in which statements are run in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgArguments, PgPool, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Decode, Row as _, Transaction, Type};
use task_core::ports::store::StoreError;

use super::error::store_error;
use super::locks::Locks;

/// A statement with its parameters.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// A statement that is made once and lives as long as the program.
pub(super) fn query(sql: &'static str) -> Statement<'static> {
    sqlx::query(sql)
}

/// What a store has done so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) transactions: AtomicU64,
    pub(super) statements: AtomicU64,
}

/// How most transactions begin.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// How those of managers do. Their statements are planned once, for arrays of any length: to plan a
/// large one takes longer than to run it for a few rows, and to estimate what a thousand ids select
/// takes long. Perhaps that is when the tables are empty, and to look through an empty table is
/// cheapest; the plan is kept until they are large, and would then look through them for each row.
/// All of these statements find what they want by an index, so they are told to.
pub(super) const BEGIN_MANAGER: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan";

/// An open transaction. Undone when dropped.
pub(super) struct Session {
    transaction: Transaction<'static, Postgres>,
    pub(super) locks: Locks,
    counts: Arc<Counts>,
    /// Statements are prepared once for each connection.
    prepares: bool,
}

impl Session {
    /// Each statement sees what was committed before it. That is enough, and more would only fail
    /// more often: see [`locks`](super::locks).
    pub(super) async fn begin(
        pool: &PgPool,
        prepares: bool,
        counts: &Arc<Counts>,
        begin: &'static str,
    ) -> Result<Self, StoreError> {
        let transaction = pool.begin_with(begin).await.map_err(store_error)?;
        counts.statements.fetch_add(1, Relaxed);
        Ok(Self {
            transaction,
            locks: Locks::default(),
            counts: Arc::clone(counts),
            prepares,
        })
    }

    /// Runs a statement; returns the number of rows that it has touched.
    pub(super) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        self.counts.statements.fetch_add(1, Relaxed);
        let statement = statement.persistent(self.prepares);
        let done = statement.execute(&mut *self.transaction).await;
        Ok(done.map_err(store_error)?.rows_affected())
    }

    /// All rows of a statement.
    pub(super) async fn rows(
        &mut self,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.counts.statements.fetch_add(1, Relaxed);
        statement
            .persistent(self.prepares)
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(store_error)
    }

    /// The only value of a statement.
    pub(super) async fn value<T>(&mut self, statement: Statement<'_>) -> Result<T, StoreError>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        self.counts.statements.fetch_add(1, Relaxed);
        let statement = statement.persistent(self.prepares);
        let row = statement.fetch_one(&mut *self.transaction).await;
        row.and_then(|row| row.try_get(0)).map_err(store_error)
    }

    /// Rows of a statement, from the first on, while they are wanted.
    pub(super) async fn rows_while(
        &mut self,
        statement: Statement<'_>,
        wanted: impl FnMut(&PgRow) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.counts.statements.fetch_add(1, Relaxed);
        let rows = statement
            .persistent(self.prepares)
            .fetch(&mut *self.transaction);
        take_while(rows, wanted).await
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.counts.statements.fetch_add(1, Relaxed);
        self.transaction.commit().await.map_err(store_error)?;
        self.counts.transactions.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// Rows that come, while they are wanted.
pub(super) async fn take_while(
    mut rows: BoxStream<'_, Result<PgRow, sqlx::Error>>,
    mut wanted: impl FnMut(&PgRow) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    while let Some(row) = rows.try_next().await.map_err(store_error)? {
        if !wanted(&row)? {
            break;
        }
    }
    Ok(())
}
