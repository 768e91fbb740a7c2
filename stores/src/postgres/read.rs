//! Snapshots.

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use task_core::id::CollectionId;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Store, StoreError, StoreTx, TaskHead, Trouble,
};

use super::PostgresStore;
use super::error::store_error;
use super::put::at_most;
use super::rows::{Reader, Shared};
use super::session::{BEGIN_MANAGER, Session, Statement, query, take_while};
use super::statements;
use super::tx::PostgresTx;

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        let begun = Session::begin(&self.pool, self.prepares, &self.counts, BEGIN_MANAGER);
        Ok(Box::new(PostgresTx::new(begun.await?)))
    }

    async fn collection(&self, id: CollectionId) -> Result<Option<CollectionRow>, StoreError> {
        let statement = query(&statements::READ_COLLECTIONS).bind(vec![*id.as_uuid()]);
        let rows = self.snapshot(statement).await?;
        rows.first()
            .map(|row| Reader::new(row).collection())
            .transpose()
    }

    async fn containers(&self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        let statement = query(&statements::CONTAINERS_OF).bind(*id.as_uuid());
        let rows = self.snapshot(statement).await?;
        rows.iter()
            .map(|row| Reader::new(row).container())
            .collect()
    }

    async fn troubles(&self, id: CollectionId, limit: usize) -> Result<Vec<Trouble>, StoreError> {
        let statement = sqlx::query(statements::TROUBLES)
            .bind(*id.as_uuid())
            .bind(at_most(limit));
        let rows = self.snapshot(statement).await?;
        rows.iter().map(|row| Reader::new(row).trouble()).collect()
    }

    async fn task(&self, id: CollectionId, name: &str) -> Result<Option<TaskHead>, StoreError> {
        let statement = query(&statements::TASK_BY_NAME)
            .bind(*id.as_uuid())
            .bind(name);
        let rows = self.snapshot(statement).await?;
        Ok(Shared::default().heads(&rows)?.pop())
    }

    async fn collections(&self, limit: usize) -> Result<Vec<CollectionRow>, StoreError> {
        let statement = query(&statements::NEWEST_COLLECTIONS).bind(at_most(limit));
        let rows = self.snapshot(statement).await?;
        rows.iter()
            .map(|row| Reader::new(row).collection())
            .collect()
    }
}

impl PostgresStore {
    /// All rows of a statement.
    pub(super) async fn snapshot(
        &self,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, StoreError> {
        if self.prepares {
            return statement.fetch_all(&self.pool).await.map_err(store_error);
        }
        // A proxy gives a statement one connection from its text to its rows only within a
        // transaction.
        self.session().await?.rows(statement).await
    }

    /// The number that a statement counts.
    pub(super) async fn snapshot_value(&self, statement: Statement<'_>) -> Result<i64, StoreError> {
        let rows = self.snapshot(statement).await?;
        match rows.first() {
            Some(row) => Reader::new(row).get(),
            None => Ok(0),
        }
    }

    /// Rows of a statement, from the first on, while they are wanted.
    pub(super) async fn snapshot_while(
        &self,
        statement: Statement<'_>,
        wanted: impl FnMut(&PgRow) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        if self.prepares {
            return take_while(statement.fetch(&self.pool), wanted).await;
        }
        self.session().await?.rows_while(statement, wanted).await
    }
}
