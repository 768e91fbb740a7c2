//! Tasks.

use super::fixture::{
    at, becomes, begin, child, collection, commit, container, full_child, full_status, generator,
    ids, running, seed, tasks,
};
use crate::id::ContainerId;
use crate::ports::store::{Closed, ContainerRow, OutboxRow, ResultRow, Store, Task, TaskStatus};
use crate::state::TaskState;
use crate::workflow::Role;

fn generated(index: u32) -> ContainerRow {
    let mut row = container(collection(1).id, index);
    row.generator = Some(collection(1).id.task(index));
    row
}

/// Inserting says for each task, in order, whether it was new; one that comes twice is new once.
pub async fn inserting_tasks_says_what_is_new(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    seed(store, &row, &[child(&row, 2)]).await;
    let mut tx = begin(store).await;
    let list = [5, 2, 1, 5, 3, 2].map(|ordinal| child(&row, ordinal));
    let new = tx.insert_tasks(&list).await.expect("tasks are inserted");
    assert_eq!(
        new,
        [true, false, true, false, true, false],
        "`insert_tasks` says for each task, in order, whether it was new"
    );
    let new = tx.insert_tasks(&list).await.expect("tasks are inserted");
    assert_eq!(
        new, [false; 6],
        "tasks of the same transaction are not new again"
    );
    let expected = [1, 2, 3, 5].map(|ordinal| child(&row, ordinal));
    assert_eq!(
        tasks(&mut *tx, &ids(&expected)).await,
        expected,
        "a task is as it was inserted"
    );
    let full = full_child(&row, 9);
    tx.insert_tasks(std::slice::from_ref(&full))
        .await
        .expect("tasks are inserted");
    assert_eq!(
        tasks(&mut *tx, &[full.head.id]).await,
        [full],
        "every field of a task is kept"
    );
}

/// Updates overwrite the whole status, and nothing else.
pub async fn updating_tasks_overwrites_their_status(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    seed(store, &row, &[child(&row, 0), full_child(&row, 1)]).await;
    let mut tx = begin(store).await;
    let full = full_status(TaskState::PendingTaskCreation);
    tx.update_tasks(&[
        becomes(&child(&row, 0), full.clone()),
        becomes(&full_child(&row, 1), TaskStatus::NEW),
        becomes(&child(&row, 2), full.clone()),
    ])
    .await
    .expect("tasks are updated");
    commit(tx).await;
    let mut tx = begin(store).await;
    let mut expected = [child(&row, 0), full_child(&row, 1)];
    expected[0].head.status = full;
    expected[1].head.status = TaskStatus::NEW;
    let all = ids(&[child(&row, 0), child(&row, 1), child(&row, 2)]);
    assert_eq!(
        tasks(&mut *tx, &all).await,
        expected,
        "a status is overwritten as a whole and an update makes no task"
    );
    let mut heads = tx.heads(&all).await.expect("heads are read");
    heads.sort_by_key(|head| head.id);
    assert_eq!(
        heads,
        expected.map(|task| task.head),
        "heads are tasks without their payload"
    );
}

/// Pending tasks, lowest ordinals first, up to the limit of each container.
pub async fn waiting_tasks_come_by_ordinal(store: &dyn Store) {
    let rows = [generated(0), generated(1), generated(2)];
    let mut all: Vec<Task> = [7, 300, 2, 70_000, 1]
        .map(|ordinal| child(&rows[0], ordinal))
        .to_vec();
    all.extend((0..200).rev().map(|ordinal| child(&rows[1], ordinal)));
    all.push(generator(&rows[2]));
    all[4].head.status = running(1, 10);
    seed(store, &rows[0], &all).await;

    let mut tx = begin(store).await;
    let wanted = [
        (rows[1].id, 130),
        (rows[0].id, 3),
        (rows[2].id, 5),
        (collection(1).id.container(9), 1),
    ];
    let seen = tx.waiting(&wanted).await.expect("waiting tasks are read");
    let of = |id: ContainerId| -> Vec<&Task> {
        seen.iter()
            .filter(|task| task.head.container == id)
            .collect()
    };
    let ordinals = |id| -> Vec<u32> { of(id).iter().map(|task| task.head.ordinal).collect() };
    assert_eq!(
        ordinals(rows[0].id),
        [2, 7, 300],
        "tasks that wait come by ordinal, up to the limit; one that runs does not wait"
    );
    assert_eq!(
        ordinals(rows[1].id),
        (0..130).collect::<Vec<u32>>(),
        "each container by itself"
    );
    assert_eq!(
        of(rows[2].id),
        [&generator(&rows[2])],
        "generators wait, too"
    );
    assert_eq!(seen.len(), 3 + 130 + 1, "nothing else is returned");
    assert_eq!(*of(rows[0].id)[0], all[2], "tasks that wait come whole");
    let none = tx
        .waiting(&[(rows[0].id, 0)])
        .await
        .expect("waiting tasks are read");
    assert_eq!(none, [], "a limit of 0");
}

/// Children from an ordinal on; generators and other containers' tasks do not count.
pub async fn count_from_leaves_out_generators(store: &dyn Store) {
    let rows = [generated(0), generated(1), container(collection(1).id, 2)];
    let mut all: Vec<Task> = (0..10).map(|ordinal| child(&rows[0], ordinal)).collect();
    all[9].head.status.state = TaskState::Succeeded;
    all.push(generator(&rows[0]));
    all.extend([child(&rows[1], 5), child(&rows[2], 7)]);
    seed(store, &rows[0], &all).await;
    let mut tx = begin(store).await;
    tx.insert_containers(&rows)
        .await
        .expect("containers are inserted");
    for (container, from, expected) in [
        (0, 0, 10),
        (0, 7, 3),
        (0, 10, 0),
        (1, 0, 1),
        (1, 6, 0),
        (2, 7, 1),
        (2, 8, 0),
    ] {
        let count = tx
            .count_from(rows[container].id, from)
            .await
            .expect("children are counted");
        assert_eq!(
            count, expected,
            "children of container {container} from {from} on, in any state, without generators"
        );
    }
}

/// Closing ends what is not terminal, generators included, and says what it closed.
pub async fn close_tasks_closes_and_counts(store: &dyn Store) {
    let rows = [generated(0), generated(1), generated(2)];
    let mut all: Vec<Task> = (1..=6).map(|ordinal| child(&rows[0], ordinal)).collect();
    all[0].head.status = running(1, 10);
    all[1].head.status = full_status(TaskState::Running);
    all[2].head.status = TaskStatus {
        state: TaskState::Succeeded,
        ..TaskStatus::NEW
    };
    all[3].head.targets = 0;
    all[3].head.role = Role::Aggregator;
    let mut made = generator(&rows[0]);
    made.head.status.state = TaskState::PendingTaskCreation;
    all.extend([made, child(&rows[1], 0), child(&rows[2], 0)]);
    all[8].head.status.state = TaskState::Failed;
    seed(store, &rows[0], &all).await;

    let mut tx = begin(store).await;
    let closed = tx
        .close_tasks(&[rows[0].id, rows[2].id], TaskState::Disabled, at(50))
        .await
        .expect("tasks are closed");
    let closed: Vec<Closed> = closed
        .into_iter()
        .filter(|closed| closed.waiting + closed.running > 0)
        .collect();
    // 3 waiting (of which one stands for nothing), 2 running (of which one has accounted for 2).
    let expected = Closed {
        container: rows[0].id,
        waiting: 3,
        running: 2,
        targets: 3 + 1 + 3 + 3,
    };
    assert_eq!(
        closed,
        [expected],
        "`close_tasks` counts what waited, what ran, and the targets not accounted for"
    );
    let seen = tasks(&mut *tx, &ids(&all)).await;
    for task in &seen {
        let expected = match (task.head.container, task.head.ordinal) {
            (id, _) if id == rows[1].id => TaskState::Pending,
            (id, _) if id == rows[2].id => TaskState::Failed,
            (_, 3) => TaskState::Succeeded,
            _ => TaskState::Disabled,
        };
        assert_eq!(
            task.head.status.state, expected,
            "`close_tasks` ends what is not terminal in these containers, generators included"
        );
    }
    let kept = seen
        .iter()
        .find(|task| task.head.id == all[1].head.id)
        .expect("it is there");
    assert_eq!(
        (
            kept.head.status.attempt,
            kept.head.status.accounted,
            kept.head.status.error.as_deref()
        ),
        (4, 2, Some("it broke")),
        "`close_tasks` leaves the rest of a status as it is"
    );
    let due = tx
        .due_tasks(at(1000), 10)
        .await
        .expect("due tasks are read");
    assert_eq!(due, [], "what was closed is not due");
    let waiting = tx
        .waiting(&[(rows[0].id, 10)])
        .await
        .expect("waiting tasks are read");
    assert_eq!(waiting, [], "what was closed does not wait");
    let again = tx
        .close_tasks(&[rows[0].id], TaskState::Timeout, at(51))
        .await
        .expect("tasks are closed");
    assert_eq!(again, [], "there is nothing to close twice");
}

/// Tasks that failed or timed out are told, by id.
pub async fn troubles_are_told(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let other = container(collection(2).id, 0);
    let mut all: Vec<Task> = (0..6).map(|ordinal| child(&row, ordinal)).collect();
    all.push(child(&other, 0));
    seed(store, &row, &all).await;
    let mut tx = begin(store).await;
    let states = [
        TaskState::Timeout,
        TaskState::Succeeded,
        TaskState::Failed,
        TaskState::Disabled,
        TaskState::Failed,
        TaskState::PartiallyFailed,
        TaskState::Failed,
    ];
    let updates: Vec<_> = all
        .iter()
        .zip(states)
        .map(|(task, state)| becomes(task, full_status(state)))
        .collect();
    tx.update_tasks(&updates).await.expect("tasks are updated");
    commit(tx).await;
    let seen = store
        .troubles(collection(1).id, 10)
        .await
        .expect("troubles are read");
    let places: Vec<_> = seen
        .iter()
        .map(|trouble| (trouble.task, trouble.state))
        .collect();
    let expected = [0, 2, 4].map(|place| (all[place].head.id, states[place]));
    assert_eq!(
        places, expected,
        "troubles are what failed or timed out, by id"
    );
    assert_eq!(&*seen[0].kind, "suite.child");
    assert_eq!(
        (seen[0].attempts, seen[0].error.as_deref()),
        (4, Some("it broke"))
    );
    let seen = store
        .troubles(collection(1).id, 2)
        .await
        .expect("troubles are read");
    assert_eq!(seen.len(), 2, "troubles end at their limit");
}

/// Lists of 10,000 are whole.
pub async fn long_lists_are_whole(store: &dyn Store) {
    const N: u32 = 10_000;
    let row = generated(0);
    let all: Vec<Task> = (0..N).map(|ordinal| child(&row, ordinal)).collect();
    seed(store, &row, &all[..10]).await;
    let mut tx = begin(store).await;
    let new = tx.insert_tasks(&all).await.expect("tasks are inserted");
    let expected: Vec<bool> = (0..N).map(|ordinal| ordinal >= 10).collect();
    assert_eq!(new, expected, "of a long list, too, each is new or not");
    assert_eq!(
        tasks(&mut *tx, &ids(&all)).await,
        all,
        "a long list is read as it was written"
    );
    let updates: Vec<_> = all
        .iter()
        .map(|task| becomes(task, running(task.head.ordinal + 1, 10)))
        .collect();
    tx.update_tasks(&updates).await.expect("tasks are updated");
    let mut heads = tx.heads(&ids(&all)).await.expect("heads are read");
    heads.sort_by_key(|head| head.id);
    assert!(
        heads.len() == all.len() && heads.iter().all(|h| h.status.attempt == h.ordinal + 1),
        "every task of a long list gets its own status"
    );
    let messages: Vec<_> = (0..N).map(super::fixture::message_id).collect();
    let new = tx
        .inbox(&messages, at(0))
        .await
        .expect("messages are remembered");
    assert!(
        new.iter().all(|new| *new),
        "every message of a long list is new"
    );
    let new = tx
        .inbox(&messages, at(0))
        .await
        .expect("messages are remembered");
    assert!(
        new.iter().all(|new| !new),
        "every message of a long list is remembered"
    );
    let dispatches: Vec<_> = all
        .iter()
        .map(|task| {
            let n = task.head.ordinal;
            OutboxRow::alone(task.head.id, n, at(u64::from(N - n)))
        })
        .collect();
    tx.put_outbox(&dispatches)
        .await
        .expect("dispatches are put");
    let seen = tx
        .due_outbox(at(u64::from(N)), usize::MAX)
        .await
        .expect("the outbox is read");
    assert!(
        seen.iter().eq(dispatches.iter().rev()),
        "a long outbox comes in order"
    );
    tx.remove_outbox(&dispatches[1..])
        .await
        .expect("dispatches are removed");
    let seen = tx
        .due_outbox(at(u64::from(N)), usize::MAX)
        .await
        .expect("the outbox is read");
    assert_eq!(
        seen,
        dispatches[..1],
        "every dispatch of a long list is removed"
    );
    commit(tx).await;
}

/// Empty lists are fine and do nothing.
pub async fn empty_lists_do_nothing(store: &dyn Store) {
    let mut tx = begin(store).await;
    assert_eq!(
        tx.inbox(&[], at(0)).await.expect("an empty list"),
        [] as [bool; 0]
    );
    assert_eq!(
        tx.insert_tasks(&[]).await.expect("an empty list"),
        [] as [bool; 0]
    );
    assert_eq!(tx.heads(&[]).await.expect("an empty list"), []);
    assert_eq!(tx.tasks(&[]).await.expect("an empty list"), []);
    assert_eq!(tx.waiting(&[]).await.expect("an empty list"), []);
    assert_eq!(tx.collections(&[]).await.expect("an empty list"), []);
    assert_eq!(tx.containers(&[]).await.expect("an empty list"), []);
    let closed = tx
        .close_tasks(&[], TaskState::Failed, at(0))
        .await
        .expect("an empty list");
    assert_eq!(closed, []);
    tx.insert_collections(&[]).await.expect("an empty list");
    tx.insert_containers(&[]).await.expect("an empty list");
    tx.update_collections(&[]).await.expect("an empty list");
    tx.update_containers(&[]).await.expect("an empty list");
    tx.update_tasks(&[]).await.expect("an empty list");
    tx.put_data(&[] as &[ResultRow])
        .await
        .expect("an empty list");
    tx.put_outbox(&[]).await.expect("an empty list");
    tx.remove_outbox(&[]).await.expect("an empty list");
    commit(tx).await;
}
