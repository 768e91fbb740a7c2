//! The primitives that look for the children of containers.

use sqlx::types::Uuid;
use task_core::id::{ContainerId, TaskId};
use task_core::ports::store::{StoreError, Task};

use super::locks::stripes;
use super::rows::Shared;
use super::session::query;
use super::statements;
use super::tx::PostgresTx;

/// The first pending tasks of each container.
pub(super) async fn waiting(
    tx: &mut PostgresTx,
    wanted: &[(ContainerId, u32)],
) -> Result<Vec<Task>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    tx.session
        .lock(stripes(wanted.iter().map(|(id, _)| id)))
        .await?;
    let (ids, most): (Vec<Uuid>, Vec<i64>) = wanted
        .iter()
        .map(|(id, most)| (*id.as_uuid(), i64::from(*most)))
        .unzip();
    let statement = match tx.later.take_tasks_unless_waiting() {
        Some((updated, statuses)) => {
            statuses.bind(updated.bind(query(&statements::UPDATE_TASKS_THEN_WAITING)))
        }
        None => {
            tx.session.flush_tasks(&mut tx.later).await?;
            query(&statements::WAITING)
        }
    };
    let statement = statement.bind(ids).bind(most);
    let tasks = Shared::default().tasks(&tx.session.rows(statement).await?)?;
    tx.later.waits_first(&tasks);
    Ok(tasks)
}

/// How many children there are from an ordinal on.
pub(super) async fn count_from(
    tx: &mut PostgresTx,
    container: ContainerId,
    from: u32,
) -> Result<u64, StoreError> {
    tx.session.lock(stripes([&container])).await?;
    tx.session.flush_tasks(&mut tx.later).await?;
    let statement = sqlx::query("SELECT generator FROM task_manager.containers WHERE id = $1")
        .bind(*container.as_uuid());
    let rows = tx.session.rows(statement).await?;
    let generator = match rows.first() {
        Some(row) => super::rows::Reader::new(row).get::<Option<Uuid>>()?,
        None => None,
    };
    // No index on ordinals, which every insert would pay for: ids are derived, so they say
    // where the children lie.
    let (first, last) = match generator.map(TaskId::from_uuid) {
        Some(generator) => (
            *generator.child(from).as_uuid(),
            *generator.child(u32::MAX).as_uuid(),
        ),
        None => {
            let (mut first, mut last) = ([0; 16], [0xff; 16]);
            first[..6].copy_from_slice(&container.as_bytes()[..6]);
            last[..6].copy_from_slice(&container.as_bytes()[..6]);
            (Uuid::from_bytes(first), Uuid::from_bytes(last))
        }
    };
    let statement = sqlx::query(
        "SELECT count(*) FROM task_manager.tasks WHERE id BETWEEN $1 AND $2 \
         AND container = $3 AND ordinal >= $4 AND role <> 1",
    )
    .bind(first)
    .bind(last)
    .bind(*container.as_uuid())
    .bind(i64::from(from));
    let count: i64 = tx.session.value(statement).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}
