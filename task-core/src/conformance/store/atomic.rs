//! All or nothing, and own writes.

use super::fixture::{
    at, becomes, begin, child, collection, commit, container, full_status, generator, ids, json,
    message_id, running, seed, tasks, writer,
};
use crate::ports::data::Dataset;
use crate::ports::store::{OutboxRow, ResultRow, Store, StoreTx, Task, TaskStatus};
use crate::state::TaskState;

/// After `commit`, everybody sees everything.
pub async fn committed_work_is_seen_at_once(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    seed(store, &row, &[child(&row, 0)]).await;
    let mut tx = begin(store).await;
    let before = everything(&mut *tx, &row.id, &[child(&row, 0), child(&row, 1)]).await;
    drop(tx);

    let mut tx = begin(store).await;
    change_everything(&mut *tx).await;
    let inside = everything(&mut *tx, &row.id, &[child(&row, 0), child(&row, 1)]).await;
    commit(tx).await;

    let mut tx = begin(store).await;
    let after = everything(&mut *tx, &row.id, &[child(&row, 0), child(&row, 1)]).await;
    assert_ne!(
        after, before,
        "what was committed is seen by later transactions"
    );
    assert_eq!(
        after, inside,
        "later transactions see what the transaction itself saw"
    );
    drop(tx);
    let seen = store
        .collection(collection(1).id)
        .await
        .expect("a collection is read");
    assert_eq!(
        seen.map(|row| row.name),
        Some("renamed".to_owned()),
        "snapshots see what was committed"
    );
    let rows = store
        .count(Dataset {
            container: row.id,
            task: None,
        })
        .await
        .expect("rows are counted");
    assert_eq!(
        rows, 1,
        "task data that was put in a transaction is there after its commit"
    );
}

/// A transaction that is dropped leaves no trace, whatever it did.
pub async fn dropped_work_is_undone(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let both = [child(&row, 0), child(&row, 1)];
    seed(store, &row, &both[..1]).await;
    let mut tx = begin(store).await;
    tx.inbox(&[message_id(1)], at(0))
        .await
        .expect("messages are remembered");
    tx.put_outbox(&[outbox(&both[0], 1)])
        .await
        .expect("dispatches are put");
    tx.put_data(&[result(&both[0], 0, "0")])
        .await
        .expect("data is put");
    commit(tx).await;

    let mut tx = begin(store).await;
    let before = everything(&mut *tx, &row.id, &both).await;
    drop(tx);

    let mut tx = begin(store).await;
    change_everything(&mut *tx).await;
    tx.put_data(&[result(&both[0], 0, "9"), result(&both[0], 1, "9")])
        .await
        .expect("data is put");
    tx.remove_outbox(&[outbox(&both[0], 1)])
        .await
        .expect("dispatches are removed");
    tx.close_tasks(&[row.id], TaskState::Disabled, at(9))
        .await
        .expect("tasks are closed");
    tx.inbox(&[message_id(7), message_id(8)], at(0))
        .await
        .expect("messages are remembered");
    tx.prune_inbox(at(1000)).await.expect("the inbox is pruned");
    drop(tx);

    let mut tx = begin(store).await;
    assert_eq!(
        everything(&mut *tx, &row.id, &both).await,
        before,
        "a transaction that was dropped is undone"
    );
    let new = tx
        .inbox(&[message_id(1), message_id(7), message_id(2)], at(1))
        .await
        .expect("messages are remembered");
    assert_eq!(
        new,
        [false, true, true],
        "a dropped transaction neither remembers nor forgets"
    );
    drop(tx);
    let set = Dataset {
        container: row.id,
        task: None,
    };
    let rows = store.rows(set, None, 10).await.expect("rows are read");
    let bodies: Vec<_> = rows.into_iter().map(|row| row.body).collect();
    assert_eq!(
        bodies,
        [json("0")],
        "a dropped transaction's task data is undone"
    );
    let set = store.write_rows(writer(&both[0], 5), 0, &[]).await;
    assert!(
        set.is_err(),
        "a dropped transaction does not make a task run"
    );
}

/// Within a transaction, every read sees what was written before it.
pub async fn reads_see_own_writes(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let mut tx = begin(store).await;
    tx.insert_collections(&[collection(1)])
        .await
        .expect("a collection is inserted");
    tx.insert_containers(std::slice::from_ref(&row))
        .await
        .expect("a container is inserted");
    let all = [child(&row, 0), child(&row, 1), generator(&row)];
    tx.insert_tasks(&all).await.expect("tasks are inserted");
    let seen = tx
        .collections(&[collection(1).id])
        .await
        .expect("collections are read");
    assert_eq!(
        seen,
        [collection(1)],
        "a transaction sees its own collections"
    );
    let seen = tx
        .containers_of(collection(1).id)
        .await
        .expect("containers are read");
    assert_eq!(
        seen,
        std::slice::from_ref(&row),
        "a transaction sees its own containers"
    );
    assert_eq!(
        tasks(&mut *tx, &ids(&all)).await.len(),
        3,
        "a transaction sees its own tasks"
    );
    let seen = tx
        .waiting(&[(row.id, 10)])
        .await
        .expect("waiting tasks are read");
    assert_eq!(seen.len(), 3, "a transaction sees its own tasks wait");

    tx.update_tasks(&[becomes(&all[0], running(1, 50))])
        .await
        .expect("tasks are updated");
    let seen = tx.heads(&[all[0].head.id]).await.expect("heads are read");
    assert_eq!(
        seen[0].status,
        running(1, 50),
        "a transaction sees its own updates"
    );
    let seen = tx
        .waiting(&[(row.id, 10)])
        .await
        .expect("waiting tasks are read");
    assert_eq!(
        seen.len(),
        2,
        "what was dispatched in the transaction waits no longer"
    );
    let seen = tx.due_tasks(at(50), 10).await.expect("due tasks are read");
    assert_eq!(
        seen.len(),
        1,
        "what was dispatched in the transaction can be due in it"
    );

    tx.inbox(&[message_id(1)], at(0))
        .await
        .expect("messages are remembered");
    let new = tx
        .inbox(&[message_id(1)], at(0))
        .await
        .expect("messages are remembered");
    assert_eq!(new, [false], "a transaction remembers its own messages");
    tx.put_outbox(&[outbox(&all[0], 1)])
        .await
        .expect("dispatches are put");
    let seen = tx
        .due_outbox(at(100), 10)
        .await
        .expect("the outbox is read");
    assert_eq!(
        seen,
        [outbox(&all[0], 1)],
        "a transaction sees its own dispatches"
    );
    tx.remove_outbox(&[outbox(&all[0], 1)])
        .await
        .expect("dispatches are removed");
    let seen = tx
        .due_outbox(at(100), 10)
        .await
        .expect("the outbox is read");
    assert_eq!(seen, [], "a transaction sees what it removed itself");
}

/// Uses every primitive that writes, on collection 1 with container 0 and child 0.
async fn change_everything(tx: &mut dyn StoreTx) {
    let row = container(collection(1).id, 0);
    let both = [child(&row, 0), child(&row, 1)];
    tx.insert_collections(&[collection(2)])
        .await
        .expect("collections are inserted");
    tx.insert_containers(&[container(collection(1).id, 1)])
        .await
        .expect("containers are inserted");
    tx.insert_tasks(&both).await.expect("tasks are inserted");
    let mut renamed = collection(1);
    renamed.name = "renamed".to_owned();
    renamed.deadline_at = Some(at(1));
    tx.update_collections(&[renamed])
        .await
        .expect("collections are updated");
    let mut started = row;
    started.state = TaskState::Running;
    started.cut_off_at = Some(at(1));
    tx.update_containers(&[started])
        .await
        .expect("containers are updated");
    let status = full_status(TaskState::Running);
    tx.update_tasks(&[becomes(&both[0], status)])
        .await
        .expect("tasks are updated");
    let failed = TaskStatus {
        state: TaskState::Failed,
        ..TaskStatus::NEW
    };
    tx.update_tasks(&[becomes(&both[1], failed)])
        .await
        .expect("tasks are updated");
    tx.put_outbox(&[outbox(&both[1], 1)])
        .await
        .expect("dispatches are put");
    tx.put_data(&[result(&both[0], 0, "1")])
        .await
        .expect("data is put");
    tx.inbox(&[message_id(2)], at(0))
        .await
        .expect("messages are remembered");
}

/// All that a transaction can see of collections 1 and 2.
async fn everything(
    tx: &mut dyn StoreTx,
    container: &crate::id::ContainerId,
    all: &[Task],
) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut collections = tx
        .collections(&[collection(1).id, collection(2).id])
        .await
        .expect("collections are read");
    collections.sort_by_key(|row| row.id);
    (
        collections,
        tx.containers_of(collection(1).id)
            .await
            .expect("containers are read"),
        tasks(tx, &ids(all)).await,
        ids(&tx
            .waiting(&[(*container, 10)])
            .await
            .expect("waiting tasks are read")),
        tx.count_from(*container, 0)
            .await
            .expect("children are counted"),
        tx.due_tasks(at(u64::from(u32::MAX)), 10)
            .await
            .expect("due tasks are read"),
        tx.due_outbox(at(u64::from(u32::MAX)), 10)
            .await
            .expect("the outbox is read"),
        tx.due_containers(at(100))
            .await
            .expect("due containers are read"),
        tx.due_collections(at(100))
            .await
            .expect("due collections are read"),
    )
}

fn outbox(task: &Task, attempt: u32) -> OutboxRow {
    OutboxRow::alone(task.head.id, attempt, at(10))
}

fn result(task: &Task, seq: u32, body: &str) -> ResultRow {
    ResultRow {
        collection: task.head.collection,
        container: task.head.container,
        task: task.head.id,
        seq,
        body: json(body),
    }
}
