//! How many statements it takes.

use sortie_stores::PostgresStore;
use task_core::id::{MessageId, TaskId};
use task_core::ports::data::{DataStore as _, Dataset};
use task_core::ports::store::{OutboxRow, ResultRow, Store as _, Task, TaskStatus, TaskUpdate};
use task_core::state::TaskState;
use uuid::Uuid;

use super::fixture::*;

/// The number of statements does not depend on the number of messages.
#[tokio::test]
async fn a_batch_of_completions_takes_seven_statements() {
    let database = database!();
    let store = database.store().await;
    for size in [1, 1000] {
        batch(&store, size.into(), size).await;
        let set = Dataset {
            container: id(size.into()).container(0),
            task: None,
        };
        assert_eq!(store.count(set).await.unwrap(), u64::from(size));
    }
}

/// Plans are kept. One that was made while the tables were all but empty, where looking through them
/// is cheapest, would look through them for each row when they are large.
#[tokio::test]
async fn no_statement_of_a_manager_looks_through_a_table() {
    let database = database!();
    let store = database.store().await;
    for n in 1..10 {
        batch(&store, n, 3).await;
    }
    // From here on all plans are made anew, knowing how little there is.
    database.sql("VACUUM ANALYZE").await;
    for n in 10..13 {
        batch(&store, n, 500).await;
    }
    // With its connections it tells the server what it has read.
    drop(store);
    database
        .sql(
            "DO $$ DECLARE written bigint; read bigint; BEGIN FOR n IN 1..6000 LOOP \
             PERFORM pg_stat_clear_snapshot(); \
             SELECT sum(n_tup_ins), sum(seq_tup_read) INTO written, read FROM pg_stat_user_tables \
             WHERE relname IN ('tasks', 'inbox', 'task_data'); \
             EXIT WHEN written >= 3 * 1527; PERFORM pg_sleep(0.01); END LOOP; \
             IF written < 3 * 1527 OR read > 0 THEN \
             RAISE EXCEPTION '% rows were written, and % looked through', written, read; \
             END IF; END $$",
        )
        .await;
}

/// A batch of `size` completions as the manager takes it, in a collection of their own.
async fn batch(store: &PostgresStore, n: u64, size: u32) {
    let messages: Vec<MessageId> = (0..size)
        .map(|index| MessageId::from_uuid(Uuid::from_u128(u128::from(n) << 64 | u128::from(index))))
        .collect();
    let mut tx = store.begin().await.unwrap();
    let new = tx.inbox(&messages, at(1)).await.unwrap();
    assert!(new.iter().all(|new| *new));
    tx.insert_collections(&[collection(n)]).await.unwrap();
    tx.insert_containers(&[container(n)]).await.unwrap();
    let tasks: Vec<Task> = (0..size).map(|index| task(n, index)).collect();
    tx.insert_tasks(&tasks).await.unwrap();
    tx.commit().await.unwrap();
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.head.id).collect();
    let sent: Vec<_> = ids
        .iter()
        .map(|id| OutboxRow::alone(*id, 1, at(1)))
        .collect();
    let ended: Vec<TaskUpdate> = ids
        .iter()
        .map(|id| TaskUpdate {
            id: *id,
            status: TaskStatus {
                state: TaskState::Succeeded,
                ..running(1)
            },
        })
        .collect();
    let results: Vec<ResultRow> = tasks
        .iter()
        .map(|task| ResultRow {
            collection: task.head.collection,
            container: task.head.container,
            task: task.head.id,
            seq: 1,
            body: json("7"),
        })
        .collect();
    let (_, before) = store.statements();
    let mut tx = store.begin().await.unwrap();
    tx.remove_outbox(&sent).await.unwrap();
    tx.applies(&messages, at(1));
    assert_eq!(tx.heads(&ids).await.unwrap().len(), ids.len());
    let rows = tx.containers(&[id(n).container(0)]).await.unwrap();
    assert_eq!(tx.collections(&[id(n)]).await.unwrap().len(), 1);
    tx.update_tasks(&ended).await.unwrap();
    assert!(
        tx.waiting(&[(id(n).container(0), 10)])
            .await
            .unwrap()
            .is_empty()
    );
    tx.put_data(&results).await.unwrap();
    let next: Vec<_> = ids
        .iter()
        .map(|id| OutboxRow {
            batch: (ids[0], 2),
            ..OutboxRow::alone(*id, 2, at(2))
        })
        .collect();
    tx.put_outbox(&next).await.unwrap();
    tx.update_containers(&rows).await.unwrap();
    tx.commit().await.unwrap();
    // Begin, lock, heads, containers with collections, states and what waits, the rest, commit.
    assert_eq!(store.statements().1 - before, 7, "for {size} messages");
}
