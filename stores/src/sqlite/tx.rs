//! The primitives: a handful of statements each, whatever the length of the list; from 4,096 rows
//! on once more per 4,096.

use async_trait::async_trait;
use hashbrown::HashSet;
use task_core::id::{CollectionId, ContainerId, MessageId, TaskId};
use task_core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, StoreError, StoreTx, Task, TaskHead,
    TaskUpdate,
};
use task_core::state::TaskState;
use task_core::time::Timestamp;

use super::alike::alike;
use super::connection::{Transaction, arrays, run, run_alike};
use super::error::store_error;
use super::pack::Pack;
use super::read::{at_most, containers_of, select};
use super::rows::{Collection, Container, Head, Outbox, Shared, Whole, list};
use super::{children, columns, put};

/// An open transaction.
pub(super) struct SqliteTx {
    transaction: Transaction,
}

impl SqliteTx {
    pub(super) fn new(transaction: Transaction) -> Self {
        Self { transaction }
    }

    /// For each id whether it is new: `known` finds those that exist. An id that comes twice is
    /// new once.
    async fn new_among(
        &mut self,
        known: &'static str,
        ids: impl ExactSizeIterator<Item = &[u8; 16]> + Clone + Send,
    ) -> Result<Vec<bool>, StoreError> {
        let mut new = vec![true; ids.len()];
        let found = arrays(self.transaction.conn()?, known, ids.clone()).await?;
        // Each array counts from the beginning of its own pack.
        for (found, new) in found.iter().zip(new.chunks_mut(Pack::ROWS)) {
            for place in list::<usize>(found)? {
                if let Some(new) = new.get_mut(place) {
                    *new = false;
                }
            }
        }
        let mut seen = HashSet::with_capacity(ids.len());
        for (id, new) in ids.zip(&mut new) {
            *new &= seen.insert(id);
        }
        Ok(new)
    }
}

#[async_trait]
impl StoreTx for SqliteTx {
    async fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let ids = ids.iter().map(MessageId::as_bytes);
        let new = self
            .new_among(&columns::KNOWN_MESSAGES, ids.clone())
            .await?;
        let fresh: Vec<_> = ids
            .zip(&new)
            .filter(|(_, new)| **new)
            .map(|(id, _)| id)
            .collect();
        run(
            self.transaction.conn()?,
            &columns::INSERT_INBOX,
            fresh,
            |pack, id| {
                pack.id(id);
                pack.int(now.as_millis());
                Ok(())
            },
        )
        .await?;
        Ok(new)
    }

    async fn prune_inbox(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM inbox WHERE received_at < ?1").bind(millis(before));
        let done = query
            .execute(self.transaction.conn()?)
            .await
            .map_err(store_error)?;
        Ok(done.rows_affected())
    }

    async fn collections(
        &mut self,
        ids: &[CollectionId],
    ) -> Result<Vec<CollectionRow>, StoreError> {
        let ids = ids.iter().map(CollectionId::as_bytes);
        let arrays = arrays(self.transaction.conn()?, &columns::READ_COLLECTIONS, ids).await?;
        let mut rows = Vec::new();
        for array in &arrays {
            for row in list::<Collection>(array)? {
                rows.push(row.row()?);
            }
        }
        Ok(rows)
    }

    async fn containers(&mut self, ids: &[ContainerId]) -> Result<Vec<ContainerRow>, StoreError> {
        let ids = ids.iter().map(ContainerId::as_bytes);
        let arrays = arrays(self.transaction.conn()?, &columns::READ_CONTAINERS, ids).await?;
        let mut rows = Vec::new();
        for array in &arrays {
            for row in list::<Container>(array)? {
                rows.push(row.row()?);
            }
        }
        Ok(rows)
    }

    async fn containers_of(&mut self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        containers_of(self.transaction.conn()?, id).await
    }

    async fn heads(&mut self, ids: &[TaskId]) -> Result<Vec<TaskHead>, StoreError> {
        let bytes = ids.iter().map(TaskId::as_bytes);
        let arrays = arrays(self.transaction.conn()?, &columns::READ_HEADS, bytes).await?;
        let mut heads = Vec::with_capacity(ids.len());
        let mut shared = Shared::default();
        for array in &arrays {
            for row in list::<Head<'_>>(array)? {
                heads.push(shared.head(row)?);
            }
        }
        Ok(heads)
    }

    async fn tasks(&mut self, ids: &[TaskId]) -> Result<Vec<Task>, StoreError> {
        let bytes = ids.iter().map(TaskId::as_bytes);
        let arrays = arrays(self.transaction.conn()?, &columns::READ_TASKS, bytes).await?;
        let mut tasks = Vec::with_capacity(ids.len());
        let mut shared = Shared::default();
        for array in &arrays {
            for row in list::<Whole<'_>>(array)? {
                tasks.push(shared.task(row)?);
            }
        }
        Ok(tasks)
    }

    async fn waiting(&mut self, wanted: &[(ContainerId, u32)]) -> Result<Vec<Task>, StoreError> {
        children::waiting(self.transaction.conn()?, wanted).await
    }

    async fn count_from(&mut self, container: ContainerId, from: u32) -> Result<u64, StoreError> {
        children::count_from(self.transaction.conn()?, container, from).await
    }

    async fn insert_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        run(
            self.transaction.conn()?,
            &columns::INSERT_COLLECTIONS,
            rows,
            put::collection,
        )
        .await
    }

    async fn insert_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        run(
            self.transaction.conn()?,
            &columns::INSERT_CONTAINERS,
            rows,
            put::container,
        )
        .await
    }

    async fn insert_tasks(&mut self, tasks: &[Task]) -> Result<Vec<bool>, StoreError> {
        let ids = tasks.iter().map(|task| task.head.id.as_bytes());
        let new = self.new_among(&columns::KNOWN_TASKS, ids).await?;
        let fresh: Vec<_> = tasks
            .iter()
            .zip(&new)
            .filter(|(_, new)| **new)
            .map(|(task, _)| task)
            .collect();
        let conn = self.transaction.conn()?;
        let (groups, rest) = alike(fresh, put::are_siblings);
        for group in groups {
            let mut shared = Pack::default();
            put::siblings(&mut shared, group[0])?;
            run_alike(
                conn,
                &columns::INSERT_TASKS_ALIKE,
                shared,
                group,
                put::child,
            )
            .await?;
        }
        run(conn, &columns::INSERT_TASKS, rest, put::task).await?;
        Ok(new)
    }

    async fn update_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        run(
            self.transaction.conn()?,
            &columns::UPDATE_COLLECTIONS,
            rows,
            put::collection,
        )
        .await
    }

    async fn update_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        let conn = self.transaction.conn()?;
        run(
            conn,
            &columns::UPDATE_CONTAINERS,
            rows,
            put::container_update,
        )
        .await
    }

    async fn update_tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError> {
        let conn = self.transaction.conn()?;
        let (groups, rest) = alike(updates, |one, other| one.status == other.status);
        for group in groups {
            let mut shared = Pack::default();
            put::status(&mut shared, &group[0].status)?;
            let sql = &columns::UPDATE_TASKS_ALIKE;
            run_alike(conn, sql, shared, group, |pack, update| {
                pack.id(update.id.as_bytes());
                Ok(())
            })
            .await?;
        }
        run(conn, &columns::UPDATE_TASKS, rest, put::task_update).await
    }

    async fn close_tasks(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        _now: Timestamp,
    ) -> Result<Vec<Closed>, StoreError> {
        children::close(self.transaction.conn()?, containers, state).await
    }

    async fn put_data(&mut self, rows: &[ResultRow]) -> Result<(), StoreError> {
        run(
            self.transaction.conn()?,
            &columns::PUT_DATA,
            rows,
            put::result,
        )
        .await
    }

    async fn put_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        run(
            self.transaction.conn()?,
            &columns::INSERT_OUTBOX,
            rows,
            put::outbox,
        )
        .await
    }

    async fn remove_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        run(
            self.transaction.conn()?,
            &columns::REMOVE_OUTBOX,
            rows,
            |pack, row| {
                pack.id(row.task.as_bytes());
                pack.int(row.attempt.into());
                Ok(())
            },
        )
        .await
    }

    async fn due_outbox(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let query = select(&columns::DUE_OUTBOX)
            .bind(millis(before))
            .bind(at_most(limit));
        let json = query
            .fetch_one(self.transaction.conn()?)
            .await
            .map_err(store_error)?;
        Ok(list::<Outbox>(&json)?
            .into_iter()
            .map(Outbox::row)
            .collect())
    }

    async fn due_tasks(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TaskHead>, StoreError> {
        let query = select(&columns::DUE_TASKS)
            .bind(millis(now))
            .bind(at_most(limit));
        let json = query
            .fetch_one(self.transaction.conn()?)
            .await
            .map_err(store_error)?;
        let mut shared = Shared::default();
        list::<Head<'_>>(&json)?
            .into_iter()
            .map(|row| shared.head(row))
            .collect()
    }

    async fn due_containers(&mut self, now: Timestamp) -> Result<Vec<ContainerRow>, StoreError> {
        let query = select(&columns::DUE_CONTAINERS).bind(millis(now));
        let json = query
            .fetch_one(self.transaction.conn()?)
            .await
            .map_err(store_error)?;
        list::<Container>(&json)?
            .into_iter()
            .map(Container::row)
            .collect()
    }

    async fn due_collections(&mut self, now: Timestamp) -> Result<Vec<CollectionRow>, StoreError> {
        let query = select(&columns::DUE_COLLECTIONS).bind(millis(now));
        let json = query
            .fetch_one(self.transaction.conn()?)
            .await
            .map_err(store_error)?;
        list::<Collection>(&json)?
            .into_iter()
            .map(Collection::row)
            .collect()
    }

    async fn bare_metal_running(&mut self) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM tasks INDEXED BY tasks_bare_metal WHERE state = 1 AND route = 2",
        );
        let count: i64 = query
            .fetch_one(self.transaction.conn()?)
            .await
            .map_err(store_error)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.transaction.commit().await
    }
}

/// A time as SQLite takes it.
fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
