//! Task data, read and written directly by workers.

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::{Row as _, SqliteConnection};
use task_core::id::{CollectionId, ContainerId, TaskId};
use task_core::payload::Payload;
use task_core::ports::data::{DataRow, DataStore, Dataset, PAGE_BYTES, RowKey, Writer};
use task_core::ports::store::StoreError;
use uuid::Uuid;

use super::SqliteStore;
use super::connection::run;
use super::error::store_error;
use super::pack::Pack;
use super::read::at_most;
use super::{columns, put};
use crate::seq::seqs;
use crate::text::{self, corrupt};

/// Sorts before every id.
const BEFORE_ALL: &[u8] = &[];

#[async_trait]
impl DataStore for SqliteStore {
    async fn dataset(
        &self,
        collection: CollectionId,
        name: &str,
    ) -> Result<Option<Dataset>, StoreError> {
        let found = sqlx::query(
            "SELECT container, task FROM ( \
             SELECT container, id AS task FROM tasks WHERE collection = ?1 AND name = ?2 \
             UNION ALL \
             SELECT id, NULL FROM containers WHERE collection = ?1 AND name = ?2) \
             ORDER BY task IS NULL, task, container LIMIT 1",
        )
        .bind(&collection.as_bytes()[..])
        .bind(name)
        .fetch_optional(self.reader().await?.conn())
        .await
        .map_err(store_error)?;
        let Some(row) = found else { return Ok(None) };
        let task: Option<Uuid> = row.try_get(1).map_err(store_error)?;
        Ok(Some(Dataset {
            container: ContainerId::from_uuid(row.try_get(0).map_err(store_error)?),
            task: task.map(TaskId::from_uuid),
        }))
    }

    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        let mut reader = self.reader().await?;
        let after_task = after
            .as_ref()
            .map_or(BEFORE_ALL, |after| &after.task.as_bytes()[..]);
        let after_seq = after.map_or(-1, |after| i64::from(after.seq));
        let query = match &dataset.task {
            Some(task) => sqlx::query(
                "SELECT task, seq, body FROM task_data WHERE container = ?1 AND task = ?5 \
                 AND (task, seq) > (?2, ?3) ORDER BY seq LIMIT ?4",
            )
            .bind(&dataset.container.as_bytes()[..])
            .bind(after_task)
            .bind(after_seq)
            .bind(at_most(limit))
            .bind(&task.as_bytes()[..]),
            None => sqlx::query(
                "SELECT task, seq, body FROM task_data WHERE container = ?1 \
                 AND task IS NOT (SELECT generator FROM containers WHERE id = ?1) \
                 AND (task, seq) > (?2, ?3) ORDER BY task, seq LIMIT ?4",
            )
            .bind(&dataset.container.as_bytes()[..])
            .bind(after_task)
            .bind(after_seq)
            .bind(at_most(limit)),
        };
        let mut found = query.fetch(reader.conn());
        let mut page = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.try_next().await.map_err(store_error)? {
            let task = TaskId::from_uuid(row.try_get(0).map_err(store_error)?);
            let seq: i64 = row.try_get(1).map_err(store_error)?;
            let seq = u32::try_from(seq).map_err(|_| corrupt(format_args!("row {seq}")))?;
            let body = text::payload(row.try_get(2).map_err(store_error)?)?;
            bytes += body.inline_len();
            if bytes > PAGE_BYTES && !page.is_empty() {
                break;
            }
            page.push(DataRow {
                key: RowKey { task, seq },
                body,
            });
        }
        Ok(page)
    }

    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError> {
        let query = match &dataset.task {
            Some(task) => sqlx::query_scalar(
                "SELECT count(*) FROM task_data WHERE container = ?1 AND task = ?2",
            )
            .bind(&dataset.container.as_bytes()[..])
            .bind(&task.as_bytes()[..]),
            None => sqlx::query_scalar(
                "SELECT count(*) FROM task_data WHERE container = ?1 \
                 AND task IS NOT (SELECT generator FROM containers WHERE id = ?1)",
            )
            .bind(&dataset.container.as_bytes()[..]),
        };
        let count: i64 = query
            .fetch_one(self.reader().await?.conn())
            .await
            .map_err(store_error)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn write_rows(
        &self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), StoreError> {
        let seqs = seqs(first, rows.len())?;
        let mut transaction = self.transaction().await?;
        let conn = transaction.conn()?;
        fence(conn, writer).await?;
        sqlx::query(
            "DELETE FROM task_data \
             WHERE container = ?1 AND task = ?2 AND seq >= ?3 AND attempt < ?4",
        )
        .bind(&writer.container.as_bytes()[..])
        .bind(&writer.task.as_bytes()[..])
        .bind(i64::from(first))
        .bind(i64::from(writer.attempt))
        .execute(&mut *conn)
        .await
        .map_err(store_error)?;
        let rows: Vec<(u32, &Payload)> = seqs.zip(rows).collect();
        run(
            conn,
            &columns::PUT_DATA,
            rows,
            |pack: &mut Pack, (seq, body)| {
                put::row(
                    pack,
                    writer.container,
                    writer.task,
                    seq,
                    writer.attempt,
                    body,
                )
            },
        )
        .await?;
        transaction.commit().await
    }

    async fn value(
        &self,
        collection: CollectionId,
        key: &str,
    ) -> Result<Option<Payload>, StoreError> {
        let value: Option<String> = sqlx::query_scalar(
            "SELECT value FROM task_collection_data WHERE collection = ?1 AND \"key\" = ?2",
        )
        .bind(&collection.as_bytes()[..])
        .bind(key)
        .fetch_optional(self.reader().await?.conn())
        .await
        .map_err(store_error)?;
        value.map(text::payload).transpose()
    }

    async fn set_value(
        &self,
        writer: Writer,
        key: &str,
        value: &Payload,
    ) -> Result<(), StoreError> {
        let mut transaction = self.transaction().await?;
        let conn = transaction.conn()?;
        fence(conn, writer).await?;
        sqlx::query("INSERT OR REPLACE INTO task_collection_data VALUES (?1, ?2, ?3)")
            .bind(&writer.collection.as_bytes()[..])
            .bind(key)
            .bind(text::payload_text(value)?)
            .execute(&mut *conn)
            .await
            .map_err(store_error)?;
        transaction.commit().await
    }
}

/// Refuses a writer that is not the running attempt of its task.
pub(super) async fn fence(conn: &mut SqliteConnection, writer: Writer) -> Result<(), StoreError> {
    let runs: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM tasks WHERE id = ?1 AND state = 1 AND attempt = ?2 \
         AND container = ?3 AND collection = ?4",
    )
    .bind(&writer.task.as_bytes()[..])
    .bind(i64::from(writer.attempt))
    .bind(&writer.container.as_bytes()[..])
    .bind(&writer.collection.as_bytes()[..])
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    if runs == 1 {
        Ok(())
    } else {
        Err(StoreError::Fenced {
            task: writer.task,
            attempt: writer.attempt,
        })
    }
}
