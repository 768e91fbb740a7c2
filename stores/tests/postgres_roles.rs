//! Each role can do its work, and nothing else.

#![cfg(feature = "postgres")]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

mod server;

use std::sync::Arc;

use server::{Database, try_sql};
use sortie_stores::PostgresStore;
use task_core::conformance::recon::Subject;
use task_core::conformance::{recon, store};
use task_core::ports::store::{Store, StoreError};

/// A user with these roles.
async fn user(database: &Database, name: &str, roles: &str) -> String {
    PostgresStore::create_roles(&database.options)
        .await
        .unwrap();
    let user = format!("{}_{name}", database.name());
    let of = if roles.is_empty() {
        String::new()
    } else {
        format!("IN ROLE {roles}")
    };
    database
        .sql(&format!(
            "DROP ROLE IF EXISTS {user}; CREATE ROLE {user} LOGIN {of}"
        ))
        .await;
    user
}

/// All of these fail for want of a right.
async fn may_not(database: &Database, user: &str, statements: &[&str]) {
    let address = database.address_of(user);
    for statement in statements {
        let error = try_sql(&address, statement).await.expect_err(statement);
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
}

macro_rules! database {
    () => {
        match Database::new().await {
            Some(database) => {
                PostgresStore::migrate(&database.options).await.unwrap();
                database
            }
            None => return,
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn managers_and_workers_together_keep_every_promise() {
    let database = database!();
    let both = user(&database, "both", "sortie_manager, sortie_internal").await;
    let all = PostgresStore::connect(&database.options.clone().user(&both))
        .await
        .unwrap();
    store::run_all(async || {
        database.empty().await;
        Arc::new(all.clone()) as Arc<dyn Store>
    })
    .await;
    let manager = user(&database, "manager", "sortie_manager").await;
    let worker = user(&database, "worker", "sortie_bare_metal").await;
    let manager = PostgresStore::connect(&database.options.clone().user(&manager))
        .await
        .unwrap();
    let worker = PostgresStore::connect(&database.options.clone().user(&worker))
        .await
        .unwrap();
    recon::run_all(async || {
        database.empty().await;
        Subject {
            store: Arc::new(manager.clone()),
            recon: Arc::new(worker.clone()),
        }
    })
    .await;
    for store in [all, manager, worker] {
        store.close().await;
    }
}

#[tokio::test]
async fn a_manager_destroys_nothing_and_has_no_part_in_recon_data() {
    let database = database!();
    let manager = user(&database, "manager", "sortie_manager").await;
    may_not(
        &database,
        &manager,
        &[
            "DELETE FROM task_manager.collections",
            "DELETE FROM task_manager.containers",
            "DELETE FROM task_manager.tasks",
            "DELETE FROM task_manager.task_data",
            "TRUNCATE task_manager.tasks",
            "UPDATE task_manager.task_collection_data SET value = '1'",
            "INSERT INTO task_manager.task_collection_data SELECT",
            "UPDATE task_manager.inbox SET id = id",
            "UPDATE task_manager.outbox SET send_at = 0",
            "SELECT task_manager.holds(NULL, NULL, NULL, NULL)",
            "SELECT * FROM recon.endpoint",
            "INSERT INTO recon.target SELECT",
            "SELECT * FROM recon.endpoints",
            "UPDATE task_manager.migrations SET version = 0",
            "DROP TABLE task_manager.tasks",
            "ALTER TABLE task_manager.tasks ADD mine text",
            "CREATE TABLE task_manager.mine ()",
            "CREATE SCHEMA mine",
            "SET ROLE sortie_internal",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_worker_changes_no_task_and_removes_nothing_that_was_found() {
    let database = database!();
    for role in ["sortie_internal", "sortie_bare_metal"] {
        let worker = user(&database, role, role).await;
        may_not(
            &database,
            &worker,
            &[
                "UPDATE task_manager.tasks SET state = 3",
                "INSERT INTO task_manager.tasks SELECT",
                "DELETE FROM task_manager.tasks",
                "SELECT id FROM task_manager.tasks FOR SHARE",
                // What others were given to do, and how they fared.
                "SELECT payload FROM task_manager.tasks",
                "SELECT cursor, error FROM task_manager.tasks",
                "SELECT * FROM task_manager.collections",
                "UPDATE task_manager.containers SET succeeded = 1",
                "SELECT * FROM task_manager.inbox",
                "INSERT INTO task_manager.inbox SELECT",
                "SELECT * FROM task_manager.outbox",
                "INSERT INTO task_manager.outbox SELECT",
                "DELETE FROM task_manager.task_collection_data",
                "TRUNCATE task_manager.task_data",
                "DELETE FROM recon.endpoint",
                "DELETE FROM recon.model",
                "TRUNCATE recon.target",
                "UPDATE recon.reference SET to_key = ''",
                "DROP TABLE recon.target",
                "CREATE TABLE recon.mine ()",
                "UPDATE task_manager.migrations SET version = 0",
                "SET ROLE sortie_manager",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn whoever_has_no_role_sees_nothing() {
    let database = database!();
    let nobody = user(&database, "nobody", "").await;
    may_not(
        &database,
        &nobody,
        &[
            "SELECT id FROM task_manager.tasks",
            "SELECT * FROM task_manager.task_data",
            "SELECT task_manager.holds(NULL, NULL, NULL, NULL)",
            "SELECT * FROM recon.target",
        ],
    )
    .await;
}

/// A batch must not be taken apart, and its messages parked, because somebody forgot a grant.
#[tokio::test]
async fn a_missing_right_is_no_fault_of_the_message() {
    let database = database!();
    let worker = user(&database, "worker", "sortie_internal").await;
    let store = PostgresStore::connect(&database.options.clone().user(&worker))
        .await
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    let error = tx.bare_metal_running().await.unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    assert!(error.to_string().contains("create_roles"), "{error}");
    drop(tx);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_made_once_and_then_gets_another_password_whatever_is_in_it() {
    let database = database!();
    PostgresStore::create_roles(&database.options)
        .await
        .unwrap();
    // Nothing of it ends its quotes.
    let name = format!("{}_o'neill\"; %s", database.name());
    for password in ["it's; DROP ROLE \"sortie\"; --", "another\\'one$$"] {
        PostgresStore::create_login(&database.options, "sortie_internal", &name, password)
            .await
            .unwrap();
    }
    let options = database
        .options
        .clone()
        .user(&name)
        .password("any: the server trusts");
    let worker = PostgresStore::connect(&options).await.unwrap();
    worker.close().await;
    let unknown = PostgresStore::create_login(&database.options, "no_such_role", &name, "x").await;
    assert!(
        matches!(unknown, Err(StoreError::Backend(_))),
        "{unknown:?}"
    );
    let quoted = name.replace('"', "\"\"");
    database.sql(&format!("DROP ROLE \"{quoted}\"")).await;
}
