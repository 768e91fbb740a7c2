//! The primitives: a statement each at most, whatever the length of the list, and one more for
//! the locks of what was not touched before.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::types::Uuid;
use task_core::Stripe;
use task_core::id::{CollectionId, ContainerId, MessageId, TaskId};
use task_core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, StoreError, StoreTx, Task, TaskHead,
    TaskUpdate,
};
use task_core::state::TaskState;
use task_core::time::Timestamp;

use super::columns::{Bodies, Collections, Containers, Heads, Progress, Statuses};
use super::later::{Later, Part};
use super::locks::stripes;
use super::put::{at_most, code, each_once, in_parts, millis};
use super::rows::{Reader, Shared};
use super::session::{Session, Statement, query};
use super::{children, outbox, statements};

/// An open transaction.
pub(super) struct PostgresTx {
    pub(super) session: Session,
    pub(super) later: Later,
    /// Collections that were read along with their containers. They are locked, so they stay as
    /// they are unless this transaction changes them.
    ahead: HashMap<CollectionId, CollectionRow>,
}

impl PostgresTx {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            later: Later::default(),
            ahead: HashMap::new(),
        }
    }

    /// Writes what was put off if `part` of it may be read, or would be put off twice.
    async fn settle(&mut self, part: Part) -> Result<(), StoreError> {
        if self.later.has(part) {
            self.session.flush(&mut self.later).await?;
        }
        Ok(())
    }

    /// Ids that a first look finds due; their stripes are locked behind it, so whoever uses them
    /// looks again.
    async fn due<I>(
        &mut self,
        statement: Statement<'_>,
        id: impl Fn(Uuid) -> I,
    ) -> Result<Vec<Uuid>, StoreError>
    where
        Stripe: for<'i> From<&'i I>,
    {
        let found = uuids(&self.session.rows(statement).await?)?;
        let ids: Vec<I> = found.iter().map(|found| id(*found)).collect();
        self.session.lock(stripes(&ids)).await?;
        Ok(found)
    }
}

#[async_trait]
impl StoreTx for PostgresTx {
    async fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
        let mut each = ids.clone();
        each.sort_unstable();
        each.dedup();
        let statement = query(&statements::INSERT_INBOX)
            .bind(each)
            .bind(millis(now));
        let rows = self.session.rows(statement).await?;
        Ok(each_once(uuids(&rows)?, ids))
    }

    async fn prune_inbox(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = sqlx::query(statements::PRUNE_INBOX).bind(millis(before));
        self.session.execute(statement).await
    }

    async fn collections(
        &mut self,
        ids: &[CollectionId],
    ) -> Result<Vec<CollectionRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.session.lock(stripes(ids)).await?;
        if !self.later.has(Part::Collections) && ids.iter().all(|id| self.ahead.contains_key(id)) {
            let ids: HashSet<_> = ids.iter().collect();
            return Ok(ids
                .into_iter()
                .filter_map(|id| self.ahead.get(id).cloned())
                .collect());
        }
        self.settle(Part::Collections).await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
        let statement = query(&statements::READ_COLLECTIONS).bind(ids);
        let rows = self.session.rows(statement).await?;
        rows.iter()
            .map(|row| Reader::new(row).collection())
            .collect()
    }

    async fn containers(&mut self, ids: &[ContainerId]) -> Result<Vec<ContainerRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.session.lock(stripes(ids)).await?;
        self.settle(Part::Containers).await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
        let statement = query(&statements::READ_CONTAINERS).bind(ids);
        let rows = self.session.rows(statement).await?;
        let mut containers = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut row = Reader::new(row);
            let container = row.container()?;
            if row.get::<bool>()? && !self.ahead.contains_key(&container.collection) {
                self.ahead.insert(container.collection, row.collection()?);
            }
            containers.push(container);
        }
        Ok(containers)
    }

    async fn containers_of(&mut self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        self.session.lock(stripes([&id])).await?;
        self.settle(Part::Containers).await?;
        let statement = query(&statements::CONTAINERS_OF).bind(*id.as_uuid());
        let rows = self.session.rows(statement).await?;
        rows.iter()
            .map(|row| Reader::new(row).container())
            .collect()
    }

    async fn heads(&mut self, ids: &[TaskId]) -> Result<Vec<TaskHead>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.session.lock(stripes(ids)).await?;
        self.session.flush_tasks(&mut self.later).await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
        let statement = query(&statements::READ_HEADS).bind(ids);
        Shared::default().heads(&self.session.rows(statement).await?)
    }

    async fn tasks(&mut self, ids: &[TaskId]) -> Result<Vec<Task>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.session.lock(stripes(ids)).await?;
        self.session.flush_tasks(&mut self.later).await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
        let statement = query(&statements::READ_TASKS).bind(ids);
        Shared::default().tasks(&self.session.rows(statement).await?)
    }

    async fn waiting(&mut self, wanted: &[(ContainerId, u32)]) -> Result<Vec<Task>, StoreError> {
        children::waiting(self, wanted).await
    }

    async fn count_from(&mut self, container: ContainerId, from: u32) -> Result<u64, StoreError> {
        children::count_from(self, container, from).await
    }

    async fn insert_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.session
            .lock(stripes(rows.iter().map(|row| &row.id)))
            .await?;
        let mut columns = Collections::default();
        rows.iter().try_for_each(|row| columns.push(row))?;
        let statement = columns.bind(query(&statements::INSERT_COLLECTIONS));
        self.session.execute(statement).await?;
        Ok(())
    }

    async fn insert_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.session
            .lock(stripes(rows.iter().map(|row| &row.id)))
            .await?;
        let (mut fixed, mut progress) = (Containers::default(), Progress::default());
        for row in rows {
            fixed.push(row)?;
            progress.push(row)?;
        }
        let statement = fixed.bind(query(&statements::INSERT_CONTAINERS));
        self.session.execute(progress.bind(statement)).await?;
        Ok(())
    }

    async fn insert_tasks(&mut self, tasks: &[Task]) -> Result<Vec<bool>, StoreError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        self.session
            .lock(stripes(tasks.iter().map(|task| &task.head.id)))
            .await?;
        if tasks
            .iter()
            .any(|task| task.head.status.state == TaskState::Pending)
        {
            // The statement lowers what is stored; what is not stored yet must not raise it.
            self.later.waits_anywhere();
        }
        let mut fresh = Vec::with_capacity(tasks.len());
        let mut seen = HashSet::with_capacity(tasks.len());
        for tasks in in_parts(tasks) {
            let (mut heads, mut statuses) = (Heads::default(), Statuses::default());
            let mut bodies = Bodies::default();
            for task in tasks.iter().filter(|task| seen.insert(task.head.id)) {
                heads.push(task)?;
                statuses.push(&task.head.status)?;
                bodies.push(task)?;
            }
            let statement = heads.bind(query(&statements::INSERT_TASKS));
            let statement = bodies.bind(statuses.bind(statement));
            fresh.append(&mut uuids(&self.session.rows(statement).await?)?);
        }
        Ok(each_once(
            fresh,
            tasks.iter().map(|task| *task.head.id.as_uuid()),
        ))
    }

    async fn update_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        self.session
            .lock(stripes(rows.iter().map(|row| &row.id)))
            .await?;
        self.settle(Part::Collections).await?;
        for row in rows {
            self.ahead.remove(&row.id);
        }
        self.later.collections(rows)
    }

    async fn update_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        self.session
            .lock(stripes(rows.iter().map(|row| &row.id)))
            .await?;
        self.settle(Part::Containers).await?;
        self.later.containers(rows)
    }

    async fn update_tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError> {
        self.session
            .lock(stripes(updates.iter().map(|update| &update.id)))
            .await?;
        self.session.flush_tasks(&mut self.later).await?;
        let waits = |update: &&TaskUpdate| update.status.state == TaskState::Pending;
        let waiting: Vec<Uuid> = updates
            .iter()
            .filter(waits)
            .map(|update| *update.id.as_uuid())
            .collect();
        if !waiting.is_empty() {
            self.later.waits_anywhere();
            let statement = query(statements::WAIT_AGAIN).bind(waiting);
            self.session.execute(statement).await?;
        }
        self.later.tasks(updates)
    }

    async fn close_tasks(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        _now: Timestamp,
    ) -> Result<Vec<Closed>, StoreError> {
        if containers.is_empty() {
            return Ok(Vec::new());
        }
        self.session.lock(stripes(containers)).await?;
        self.session.flush_tasks(&mut self.later).await?;
        let ids: Vec<Uuid> = containers.iter().map(|id| *id.as_uuid()).collect();
        let statement = sqlx::query(statements::CLOSE_TASKS)
            .bind(ids)
            .bind(code(state));
        let rows = self.session.rows(statement).await?;
        rows.iter().map(|row| Reader::new(row).closed()).collect()
    }

    async fn put_data(&mut self, rows: &[ResultRow]) -> Result<(), StoreError> {
        self.settle(Part::Data).await?;
        self.later.data(rows)?;
        if self.later.is_large() {
            self.session.flush(&mut self.later).await?;
        }
        Ok(())
    }

    async fn put_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        if self.later.has(Part::Outbox) || self.later.removes_any(rows) {
            self.session.flush(&mut self.later).await?;
        }
        self.later.outbox(rows);
        Ok(())
    }

    async fn remove_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        self.settle(Part::Outbox).await?;
        self.later.sent(rows);
        Ok(())
    }

    async fn due_outbox(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.settle(Part::Outbox).await?;
        self.settle(Part::Sent).await?;
        let statement = sqlx::query(outbox::DUE)
            .bind(millis(before))
            .bind(at_most(limit));
        let rows = self.session.rows(statement).await?;
        rows.iter().map(|row| Reader::new(row).outbox()).collect()
    }

    async fn due_tasks(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TaskHead>, StoreError> {
        self.session.flush_tasks(&mut self.later).await?;
        let statement = sqlx::query(statements::DUE_TASK_IDS)
            .bind(millis(now))
            .bind(at_most(limit));
        let found = self.due(statement, TaskId::from_uuid).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let statement = query(&statements::DUE_TASKS).bind(found).bind(millis(now));
        Shared::default().heads(&self.session.rows(statement).await?)
    }

    async fn due_containers(&mut self, now: Timestamp) -> Result<Vec<ContainerRow>, StoreError> {
        self.settle(Part::Containers).await?;
        let statement = sqlx::query(statements::DUE_CONTAINER_IDS).bind(millis(now));
        let found = self.due(statement, ContainerId::from_uuid).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let statement = query(&statements::DUE_CONTAINERS)
            .bind(found)
            .bind(millis(now));
        let rows = self.session.rows(statement).await?;
        rows.iter()
            .map(|row| Reader::new(row).container())
            .collect()
    }

    async fn due_collections(&mut self, now: Timestamp) -> Result<Vec<CollectionRow>, StoreError> {
        self.settle(Part::Collections).await?;
        let statement = sqlx::query(statements::DUE_COLLECTION_IDS).bind(millis(now));
        let found = self.due(statement, CollectionId::from_uuid).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let statement = query(&statements::DUE_COLLECTIONS)
            .bind(found)
            .bind(millis(now));
        let rows = self.session.rows(statement).await?;
        rows.iter()
            .map(|row| Reader::new(row).collection())
            .collect()
    }

    async fn bare_metal_running(&mut self) -> Result<u64, StoreError> {
        self.session.flush_tasks(&mut self.later).await?;
        let count: i64 = self
            .session
            .value(sqlx::query(statements::BARE_METAL))
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.session.flush(&mut self.later).await?;
        self.session.commit().await
    }
}

/// The ids in the first column.
fn uuids(rows: &[PgRow]) -> Result<Vec<Uuid>, StoreError> {
    rows.iter().map(|row| Reader::new(row).get()).collect()
}
