//! A transaction, and the few ways in which statements are run in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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

/// An open transaction. Undone when dropped.
pub(super) struct Session {
    transaction: Transaction<'static, Postgres>,
    pub(super) locks: Locks,
    counts: Arc<Counts>,
}

impl Session {
    /// Each statement sees what was committed before it. That is enough, and more would only fail
    /// more often: see [`locks`](super::locks).
    pub(super) async fn begin(pool: &PgPool, counts: &Arc<Counts>) -> Result<Self, StoreError> {
        let transaction = pool
            .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            .await
            .map_err(store_error)?;
        counts.statements.fetch_add(1, Relaxed);
        Ok(Self {
            transaction,
            locks: Locks::default(),
            counts: Arc::clone(counts),
        })
    }

    /// Runs a statement; returns the number of rows that it has touched.
    pub(super) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        self.counts.statements.fetch_add(1, Relaxed);
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
        let row = statement.fetch_one(&mut *self.transaction).await;
        row.and_then(|row| row.try_get(0)).map_err(store_error)
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.counts.statements.fetch_add(1, Relaxed);
        self.transaction.commit().await.map_err(store_error)?;
        self.counts.transactions.fetch_add(1, Relaxed);
        Ok(())
    }
}
