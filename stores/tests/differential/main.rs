//! The same calls on all stores leave the same state behind: the store in memory is the
//! specification of the others.

#![cfg(any(feature = "sqlite", feature = "postgres"))]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

mod rows;
#[cfg(feature = "postgres")]
#[path = "../server/mod.rs"]
mod server;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sortie_stores::MemoryStore;
#[cfg(feature = "sqlite")]
use sortie_stores::SqliteStore;
use task_core::id::{CollectionId, ContainerId, TaskId};
use task_core::ports::data::{Dataset, RowKey};
use task_core::ports::store::{OutboxRow, Store, StoreTx, TaskStatus, TaskUpdate};
use task_core::state::TaskState;

use rows::{
    collection, collection_row, container, container_row, message, payload, result, status, task,
    task_id, time, writer,
};

/// One call. Numbers choose from few ids, so that calls meet.
#[derive(Clone, Debug)]
enum Call {
    Inbox(Vec<u8>, u8),
    Prune(u8),
    InsertCollection(u8, TaskState, Option<u8>),
    UpdateCollection(u8, TaskState, Option<u8>),
    InsertContainer(u8, TaskState, u64),
    UpdateContainer(u8, TaskState, u64),
    InsertTasks(Vec<(u8, u8, u64)>),
    InsertAlike(u8, u8),
    UpdateTasks(Vec<(u8, TaskState, u64)>),
    UpdateAlike(u8, TaskState, u8),
    Close(Vec<u8>, TaskState),
    PutData(Vec<(u8, u8, u64)>),
    PutOutbox(Vec<(u8, u8)>),
    RemoveOutbox(Vec<(u8, u8)>),
    WriteRows(u8, u8, u8, u8),
    SetValue(u8, u8, u8),
    Commit,
    Drop,
}

fn state() -> impl Strategy<Value = TaskState> {
    // Mostly those in which something happens.
    prop_oneof![
        3 => Just(TaskState::Pending),
        4 => Just(TaskState::Running),
        2 => prop::sample::select(TaskState::ALL.to_vec()),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let time = || prop::option::of(0u8..40);
    let few = || prop::collection::vec(0u8..30, 0..6);
    prop_oneof![
        (few(), 0u8..40).prop_map(|(ids, now)| Call::Inbox(ids, now)),
        (0u8..40).prop_map(Call::Prune),
        (0u8..4, state(), time()).prop_map(|(n, s, t)| Call::InsertCollection(n, s, t)),
        (0u8..4, state(), time()).prop_map(|(n, s, t)| Call::UpdateCollection(n, s, t)),
        (0u8..6, state(), any::<u64>()).prop_map(|(n, s, x)| Call::InsertContainer(n, s, x)),
        (0u8..6, state(), any::<u64>()).prop_map(|(n, s, x)| Call::UpdateContainer(n, s, x)),
        prop::collection::vec((0u8..6, 0u8..60, any::<u64>()), 0..10).prop_map(Call::InsertTasks),
        (0u8..6, 0u8..40).prop_map(|(container, n)| Call::InsertAlike(container, n)),
        prop::collection::vec((0u8..60, state(), any::<u64>()), 0..10).prop_map(Call::UpdateTasks),
        (0u8..40, state(), 0u8..40).prop_map(|(n, s, t)| Call::UpdateAlike(n, s, t)),
        (prop::collection::vec(0u8..6, 0..3), state()).prop_map(|(ids, s)| Call::Close(ids, s)),
        prop::collection::vec((0u8..60, 0u8..5, any::<u64>()), 0..6).prop_map(Call::PutData),
        prop::collection::vec((0u8..60, 0u8..3), 0..6).prop_map(Call::PutOutbox),
        prop::collection::vec((0u8..60, 0u8..3), 0..6).prop_map(Call::RemoveOutbox),
        (0u8..60, 0u8..3, 0u8..6, 0u8..4).prop_map(|(t, a, f, n)| Call::WriteRows(t, a, f, n)),
        (0u8..60, 0u8..3, 0u8..3).prop_map(|(t, a, k)| Call::SetValue(t, a, k)),
        Just(Call::Commit),
        Just(Call::Drop),
    ]
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_does_the_same_as_memory() {
    hold_against_memory(48, async || SqliteStore::open_in_memory().await.unwrap());
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_does_the_same_as_memory() {
    let runtime = runtime();
    let Some(database) = runtime.block_on(server::Database::new()) else {
        return;
    };
    let store = runtime.block_on(database.store());
    hold_against_memory(48, async || {
        database.empty().await;
        store.clone()
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// Makes the same calls on the store in memory and on an empty one from `open`.
fn hold_against_memory<S: Store>(cases: u32, open: impl AsyncFn() -> S) {
    let runtime = runtime();
    let cases = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(cases)
        .run(&prop::collection::vec(call(), 1..60), |calls| {
            let memory = MemoryStore::new();
            let other = runtime.block_on(open());
            let one = runtime.block_on(observe(&memory, &calls));
            let other = runtime.block_on(observe(&other, &calls));
            for (at, (one, other)) in one.iter().zip(&other).enumerate() {
                prop_assert_eq!(one, other, "after call {}", at);
            }
            Ok(())
        })
        .unwrap();
}

/// Makes the calls and notes what each returned and what could be seen after it.
async fn observe(store: &dyn Store, calls: &[Call]) -> Vec<String> {
    let mut seen = Vec::new();
    let mut open: Option<Box<dyn StoreTx>> = None;
    for call in calls {
        let outside = matches!(call, Call::WriteRows(..) | Call::SetValue(..));
        let mut tx = match open.take() {
            // Data is written outside of transactions, and waits for an open one.
            Some(tx) if outside => {
                tx.commit().await.unwrap();
                None
            }
            None if outside => None,
            Some(tx) => Some(tx),
            None => Some(store.begin().await.unwrap()),
        };
        let returned = match (&mut tx, call) {
            (Some(tx), call) => apply(&mut **tx, call).await,
            (None, call) => write(store, call).await,
        };
        open = match call {
            Call::Commit => {
                tx.unwrap().commit().await.unwrap();
                None
            }
            Call::Drop => {
                drop(tx);
                None
            }
            _ => tx,
        };
        let inside = match &mut open {
            Some(tx) => transaction_view(&mut **tx).await,
            None => snapshot(store).await,
        };
        seen.push(format!("{call:?} → {returned}\n{inside}"));
    }
    if let Some(tx) = open {
        tx.commit().await.unwrap();
    }
    seen.push(snapshot(store).await);
    seen
}

async fn apply(tx: &mut dyn StoreTx, call: &Call) -> String {
    match call {
        Call::Inbox(ids, now) => {
            let ids: Vec<_> = ids.iter().map(|n| message(*n)).collect();
            format!("{:?}", tx.inbox(&ids, time(*now)).await.unwrap())
        }
        Call::Prune(before) => format!("{:?}", tx.prune_inbox(time(*before)).await.unwrap()),
        Call::InsertCollection(n, state, deadline) => {
            let row = collection_row(*n, *state, *deadline);
            format!("{:?}", tx.insert_collections(&[row]).await.unwrap())
        }
        Call::UpdateCollection(n, state, deadline) => {
            let row = collection_row(*n, *state, *deadline);
            format!("{:?}", tx.update_collections(&[row]).await.unwrap())
        }
        Call::InsertContainer(n, state, x) => {
            let row = container_row(*n, *state, *x);
            format!("{:?}", tx.insert_containers(&[row]).await.unwrap())
        }
        Call::UpdateContainer(n, state, x) => {
            let row = container_row(*n, *state, *x);
            format!("{:?}", tx.update_containers(&[row]).await.unwrap())
        }
        Call::InsertTasks(tasks) => {
            let tasks: Vec<_> = tasks.iter().map(|(c, n, x)| task(*c, *n, *x)).collect();
            format!("{:?}", tx.insert_tasks(&tasks).await.unwrap())
        }
        Call::InsertAlike(container, n) => {
            let tasks: Vec<_> = (0..*n).map(|n| task(*container, n, 0)).collect();
            format!("{:?}", tx.insert_tasks(&tasks).await.unwrap())
        }
        Call::UpdateTasks(updates) => {
            let mut updates: Vec<_> = updates
                .iter()
                .map(|(n, state, x)| TaskUpdate {
                    id: task_id(*n),
                    status: status(*state, *x),
                })
                .collect();
            updates.sort_by_key(|update| update.id);
            updates.dedup_by_key(|update| update.id);
            format!("{:?}", tx.update_tasks(&updates).await.unwrap())
        }
        Call::UpdateAlike(n, state, due) => {
            let status = TaskStatus {
                due_at: Some(time(*due)),
                ..status(*state, 0)
            };
            let updates: Vec<_> = (0..*n)
                .map(|n| TaskUpdate {
                    id: task_id(n),
                    status: status.clone(),
                })
                .collect();
            format!("{:?}", tx.update_tasks(&updates).await.unwrap())
        }
        Call::Close(containers, state) => {
            let mut ids: Vec<_> = containers.iter().map(|n| container(*n)).collect();
            ids.sort();
            ids.dedup();
            let state = if state.is_terminal() {
                *state
            } else {
                TaskState::Disabled
            };
            let mut closed = tx.close_tasks(&ids, state, time(0)).await.unwrap();
            closed.sort_by_key(|closed| closed.container);
            format!("{closed:?}")
        }
        Call::PutData(rows) => {
            let rows: Vec<_> = rows
                .iter()
                .map(|(n, seq, x)| result(*n, *seq, *x))
                .collect();
            format!("{:?}", tx.put_data(&rows).await.unwrap())
        }
        Call::PutOutbox(rows) => {
            let rows: Vec<_> = rows
                .iter()
                .map(|(n, attempt)| outbox(*n, *attempt))
                .collect();
            format!("{:?}", tx.put_outbox(&rows).await.unwrap())
        }
        Call::RemoveOutbox(keys) => {
            let keys: Vec<_> = keys
                .iter()
                .map(|(n, attempt)| outbox(*n, *attempt))
                .collect();
            format!("{:?}", tx.remove_outbox(&keys).await.unwrap())
        }
        Call::WriteRows(..) | Call::SetValue(..) | Call::Commit | Call::Drop => String::new(),
    }
}

async fn write(store: &dyn Store, call: &Call) -> String {
    match call {
        Call::WriteRows(n, attempt, first, count) => {
            let rows: Vec<_> = (0..*count).map(|n| payload(n.into())).collect();
            let done = store
                .write_rows(writer(*n, *attempt), (*first).into(), &rows)
                .await;
            format!("{:?}", done.map_err(|error| error.to_string()))
        }
        Call::SetValue(n, attempt, key) => {
            let writer = writer(*n, *attempt);
            let done = store
                .set_value(writer, &key.to_string(), &payload((*n).into()))
                .await;
            format!("{:?}", done.map_err(|error| error.to_string()))
        }
        _ => String::new(),
    }
}

/// All that a transaction can read.
async fn transaction_view(tx: &mut dyn StoreTx) -> String {
    let ids: Vec<TaskId> = (0..60).map(task_id).collect();
    let containers: Vec<ContainerId> = (0..6).map(container).collect();
    let collections: Vec<CollectionId> = (0..4).map(collection).collect();
    let mut tasks = tx.tasks(&ids).await.unwrap();
    tasks.sort_by_key(|task| task.head.id);
    let mut heads = tx.heads(&ids).await.unwrap();
    heads.sort_by_key(|head| head.id);
    assert!(
        tasks.iter().map(|task| &task.head).eq(&heads),
        "heads are the heads of tasks"
    );
    let wanted: Vec<_> = containers
        .iter()
        .zip([1, 2, 3, 5, 70, 0])
        .map(|(c, n)| (*c, n))
        .collect();
    let mut waiting: Vec<_> = tx
        .waiting(&wanted)
        .await
        .unwrap()
        .into_iter()
        .map(|task| (task.head.container, task.head.ordinal, task.head.id))
        .collect();
    assert!(
        waiting.chunk_by(|a, b| a.0 == b.0).all(<[_]>::is_sorted),
        "what waits in a container comes by ordinal"
    );
    waiting.sort();
    let mut counts = Vec::new();
    for id in &containers {
        counts.push(tx.count_from(*id, 3).await.unwrap());
    }
    let mut rows = tx.containers(&containers).await.unwrap();
    rows.sort_by_key(|row| row.id);
    let mut all = tx.collections(&collections).await.unwrap();
    all.sort_by_key(|row| row.id);
    let due: Vec<_> = tx.due_tasks(time(25), 7).await.unwrap();
    let due: Vec<_> = due
        .into_iter()
        .map(|head| (head.status.due_at, head.id))
        .collect();
    format!(
        "{tasks:#?}\n{waiting:?}\n{counts:?}\n{rows:?}\n{all:?}\n{due:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        due_outbox(tx).await,
        tx.due_containers(time(30)).await.unwrap(),
        tx.due_collections(time(30)).await.unwrap(),
        tx.bare_metal_running().await.unwrap(),
        tx.containers_of(collection(0)).await.unwrap(),
    )
}

/// A store may keep batches, or each dispatch alone.
async fn due_outbox(tx: &mut dyn StoreTx) -> Vec<(task_core::Timestamp, TaskId, u32)> {
    let rows = tx.due_outbox(time(30), 9).await.unwrap().into_iter();
    rows.map(|row| (row.send_at, row.task, row.attempt))
        .collect()
}

/// Four neighbours are a batch, each batch with a time of its own.
fn outbox(n: u8, attempt: u8) -> OutboxRow {
    let first = n - n % 4;
    OutboxRow {
        batch: (task_id(first), attempt.into()),
        ..OutboxRow::alone(task_id(n), attempt.into(), time(first / 4 + 15 * attempt))
    }
}

/// All that can be read outside of transactions.
async fn snapshot(store: &dyn Store) -> String {
    let mut text = {
        let mut tx = store.begin().await.unwrap();
        transaction_view(&mut *tx).await
    };
    for n in 0..4 {
        let id = collection(n);
        text += &format!(
            "\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
            store.collection(id).await.unwrap(),
            store.containers(id).await.unwrap(),
            store.troubles(id, 5).await.unwrap(),
            store.task(id, "task 7").await.unwrap(),
            store.dataset(id, "container 3").await.unwrap(),
            store.value(id, "1").await.unwrap(),
        );
    }
    for n in 0..6 {
        for task in [None, Some(task_id(7)), Some(task_id(20))] {
            let set = Dataset {
                container: container(n),
                task,
            };
            let after = Some(RowKey {
                task: task_id(7),
                seq: 1,
            });
            text += &format!(
                "\n{:?} {:?} {:?}",
                store.count(set).await.unwrap(),
                store.rows(set, None, 20).await.unwrap(),
                store.rows(set, after, 3).await.unwrap()
            );
        }
    }
    text + &format!("\n{:?}", store.collections(3).await.unwrap())
}
