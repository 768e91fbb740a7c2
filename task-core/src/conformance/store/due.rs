//! The inbox, the outbox, and what has come due.

use super::fixture::{
    at, becomes, begin, child, collection, commit, container, full_child, message_id, running, seed,
};
use crate::id::TaskId;
use crate::ports::store::{OutboxRow, Store, StoreTx, TaskStatus};
use crate::route::WorkerKind;
use crate::state::TaskState;

/// A message is new once, in one call, one transaction, or ever.
pub async fn the_inbox_remembers(store: &dyn Store) {
    let mut tx = begin(store).await;
    let list = [3, 1, 3, 2].map(message_id);
    let new = tx
        .inbox(&list, at(0))
        .await
        .expect("messages are remembered");
    assert_eq!(
        new,
        [true, true, false, true],
        "an id that comes twice in a call is new once"
    );
    let new = tx
        .inbox(&[4, 1].map(message_id), at(0))
        .await
        .expect("messages are remembered");
    assert_eq!(
        new,
        [true, false],
        "an id of the same transaction is not new"
    );
    commit(tx).await;
    let mut tx = begin(store).await;
    let new = tx
        .inbox(&[5, 4, 3].map(message_id), at(9))
        .await
        .expect("messages are remembered");
    assert_eq!(
        new,
        [true, false, false],
        "an id of an earlier transaction is not new"
    );
}

/// Pruning forgets what was remembered before a time, and only that.
pub async fn the_inbox_forgets(store: &dyn Store) {
    let mut tx = begin(store).await;
    for (n, time) in [(1, 10), (2, 20), (3, 30), (4, 15)] {
        tx.inbox(&[message_id(n)], at(time))
            .await
            .expect("messages are remembered");
    }
    tx.inbox(&[message_id(1)], at(100))
        .await
        .expect("messages are remembered");
    assert_eq!(
        tx.prune_inbox(at(20)).await.expect("the inbox is pruned"),
        2,
        "how many"
    );
    commit(tx).await;
    let mut tx = begin(store).await;
    let new = tx
        .inbox(&[1, 2, 3, 4].map(message_id), at(0))
        .await
        .expect("they are remembered");
    assert_eq!(
        new,
        [true, false, false, true],
        "what was first remembered before that time is forgotten, what came at it or later is not"
    );
    drop(tx);
    let mut tx = begin(store).await;
    assert_eq!(tx.prune_inbox(at(0)).await.expect("the inbox is pruned"), 0);
}

/// A dispatch that is in the outbox is left as it is; removing it again is fine.
pub async fn the_outbox_is_idempotent(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let task = child(&row, 0).head.id;
    let dispatch = |attempt, time| OutboxRow::alone(task, attempt, at(time));
    let mut tx = begin(store).await;
    tx.put_outbox(&[dispatch(1, 10), dispatch(1, 11), dispatch(2, 12)])
        .await
        .expect("put");
    tx.put_outbox(&[dispatch(1, 99)])
        .await
        .expect("dispatches are put");
    let seen = tx
        .due_outbox(at(100), 10)
        .await
        .expect("the outbox is read");
    assert_eq!(
        seen,
        [dispatch(1, 10), dispatch(2, 12)],
        "a dispatch that is there is left as it is; another attempt is another dispatch"
    );
    tx.remove_outbox(&[dispatch(2, 12), dispatch(3, 12)])
        .await
        .expect("dispatches are removed");
    tx.remove_outbox(&[dispatch(2, 12)])
        .await
        .expect("dispatches are removed");
    commit(tx).await;
    let mut tx = begin(store).await;
    let seen = tx
        .due_outbox(at(100), 10)
        .await
        .expect("the outbox is read");
    assert_eq!(
        seen,
        [dispatch(1, 10)],
        "exactly the dispatches of the list are removed"
    );
}

/// A batch is put at once, and leaves at once or in any parts; nobody loses what another one leaves.
pub async fn a_batch_leaves_the_outbox_in_parts(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let batch = |numbers: std::ops::Range<u32>| -> Vec<OutboxRow> {
        let first = (child(&row, numbers.start).head.id, 1);
        let member = |n| OutboxRow {
            batch: first,
            ..OutboxRow::alone(child(&row, n).head.id, 1, at(10))
        };
        numbers.map(member).collect()
    };
    let (one, other) = (batch(0..5), batch(5..9));
    let mut tx = begin(store).await;
    let both = [&one[..], &other[..]].concat();
    tx.put_outbox(&both).await.expect("two batches are put");
    commit(tx).await;
    let mut tx = begin(store).await;
    let found = due(&mut *tx).await;
    assert_eq!(keys(&found), keys(&both), "all members of both are due");
    // Out of order, the first one among them, and one of another batch.
    tx.remove_outbox(&[one[3], one[0], other[1]])
        .await
        .expect("parts are removed");
    let left = [one[1], one[2], one[4], other[0], other[2], other[3]];
    assert_eq!(keys(&due(&mut *tx).await), keys(&left), "the rest stays");
    commit(tx).await;
    let mut tx = begin(store).await;
    tx.remove_outbox(&[one[0], one[1], one[3]])
        .await
        .expect("what has left already is passed over");
    let left = [one[2], one[4], other[0], other[2], other[3]];
    let found = due(&mut *tx).await;
    assert_eq!(keys(&found), keys(&left), "nothing else has left");
    // As they were found, not as they were put.
    tx.remove_outbox(&found[2..]).await.expect("a batch ends");
    assert_eq!(keys(&due(&mut *tx).await), keys(&left[..2]));
    drop(tx);
    let mut tx = begin(store).await;
    assert_eq!(
        keys(&due(&mut *tx).await).len(),
        6,
        "a removal that was dropped is undone"
    );
    tx.remove_outbox(&both).await.expect("all of it is removed");
    assert_eq!(due(&mut *tx).await, [], "the outbox is empty");
    commit(tx).await;
}

/// All of it.
async fn due(tx: &mut dyn StoreTx) -> Vec<OutboxRow> {
    tx.due_outbox(at(100), 100)
        .await
        .expect("the outbox is read")
}

fn keys(rows: &[OutboxRow]) -> Vec<(TaskId, u32)> {
    rows.iter().map(OutboxRow::key).collect()
}

/// Due dispatches come earliest first, up to the time and the limit.
pub async fn the_outbox_is_ordered(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let rows: Vec<OutboxRow> = [50, 10, 40, 20, 30]
        .into_iter()
        .zip(0..)
        .map(|(time, n)| OutboxRow::alone(child(&row, n).head.id, 1, at(time)))
        .collect();
    let mut tx = begin(store).await;
    tx.put_outbox(&rows).await.expect("dispatches are put");
    let seen = tx.due_outbox(at(40), 10).await.expect("the outbox is read");
    assert_eq!(
        seen,
        [rows[1], rows[3], rows[4], rows[2]],
        "due is what is to be sent at or before the time, earliest first"
    );
    let seen = tx.due_outbox(at(40), 2).await.expect("the outbox is read");
    assert_eq!(seen, [rows[1], rows[3]], "the limit keeps the earliest");
}

/// Due are tasks that run or create, at or before the time, earliest first.
pub async fn due_tasks_are_active(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let all: Vec<_> = (0..6).map(|ordinal| full_child(&row, ordinal)).collect();
    seed(store, &row, &all).await;
    let status = |state, time: Option<u64>| TaskStatus {
        state,
        due_at: time.map(at),
        ..TaskStatus::NEW
    };
    let mut tx = begin(store).await;
    tx.update_tasks(&[
        becomes(&all[0], status(TaskState::Running, Some(30))),
        becomes(&all[1], status(TaskState::PendingTaskCreation, Some(10))),
        becomes(&all[2], status(TaskState::Running, Some(31))),
        becomes(&all[3], status(TaskState::Running, None)),
        becomes(&all[4], status(TaskState::Pending, Some(5))),
        becomes(&all[5], status(TaskState::Succeeded, Some(5))),
    ])
    .await
    .expect("tasks are updated");
    let seen = tx.due_tasks(at(30), 10).await.expect("due tasks are read");
    let seen: Vec<_> = seen.iter().map(|head| head.id).collect();
    assert_eq!(
        seen,
        [all[1].head.id, all[0].head.id],
        "due are tasks that are `Running` or `PendingTaskCreation`, earliest first"
    );
    let seen = tx.due_tasks(at(99), 1).await.expect("due tasks are read");
    assert_eq!(seen[0].id, all[1].head.id, "the limit keeps the earliest");
    assert_eq!(seen.len(), 1, "the limit is kept");
    let later = becomes(&all[1], status(TaskState::PendingTaskCreation, Some(90)));
    tx.update_tasks(&[later]).await.expect("tasks are updated");
    let seen = tx.due_tasks(at(30), 10).await.expect("due tasks are read");
    assert_eq!(seen.len(), 1, "a task that showed life is due later");
    assert_eq!(
        seen[0].options, all[0].head.options,
        "due tasks come with all of their head"
    );
}

/// Due are containers past their cut-off and collections past their deadline, while they run.
pub async fn due_containers_and_collections_are_running(store: &dyn Store) {
    let mut tx = begin(store).await;
    let mut collections = [1, 2, 3, 4].map(collection);
    collections[0].deadline_at = Some(at(10));
    collections[1].deadline_at = Some(at(11));
    collections[2].deadline_at = None;
    collections[3].deadline_at = Some(at(5));
    collections[3].state = TaskState::Succeeded;
    tx.insert_collections(&collections)
        .await
        .expect("collections are inserted");
    let mut rows = [0, 1, 2, 3].map(|index| container(collection(1).id, index));
    rows[0].cut_off_at = Some(at(10));
    rows[1].cut_off_at = Some(at(11));
    rows[3].cut_off_at = Some(at(5));
    for row in &mut rows[..3] {
        row.state = TaskState::Running;
    }
    tx.insert_containers(&rows)
        .await
        .expect("containers are inserted");
    let seen = tx
        .due_collections(at(10))
        .await
        .expect("due collections are read");
    assert_eq!(
        seen,
        collections[..1],
        "due are running collections at their deadline"
    );
    let seen = tx
        .due_containers(at(10))
        .await
        .expect("due containers are read");
    assert_eq!(
        seen,
        rows[..1],
        "due are running containers at their cut-off"
    );
    collections[0].state = TaskState::Timeout;
    rows[0].state = TaskState::Timeout;
    rows[3].state = TaskState::Running;
    tx.update_collections(&collections[..1])
        .await
        .expect("collections are updated");
    tx.update_containers(&rows)
        .await
        .expect("containers are updated");
    let seen = tx
        .due_collections(at(10))
        .await
        .expect("due collections are read");
    assert_eq!(seen, [], "a collection that is over is not due");
    let seen = tx
        .due_containers(at(10))
        .await
        .expect("due containers are read");
    assert_eq!(
        seen,
        rows[3..],
        "a container that is over is not due, one that runs now is"
    );
}

/// Bare-metal tasks are counted while they run.
pub async fn bare_metal_tasks_are_counted(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let mut all: Vec<_> = (0..4).map(|ordinal| child(&row, ordinal)).collect();
    for task in &mut all[..3] {
        task.head.route = WorkerKind::BareMetal;
    }
    seed(store, &row, &all).await;
    let mut tx = begin(store).await;
    let count = tx.bare_metal_running().await.expect("tasks are counted");
    assert_eq!(count, 0, "tasks that wait need no capacity");
    tx.update_tasks(
        &all.iter()
            .map(|task| becomes(task, running(1, 1)))
            .collect::<Vec<_>>(),
    )
    .await
    .expect("tasks are updated");
    let count = tx.bare_metal_running().await.expect("tasks are counted");
    assert_eq!(
        count, 3,
        "bare-metal tasks that run are counted, others are not"
    );
    let done = TaskStatus {
        state: TaskState::Succeeded,
        ..TaskStatus::NEW
    };
    tx.update_tasks(&[becomes(&all[0], done)])
        .await
        .expect("tasks are updated");
    let count = tx.bare_metal_running().await.expect("tasks are counted");
    assert_eq!(count, 2, "tasks that are over need no capacity");
    tx.close_tasks(&[row.id], TaskState::Timeout, at(1))
        .await
        .expect("tasks are closed");
    let count = tx.bare_metal_running().await.expect("tasks are counted");
    assert_eq!(count, 0, "tasks that were closed need no capacity");
}
