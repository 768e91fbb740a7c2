//! The schema and its versions.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use task_core::ports::store::StoreError;

use super::PostgresStore;
use super::error::migrate_error;
use super::rows::Reader;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The versions that were applied; beside the tables, so that several programs can share a
/// database.
const TABLE: &str = "task_manager.migrations";

fn known() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// Brings the schema up to date, unless it is not ours or newer code made it.
pub(super) async fn migrate(store: &PostgresStore) -> Result<(), StoreError> {
    match version(store).await? {
        Version::None | Version::Is(0) => {}
        Version::Foreign => {
            let what = "the schema `task_manager` or `recon` belongs to another program";
            return Err(StoreError::Backend(what.into()));
        }
        Version::Is(found) if found > known() => {
            return Err(StoreError::NewerSchema {
                found,
                known: known(),
            });
        }
        Version::Is(found) if found == known() => return Ok(()),
        Version::Is(_) => {}
    }
    let mut migrator = Migrator {
        migrations: Cow::Borrowed(&MIGRATIONS.migrations),
        ..Migrator::DEFAULT
    };
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema("task_manager");
    migrator.create_schema("recon");
    migrator
        .run(&store.pool)
        .await
        .map_err(|error| migrate_error(error, known()))
}

/// Whether this code can work with the schema.
pub(super) async fn check(store: &PostgresStore) -> Result<(), StoreError> {
    match version(store).await? {
        Version::Is(found) if found == known() => Ok(()),
        Version::Is(found) if found > known() => Err(StoreError::NewerSchema {
            found,
            known: known(),
        }),
        Version::Is(found) => {
            let what = format!(
                "the schema has version {found} and this code needs {}; run `PostgresStore::migrate`",
                known()
            );
            Err(StoreError::Backend(what.into()))
        }
        Version::None | Version::Foreign => Err(StoreError::Backend(
            "there is no store in this database; run `PostgresStore::migrate`".into(),
        )),
    }
}

enum Version {
    None,
    Foreign,
    Is(i64),
}

async fn version(store: &PostgresStore) -> Result<Version, StoreError> {
    let tables = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'task_manager' AND c.relname = 'migrations'), \
         EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname IN ('task_manager', 'recon'))",
    );
    let rows = store.snapshot(tables).await?;
    let Some(row) = rows.first() else {
        return Ok(Version::None);
    };
    let mut row = Reader::new(row);
    let (ours, any): (bool, bool) = (row.get()?, row.get()?);
    if !ours {
        return Ok(if any { Version::Foreign } else { Version::None });
    }
    let version =
        sqlx::query("SELECT coalesce(max(version), 0) FROM task_manager.migrations WHERE success");
    Ok(Version::Is(store.snapshot_value(version).await?))
}
