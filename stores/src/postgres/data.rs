//! Task data, read and written directly by workers.

use async_trait::async_trait;
use sqlx::types::Uuid;
use task_core::id::{CollectionId, ContainerId, TaskId};
use task_core::payload::Payload;
use task_core::ports::data::{DataRow, DataStore, Dataset, PAGE_BYTES, RowKey, Writer};
use task_core::ports::store::StoreError;

use super::columns::Data;
use super::put::{DataOf, at_most};
use super::rows::Reader;
use super::session::{Session, query};
use super::{PostgresStore, statements};
use crate::seq::seqs;
use crate::text::{payload, payload_text};

#[async_trait]
impl DataStore for PostgresStore {
    async fn dataset(
        &self,
        collection: CollectionId,
        name: &str,
    ) -> Result<Option<Dataset>, StoreError> {
        let statement = sqlx::query(
            "SELECT container, id FROM task_manager.tasks WHERE collection = $1 AND name = $2 \
             UNION ALL \
             SELECT id, NULL FROM task_manager.containers WHERE collection = $1 AND name = $2 \
             ORDER BY 2 NULLS LAST, 1 LIMIT 1",
        )
        .bind(*collection.as_uuid())
        .bind(name);
        let rows = self.snapshot(statement).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let mut row = Reader::new(row);
        Ok(Some(Dataset {
            container: ContainerId::from_uuid(row.get()?),
            task: row.get::<Option<Uuid>>()?.map(TaskId::from_uuid),
        }))
    }

    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        let after_task = after.map_or(Uuid::nil(), |after| *after.task.as_uuid());
        let after_seq = after.map_or(-1, |after| i64::from(after.seq));
        let statement = match &dataset.task {
            Some(task) => sqlx::query(
                "SELECT task, seq, body FROM task_manager.task_data \
                 WHERE container = $1 AND task = $5 AND (task, seq) > ($2, $3) \
                 ORDER BY seq LIMIT $4",
            )
            .bind(*dataset.container.as_uuid())
            .bind(after_task)
            .bind(after_seq)
            .bind(at_most(limit))
            .bind(*task.as_uuid()),
            None => sqlx::query(
                "SELECT task, seq, body FROM task_manager.task_data WHERE container = $1 \
                 AND task IS DISTINCT FROM \
                 (SELECT generator FROM task_manager.containers WHERE id = $1) \
                 AND (task, seq) > ($2, $3) ORDER BY task, seq LIMIT $4",
            )
            .bind(*dataset.container.as_uuid())
            .bind(after_task)
            .bind(after_seq)
            .bind(at_most(limit)),
        };
        let mut page = Vec::new();
        let mut bytes = 0;
        self.snapshot_while(statement, |row| {
            let mut row = Reader::new(row);
            let key = RowKey {
                task: TaskId::from_uuid(row.get()?),
                seq: row.int()?,
            };
            let body = payload(row.get()?)?;
            bytes += body.inline_len();
            let fits = bytes <= PAGE_BYTES || page.is_empty();
            if fits {
                page.push(DataRow { key, body });
            }
            Ok(fits)
        })
        .await?;
        Ok(page)
    }

    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError> {
        let statement = match &dataset.task {
            Some(task) => sqlx::query(
                "SELECT count(*) FROM task_manager.task_data WHERE container = $1 AND task = $2",
            )
            .bind(*dataset.container.as_uuid())
            .bind(*task.as_uuid()),
            None => sqlx::query(
                "SELECT count(*) FROM task_manager.task_data WHERE container = $1 \
                 AND task IS DISTINCT FROM \
                 (SELECT generator FROM task_manager.containers WHERE id = $1)",
            )
            .bind(*dataset.container.as_uuid()),
        };
        let count: i64 = self.snapshot_value(statement).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn write_rows(
        &self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), StoreError> {
        let seqs = seqs(first, rows.len())?;
        let mut session = self.session().await?;
        fence(&mut session, writer).await?;
        let outdated = sqlx::query(
            "DELETE FROM task_manager.task_data \
             WHERE container = $1 AND task = $2 AND seq >= $3 AND attempt < $4",
        )
        .bind(*writer.container.as_uuid())
        .bind(*writer.task.as_uuid())
        .bind(i64::from(first))
        .bind(i64::from(writer.attempt));
        session.execute(outdated).await?;
        let data = Data::of(seqs.zip(rows).map(|(seq, body)| DataOf {
            container: writer.container,
            task: writer.task,
            seq,
            attempt: writer.attempt,
            body,
        }))?;
        if !rows.is_empty() {
            session
                .execute(data.bind(query(&statements::PUT_DATA)))
                .await?;
        }
        session.commit().await
    }

    async fn value(
        &self,
        collection: CollectionId,
        key: &str,
    ) -> Result<Option<Payload>, StoreError> {
        let statement = sqlx::query(
            "SELECT value FROM task_manager.task_collection_data \
             WHERE collection = $1 AND \"key\" = $2",
        )
        .bind(*collection.as_uuid())
        .bind(key);
        let rows = self.snapshot(statement).await?;
        rows.first()
            .map(|row| payload(Reader::new(row).get()?))
            .transpose()
    }

    async fn set_value(
        &self,
        writer: Writer,
        key: &str,
        value: &Payload,
    ) -> Result<(), StoreError> {
        let mut session = self.session().await?;
        fence(&mut session, writer).await?;
        let statement = sqlx::query(
            "INSERT INTO task_manager.task_collection_data VALUES ($1, $2, $3) \
             ON CONFLICT (collection, \"key\") DO UPDATE SET value = excluded.value",
        )
        .bind(*writer.collection.as_uuid())
        .bind(key)
        .bind(payload_text(value)?);
        session.execute(statement).await?;
        session.commit().await
    }
}

/// Refuses a writer that is not the running attempt of its task. From here on to the end of the
/// transaction the task stays what it is: who wants to end it waits.
pub(super) async fn fence(session: &mut Session, writer: Writer) -> Result<(), StoreError> {
    let statement = sqlx::query("SELECT task_manager.holds($1, $2, $3, $4)")
        .bind(*writer.task.as_uuid())
        .bind(i64::from(writer.attempt))
        .bind(*writer.container.as_uuid())
        .bind(*writer.collection.as_uuid());
    if session.value::<bool>(statement).await? {
        Ok(())
    } else {
        Err(StoreError::Fenced {
            task: writer.task,
            attempt: writer.attempt,
        })
    }
}
