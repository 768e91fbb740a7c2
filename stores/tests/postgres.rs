//! What only a store on a server can do: be shared, be unreachable, be too new, be forgotten.

#![cfg(feature = "postgres")]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

mod server;

use std::time::Duration;

use serde_json::value::RawValue;
use server::Database;
use sortie_stores::{PostgresOptions, PostgresStore};
use task_core::id::{CollectionId, MessageId, TaskId};
use task_core::payload::Payload;
use task_core::policy::{CompletionPolicy, TaskOptions};
use task_core::ports::data::{DataStore as _, Dataset, Writer};
use task_core::ports::store::{
    CollectionRow, ContainerRow, Counters, OutboxRow, ResultRow, Store as _, StoreError, Task,
    TaskHead, TaskStatus, TaskUpdate,
};
use task_core::route::WorkerKind;
use task_core::state::TaskState;
use task_core::time::Timestamp;
use task_core::workflow::{Mode, Role};
use uuid::Uuid;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn id(n: u64) -> CollectionId {
    CollectionId::from_uuid(Uuid::from_u128(u128::from(n) << 80 | 7))
}

fn collection(n: u64) -> CollectionRow {
    CollectionRow {
        id: id(n),
        name: format!("collection {n}"),
        state: TaskState::Running,
        cancelled: false,
        scope: None,
        created_at: at(n),
        deadline_at: None,
        finished_at: None,
    }
}

fn container(n: u64) -> ContainerRow {
    ContainerRow {
        id: id(n).container(0),
        collection: id(n),
        parent: None,
        position: 0,
        name: None,
        mode: Mode::Parallel,
        arm: None,
        generator: None,
        policy: CompletionPolicy::ALL,
        max_in_flight: 1,
        state: TaskState::Running,
        chosen: None,
        cursor: 0,
        expected: None,
        children: Counters::default(),
        targets: 0,
        outcomes: task_core::Coverage::new(),
        usage: task_core::Usage::default(),
        cut_off_at: None,
        started_at: None,
        finished_at: None,
    }
}

fn json(text: &str) -> Payload {
    Payload::Inline(RawValue::from_string(text.to_owned()).unwrap())
}

fn task(n: u64, index: u32) -> Task {
    Task {
        head: TaskHead {
            id: id(n).task(index),
            collection: id(n),
            container: id(n).container(0),
            role: Role::Plain,
            ordinal: index,
            kind: "test.task".into(),
            route: WorkerKind::Internal,
            targets: 1,
            options: TaskOptions::default(),
            status: running(1),
        },
        name: None,
        version: 1,
        payload: json("{}"),
    }
}

fn running(attempt: u32) -> TaskStatus {
    TaskStatus {
        state: TaskState::Running,
        attempt,
        due_at: Some(at(1_000_000)),
        ..TaskStatus::NEW
    }
}

fn writer(task: &Task, attempt: u32) -> Writer {
    Writer {
        collection: task.head.collection,
        container: task.head.container,
        task: task.head.id,
        attempt,
    }
}

async fn insert(store: &PostgresStore, n: u64) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_collections(&[collection(n)]).await.unwrap();
    tx.insert_containers(&[container(n)]).await.unwrap();
    tx.insert_tasks(&[task(n, 0), task(n, 1)]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn update(store: &PostgresStore, task: TaskId, status: TaskStatus) {
    let mut tx = store.begin().await.unwrap();
    let update = TaskUpdate { id: task, status };
    tx.update_tasks(&[update]).await.unwrap();
    tx.commit().await.unwrap();
}

macro_rules! database {
    () => {
        match Database::new().await {
            Some(database) => database,
            None => return,
        }
    };
}

#[tokio::test]
async fn many_may_migrate_at_once() {
    let database = database!();
    let migrations = (0..4).map(|_| PostgresStore::migrate(&database.options));
    for done in futures_util::future::join_all(migrations).await {
        done.unwrap();
    }
    insert(&PostgresStore::connect(&database.options).await.unwrap(), 1).await;
}

#[tokio::test]
async fn a_database_without_tables_says_what_to_do() {
    let database = database!();
    let error = PostgresStore::connect(&database.options).await.unwrap_err();
    assert!(
        error.to_string().contains("PostgresStore::migrate"),
        "{error}"
    );
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = database!();
    drop(database.store().await);
    database
        .sql(
            "INSERT INTO task_manager.migrations \
             (version, description, success, checksum, execution_time) \
             VALUES (4711, 'from the future', TRUE, 'x', 0)",
        )
        .await;
    for done in [
        PostgresStore::migrate(&database.options).await.unwrap_err(),
        PostgresStore::connect(&database.options).await.unwrap_err(),
    ] {
        let newer = matches!(
            done,
            StoreError::NewerSchema {
                found: 4711,
                known: 1..4711
            }
        );
        assert!(newer, "{done:?}");
    }
}

#[tokio::test]
async fn the_schema_of_another_program_is_left_alone() {
    let database = database!();
    database
        .sql("CREATE SCHEMA recon; CREATE TABLE recon.songs (title text)")
        .await;
    let error = PostgresStore::migrate(&database.options).await.unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_told() {
    let database = database!();
    let store = database.store().await;
    insert(&store, 1).await;
    database
        .sql("UPDATE task_manager.collections SET state = 99")
        .await;
    let error = store.collections(1).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("99"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    // Nothing listens on the port of the "discard" service here.
    let options = PostgresOptions::parse("postgres://me:hush@127.0.0.1:9/x").unwrap();
    let options = options.plain_on_loopback().patience(Duration::from_secs(1));
    let error = PostgresStore::connect(&options).await.unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:9"), "{error}");
    assert!(!format!("{error} {error:?} {options:?}").contains("hush"));
}

/// The server of the tests speaks no TLS.
#[tokio::test]
async fn a_server_without_tls_is_refused_unless_it_is_asked_for() {
    let database = database!();
    let address = format!(
        "{}&sslmode=verify-full",
        database.address("application_name=x")
    );
    let options = PostgresOptions::parse(&address)
        .unwrap()
        .plain_on_loopback();
    let error = PostgresStore::connect(&options).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("tls"), "{error}");
}

#[tokio::test]
async fn an_error_text_with_a_nul_is_no_reason_to_refuse_it() {
    let database = database!();
    let store = database.store().await;
    insert(&store, 1).await;
    let status = TaskStatus {
        error: Some("bad byte: \0".to_owned()),
        state: TaskState::Failed,
        ..running(1)
    };
    update(&store, id(1).task(0), status).await;
    let trouble = store.troubles(id(1), 10).await.unwrap();
    assert_eq!(trouble[0].error.as_deref(), Some("bad byte: \u{2400}"));
}

#[tokio::test]
async fn a_name_that_cannot_be_kept_is_refused_and_not_tried_again() {
    let database = database!();
    let store = database.store().await;
    let mut row = collection(1);
    row.name = "a\0b".to_owned();
    let mut tx = store.begin().await.unwrap();
    let error = tx.insert_collections(&[row]).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
}

/// A future that is dropped half-way leaves no transaction open.
#[tokio::test]
async fn a_dropped_future_leaves_nothing_open() {
    use futures_util::FutureExt as _;
    let database = database!();
    let store = database.store().await;
    for n in 0..50 {
        // Polled once, then dropped: at any step of opening.
        assert!(store.begin().now_or_never().is_none_or(|tx| tx.is_ok()));
        let mut tx = store.begin().await.unwrap();
        tx.insert_collections(&[collection(1000 + n)])
            .await
            .unwrap();
        let _ = tx
            .insert_collections(&[collection(2000 + n)])
            .now_or_never();
        drop(tx);
        insert(&store, n).await;
    }
    assert_eq!(store.collections(100).await.unwrap().len(), 50);
}

#[tokio::test]
async fn what_a_worker_writes_is_there_before_its_task_can_end() {
    let database = database!();
    let store = database.store().await;
    insert(&store, 1).await;
    let (task, set) = (
        task(1, 0),
        Dataset {
            container: id(1).container(0),
            task: None,
        },
    );
    // Rows and the end of the task race; the rows are there, or they were refused.
    for attempt in 1..40 {
        update(&store, task.head.id, running(attempt)).await;
        let rows: Vec<Payload> = (0..20).map(|n| json(&n.to_string())).collect();
        let before = store.count(set).await.unwrap();
        let write = store.write_rows(writer(&task, attempt), attempt * 20, &rows);
        let end = async {
            let status = TaskStatus {
                state: TaskState::Succeeded,
                ..running(attempt)
            };
            update(&store, task.head.id, status).await;
            store.count(set).await.unwrap()
        };
        let (written, seen) = tokio::join!(write, end);
        match written {
            Ok(()) => assert_eq!(seen, before + 20, "in attempt {attempt}"),
            Err(StoreError::Fenced { .. }) => assert_eq!(seen, before),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_has_ended_can_be_forgotten() {
    let database = database!();
    let store = database.store().await;
    for n in 1..=4 {
        insert(&store, n).await;
        let task = task(n, 0);
        store
            .write_rows(writer(&task, 1), 0, &[json("1"), json("2")])
            .await
            .unwrap();
        store
            .set_value(writer(&task, 1), "key", &json("3"))
            .await
            .unwrap();
    }
    let mut tx = store.begin().await.unwrap();
    for n in 1..=3 {
        let ended = CollectionRow {
            state: TaskState::Succeeded,
            finished_at: Some(at(n)),
            ..collection(n)
        };
        tx.update_collections(&[ended]).await.unwrap();
    }
    tx.commit().await.unwrap();
    // One has ended later, one not at all.
    assert_eq!(store.forget(at(3), 1).await.unwrap(), 1);
    assert_eq!(store.forget(at(3), 10).await.unwrap(), 1);
    assert_eq!(store.forget(at(3), 10).await.unwrap(), 0);
    for n in 1..=4 {
        let left = n > 2;
        let set = Dataset {
            container: id(n).container(0),
            task: None,
        };
        assert_eq!(store.collection(id(n)).await.unwrap().is_some(), left);
        assert_eq!(
            store.containers(id(n)).await.unwrap().len(),
            usize::from(left)
        );
        assert_eq!(store.count(set).await.unwrap(), if left { 2 } else { 0 });
        assert_eq!(store.value(id(n), "key").await.unwrap().is_some(), left);
        let mut tx = store.begin().await.unwrap();
        let tasks = tx.heads(&[id(n).task(0), id(n).task(1)]).await.unwrap();
        assert_eq!(tasks.len(), if left { 2 } else { 0 });
    }
}

/// Twenty collections, and managers that take two of them in any order: each transaction commits
/// or conflicts, and in the end every count is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_meets_in_another_order_conflicts_and_goes_on() {
    let database = database!();
    let stores = [database.store().await, database.store().await];
    for n in 0..20 {
        insert(&stores[0], n).await;
    }
    let count_up = async |store: &PostgresStore, n: u64| {
        let mut tx = store.begin().await?;
        for n in [n % 20, n * 7 % 20] {
            let mut rows = tx.containers(&[id(n).container(0)]).await?;
            rows[0].children.created += 1;
            tx.update_containers(&rows).await?;
        }
        tx.commit().await
    };
    let managers = (0..8).map(|manager| {
        let store = stores[manager % 2].clone();
        async move {
            let mut conflicts = 0;
            for n in 0..50 {
                while let Err(error) = count_up(&store, n * 8 + manager as u64).await {
                    assert!(matches!(error, StoreError::Conflict), "{error:?}");
                    conflicts += 1;
                }
            }
            conflicts
        }
    });
    let begin = std::time::Instant::now();
    let conflicts: u64 = futures_util::future::join_all(managers).await.iter().sum();
    eprintln!("{conflicts} conflicts in {:?}", begin.elapsed());
    let mut total = 0;
    for n in 0..20 {
        total += stores[0].containers(id(n)).await.unwrap()[0]
            .children
            .created;
    }
    assert_eq!(total, 2 * 8 * 50);
}

/// Both find that there is none, were they not to wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_submissions_finds_the_other() {
    let database = database!();
    let store = database.store().await;
    for n in 0..20 {
        let submit = async || {
            let mut tx = store.begin().await.unwrap();
            let found = tx.collections(&[id(n)]).await.unwrap();
            tx.insert_collections(&[collection(n)]).await.unwrap();
            tx.commit().await.unwrap();
            found.len()
        };
        let (one, other) = tokio::join!(submit(), submit());
        assert_eq!(one + other, 1, "who came second saw the first");
    }
}

/// What is read behind a lock is what the other one has left, not what was there before the wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_ended_once() {
    let database = database!();
    let store = database.store().await;
    for n in 0..20 {
        insert(&store, n).await;
        let end = async || {
            let mut tx = store.begin().await.unwrap();
            let mut head = tx.heads(&[id(n).task(0)]).await.unwrap().remove(0);
            let runs = head.status.state == TaskState::Running;
            head.status.state = TaskState::Succeeded;
            let update = TaskUpdate {
                id: head.id,
                status: head.status,
            };
            tx.update_tasks(&[update]).await.unwrap();
            tx.commit().await.unwrap();
            u32::from(runs)
        };
        let ended = tokio::join!(end(), end(), end(), end());
        assert_eq!(ended.0 + ended.1 + ended.2 + ended.3, 1);
    }
}

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
