//! What only a store in a file can do: last, be damaged, be too new, be forbidden, be shared.

#![cfg(feature = "sqlite")]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use sortie_stores::SqliteStore;
use task_core::id::CollectionId;
use task_core::ports::store::{CollectionRow, Store as _, StoreError};
use task_core::state::TaskState;
use task_core::time::Timestamp;
use uuid::Uuid;

fn collection(n: u128) -> CollectionRow {
    CollectionRow {
        id: CollectionId::from_uuid(Uuid::from_u128(n)),
        name: format!("collection {n}"),
        state: TaskState::Running,
        cancelled: false,
        scope: None,
        created_at: Timestamp::from_millis(1),
        deadline_at: None,
        finished_at: None,
    }
}

async fn insert(store: &SqliteStore, n: u128) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_collections(&[collection(n)]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn names(store: &SqliteStore) -> Vec<String> {
    store
        .collections(100)
        .await
        .unwrap()
        .into_iter()
        .rev()
        .map(|row| row.name)
        .collect()
}

/// The SQL of another program.
async fn sql(path: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut conn = options.connect().await.unwrap();
    conn.execute(sql).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn what_was_committed_outlives_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open(&path).await.unwrap();
    insert(&store, 1).await;
    insert(&store, 2).await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_collections(&[collection(3)]).await.unwrap();
    drop(tx);
    drop(store);
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(names(&store).await, ["collection 1", "collection 2"]);
}

/// A crash leaves the file and its log as they are at that moment: so does a copy.
#[tokio::test]
async fn what_was_committed_outlives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open(&path).await.unwrap();
    insert(&store, 1).await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_collections(&[collection(2)]).await.unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(
        folder.path().join("state.db-wal"),
        folder.path().join("copy.db-wal"),
    )
    .unwrap();
    let recovered = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(names(&recovered).await, ["collection 1"]);
    insert(&recovered, 3).await;
    assert_eq!(names(&recovered).await, ["collection 1", "collection 3"]);
}

#[tokio::test]
async fn two_stores_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let one = SqliteStore::open(&path).await.unwrap();
    let other = SqliteStore::open(&path).await.unwrap();
    for n in 0..20 {
        tokio::join!(insert(&one, 2 * n), insert(&other, 2 * n + 1));
    }
    assert_eq!(names(&one).await.len(), 40);
    assert_eq!(names(&other).await.len(), 40);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "Dear diary, today nothing was a database at all. ".repeat(100),
    )
    .unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("notes.txt") && text.contains("not a SQLite database"),
        "{text}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_damaged_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open(&path).await.unwrap();
    for n in 0..100 {
        insert(&store, n).await;
    }
    drop(store);
    sql(
        &path,
        "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE",
    )
    .await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let error = match SqliteStore::open(&path).await {
        Ok(store) => store.collections(100).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open(&path).await.unwrap();
    insert(&store, 1).await;
    sql(&path, "UPDATE collections SET state = 99").await;
    let error = store.collections(1).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("99"), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(SqliteStore::open(&path).await.unwrap());
    sql(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (4711, 'from the future', TRUE, x'00', 0)",
    )
    .await;
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NewerSchema {
                found: 4711,
                known: 1..4711
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    sql(&path, "CREATE TABLE songs (title TEXT)").await;
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named() {
    let error = SqliteStore::open("/nonexistent/folder/state.db")
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    assert!(
        error.to_string().contains("/nonexistent/folder/state.db"),
        "{error}"
    );
}

/// A file in a folder that may only be read. Root may write anywhere, and is told apart by that.
#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_may_only_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let set = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode));
    set(0o555).unwrap();
    if std::fs::write(folder.path().join("probe"), "").is_err() {
        let error = SqliteStore::open(folder.path().join("state.db"))
            .await
            .unwrap_err();
        let told = matches!(error, StoreError::Backend(_) | StoreError::Refused(_));
        assert!(told, "{error:?}");
        assert!(error.to_string().contains("state.db"), "{error}");
    }
    set(0o755).unwrap();
}

/// Even root cannot make files in `/proc`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_takes_no_files_is_an_error() {
    let error = SqliteStore::open("/proc/state.db").await.unwrap_err();
    assert!(
        matches!(error, StoreError::Backend(_) | StoreError::Refused(_)),
        "{error:?}"
    );
    assert!(error.to_string().contains("/proc/state.db"), "{error}");
}

/// The quota is simulated: SQLite says the same when a disk is full.
#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open_with_limit(&path, 60).await.unwrap();
    let mut stored = 0;
    let error = loop {
        let mut row = collection(stored);
        row.name = "x".repeat(10_000);
        let mut tx = store.begin().await.unwrap();
        let done = match tx.insert_collections(&[row]).await {
            Ok(()) => tx.commit().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    assert!(stored > 0);
    assert_eq!(names(&store).await.len() as u128, stored);
}

/// A future that is dropped half-way leaves no transaction open.
#[tokio::test]
async fn a_dropped_future_leaves_nothing_open() {
    use futures_util::FutureExt as _;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("state.db"))
        .await
        .unwrap();
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
    assert_eq!(names(&store).await.len(), 50);
}
