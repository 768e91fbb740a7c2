//! Snapshots.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::query::QueryScalar;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use task_core::id::CollectionId;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Store, StoreError, StoreTx, TaskHead, Trouble,
};

use super::SqliteStore;
use super::columns;
use super::error::store_error;
use super::rows::{Collection, Container, Shared, Troubled, list};
use super::tx::SqliteTx;

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        Ok(Box::new(SqliteTx::new(self.transaction().await?)))
    }

    async fn collection(&self, id: CollectionId) -> Result<Option<CollectionRow>, StoreError> {
        let query = select(&columns::COLLECTION_BY_ID).bind(&id.as_bytes()[..]);
        let json = query
            .fetch_one(self.reader().await?.conn())
            .await
            .map_err(store_error)?;
        list::<Collection>(&json)?
            .pop()
            .map(Collection::row)
            .transpose()
    }

    async fn containers(&self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        containers_of(self.reader().await?.conn(), id).await
    }

    async fn troubles(&self, id: CollectionId, limit: usize) -> Result<Vec<Trouble>, StoreError> {
        let query = select(&columns::TROUBLES)
            .bind(&id.as_bytes()[..])
            .bind(at_most(limit));
        let json = query
            .fetch_one(self.reader().await?.conn())
            .await
            .map_err(store_error)?;
        list::<Troubled>(&json)?
            .into_iter()
            .map(Troubled::row)
            .collect()
    }

    async fn task(&self, id: CollectionId, name: &str) -> Result<Option<TaskHead>, StoreError> {
        let query = select(&columns::TASK_BY_NAME)
            .bind(&id.as_bytes()[..])
            .bind(name);
        let json = query
            .fetch_one(self.reader().await?.conn())
            .await
            .map_err(store_error)?;
        list(&json)?
            .pop()
            .map(|head| Shared::default().head(head))
            .transpose()
    }

    async fn collections(&self, limit: usize) -> Result<Vec<CollectionRow>, StoreError> {
        let query = select(&columns::NEWEST_COLLECTIONS).bind(at_most(limit));
        let json = query
            .fetch_one(self.reader().await?.conn())
            .await
            .map_err(store_error)?;
        list::<Collection>(&json)?
            .into_iter()
            .map(Collection::row)
            .collect()
    }
}

/// A statement that returns one JSON array.
pub(super) fn select<'q>(sql: &'static str) -> QueryScalar<'q, Sqlite, String, SqliteArguments> {
    sqlx::query_scalar(sql)
}

/// A limit as SQLite takes it.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The containers of a collection by id, which puts parents before children.
pub(super) async fn containers_of(
    conn: &mut SqliteConnection,
    id: CollectionId,
) -> Result<Vec<ContainerRow>, StoreError> {
    let query = select(&columns::CONTAINERS_OF).bind(&id.as_bytes()[..]);
    let json = query.fetch_one(conn).await.map_err(store_error)?;
    list::<Container>(&json)?
        .into_iter()
        .map(Container::row)
        .collect()
}
