//! How many statements it takes.

use task_core::id::{MessageId, TaskId};
use task_core::ports::data::{DataStore as _, Dataset};
use task_core::ports::store::{OutboxRow, ResultRow, Store as _, Task, TaskStatus, TaskUpdate};
use task_core::state::TaskState;
use uuid::Uuid;

use super::fixture::*;

/// As the manager does it: the number of statements does not depend on the number of messages.
#[tokio::test]
async fn a_batch_of_completions_takes_eight_statements() {
    let database = database!();
    let store = database.store().await;
    for size in [1, 1000] {
        let n = u64::from(size);
        let mut tx = store.begin().await.unwrap();
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
        let messages: Vec<MessageId> = (0..size)
            .map(|index| {
                MessageId::from_uuid(Uuid::from_u128(u128::from(n) << 64 | u128::from(index)))
            })
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
        assert!(
            tx.inbox(&messages, at(1))
                .await
                .unwrap()
                .iter()
                .all(|new| *new)
        );
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
        // Begin, inbox, lock, heads, containers with collections, states and what waits, the
        // rest, commit.
        assert_eq!(store.statements().1 - before, 8, "for {size} messages");
        let set = Dataset {
            container: id(n).container(0),
            task: None,
        };
        assert_eq!(store.count(set).await.unwrap(), n);
    }
}
