//! Removing what is over.

use task_core::id::CollectionId;
use task_core::ports::store::StoreError;
use task_core::time::Timestamp;

use super::PostgresStore;
use super::locks::stripes;
use super::put::millis;
use super::rows::Reader;
use super::session::Session;

/// Rows that one transaction removes of a table.
const AT_ONCE: i64 = 10_000;

impl PostgresStore {
    /// Removes up to `limit` collections that ended before `before`, the oldest first, with
    /// everything below them: containers, tasks, task data and values. Recon data stays. Returns how
    /// many there were.
    ///
    /// Each collection goes in transactions of at most 10,000 rows of a table, its data first and
    /// itself last: a crash on the way leaves a finished collection of which some tasks are
    /// missing, and the next call goes on. Needs the rights of the owner.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub async fn forget(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        while forgotten < limit {
            let statement = sqlx::query(
                "SELECT id FROM task_manager.collections \
                 WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT 1",
            )
            .bind(millis(before));
            let rows = self.snapshot(statement).await?;
            let Some(oldest) = rows.first() else {
                break;
            };
            let id = CollectionId::from_uuid(Reader::new(oldest).get()?);
            while !self.forget_some(id).await? {}
            forgotten += 1;
        }
        Ok(forgotten)
    }

    /// Removes rows of a collection; says whether nothing is left of it.
    async fn forget_some(&self, id: CollectionId) -> Result<bool, StoreError> {
        let mut session = self.session().await?;
        session.lock(stripes([&id])).await?;
        for statement in [DATA, VALUES, TASKS] {
            if remove(&mut session, statement, id).await? >= AT_ONCE.unsigned_abs() {
                session.commit().await?;
                return Ok(false);
            }
        }
        remove(&mut session, CONTAINERS, id).await?;
        remove(&mut session, COLLECTION, id).await?;
        session.commit().await?;
        Ok(true)
    }
}

async fn remove(
    session: &mut Session,
    statement: &'static str,
    id: CollectionId,
) -> Result<u64, StoreError> {
    let mut statement_of = sqlx::query(statement).bind(*id.as_uuid());
    if statement.contains("$2") {
        statement_of = statement_of.bind(AT_ONCE);
    }
    session.execute(statement_of).await
}

const DATA: &str = "DELETE FROM task_manager.task_data WHERE ctid = ANY(ARRAY( \
     SELECT d.ctid FROM task_manager.containers AS c \
     JOIN task_manager.task_data AS d ON d.container = c.id WHERE c.collection = $1 LIMIT $2))";

const VALUES: &str = "DELETE FROM task_manager.task_collection_data WHERE ctid = ANY(ARRAY( \
     SELECT ctid FROM task_manager.task_collection_data WHERE collection = $1 LIMIT $2))";

/// The ids of tasks begin with the 48 bits of their collection's, so the key finds them without
/// an index of its own. Dispatches of theirs that still stand in the outbox, along with those of
/// others, are thrown out by a tick when they are due.
const TASKS: &str = "DELETE FROM task_manager.tasks WHERE ctid = ANY(ARRAY( \
     SELECT ctid FROM task_manager.tasks WHERE collection = $1 \
     AND id BETWEEN (left($1::text, 14) || '0000-0000-000000000000')::uuid \
     AND (left($1::text, 14) || 'ffff-ffff-ffffffffffff')::uuid LIMIT $2))";

const CONTAINERS: &str = "DELETE FROM task_manager.containers WHERE collection = $1";
const COLLECTION: &str = "DELETE FROM task_manager.collections WHERE id = $1";
