//! The primitives that work on the children of containers.

use std::collections::BTreeMap;

use sqlx::{Row as _, SqliteConnection};
use task_core::id::{ContainerId, TaskId};
use task_core::ports::store::{Closed, StoreError, Task};
use task_core::state::TaskState;
use uuid::Uuid;

use super::columns;
use super::connection::{arrays, bind, packs};
use super::error::store_error;
use super::rows::{Open, Shared, Whole, list};

/// The first pending tasks of each container.
pub(super) async fn waiting(
    conn: &mut SqliteConnection,
    wanted: &[(ContainerId, u32)],
) -> Result<Vec<Task>, StoreError> {
    // A statement has one limit. Small limits are rounded up and the surplus is dropped, so
    // that a thousand containers with a few free places each take a handful of statements.
    let mut by_limit: BTreeMap<u32, Vec<(&ContainerId, usize)>> = BTreeMap::new();
    for (container, limit) in wanted.iter().filter(|(_, limit)| *limit > 0) {
        let rounded = if *limit <= 64 {
            limit.next_power_of_two()
        } else {
            *limit
        };
        let exact = usize::try_from(*limit).unwrap_or(usize::MAX);
        by_limit
            .entry(rounded)
            .or_default()
            .push((container, exact));
    }
    let mut tasks = Vec::new();
    let mut shared = Shared::default();
    for (limit, containers) in by_limit {
        let packs = packs(&containers, |pack, (id, _)| {
            pack.id(id.as_bytes());
            Ok(())
        })?;
        let mut exact = containers.iter().map(|(_, exact)| *exact);
        for pack in packs {
            let query = bind(&columns::WAITING, pack).bind(i64::from(limit));
            for row in query.fetch_all(&mut *conn).await.map_err(store_error)? {
                let array: String = row.try_get(0).map_err(store_error)?;
                let rows = list::<Whole<'_>>(&array)?;
                for row in rows.into_iter().take(exact.next().unwrap_or_default()) {
                    tasks.push(shared.task(row)?);
                }
            }
        }
    }
    Ok(tasks)
}

/// How many children there are from an ordinal on.
pub(super) async fn count_from(
    conn: &mut SqliteConnection,
    container: ContainerId,
    from: u32,
) -> Result<u64, StoreError> {
    let generator: Option<Option<Uuid>> =
        sqlx::query_scalar("SELECT generator FROM containers WHERE id = ?1")
            .bind(&container.as_bytes()[..])
            .fetch_optional(&mut *conn)
            .await
            .map_err(store_error)?;
    // No index on ordinals, which every insert would pay for: ids are derived, so they say
    // where the children lie.
    let (first, last) = match generator.flatten().map(TaskId::from_uuid) {
        Some(generator) => (
            *generator.child(from).as_bytes(),
            *generator.child(u32::MAX).as_bytes(),
        ),
        None => {
            let (mut first, mut last) = ([0; 16], [0xff; 16]);
            first[..6].copy_from_slice(&container.as_bytes()[..6]);
            last[..6].copy_from_slice(&container.as_bytes()[..6]);
            (first, last)
        }
    };
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM tasks WHERE id BETWEEN ?1 AND ?2 AND container = ?3 \
         AND ordinal >= ?4 AND role <> 1",
    )
    .bind(&first[..])
    .bind(&last[..])
    .bind(&container.as_bytes()[..])
    .bind(i64::from(from))
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Ends what is open in the containers, and says what was.
pub(super) async fn close(
    conn: &mut SqliteConnection,
    containers: &[ContainerId],
    state: TaskState,
) -> Result<Vec<Closed>, StoreError> {
    let ids = containers.iter().map(ContainerId::as_bytes);
    let mut closed = Vec::new();
    for array in arrays(conn, &columns::OPEN_TASKS, ids.clone()).await? {
        closed.extend(list::<Open>(&array)?.into_iter().map(Open::closed));
    }
    for sql in [&columns::CLOSE_WAITING, &columns::CLOSE_ACTIVE] {
        let packs = packs(ids.clone(), |pack, id| {
            pack.id(id);
            Ok(())
        })?;
        for pack in packs {
            let query = bind(sql, pack).bind(i64::from(state.code()));
            query.execute(&mut *conn).await.map_err(store_error)?;
        }
    }
    Ok(closed)
}
