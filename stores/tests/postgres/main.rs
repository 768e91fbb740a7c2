//! What only a store on a server can do: be shared, be unreachable, be too new, be forgotten.

#![cfg(feature = "postgres")]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod fixture;
mod races;
#[path = "../server/mod.rs"]
mod server;
mod statements;

use std::time::Duration;

use fixture::*;
use sortie_stores::{PostgresOptions, PostgresStore};
use task_core::payload::Payload;
use task_core::ports::data::{DataStore as _, Dataset};
use task_core::ports::store::{CollectionRow, Store as _, StoreError, TaskStatus};
use task_core::state::TaskState;

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
