//! The schema and its versions.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{Row as _, SqliteConnection};
use task_core::ports::store::StoreError;

use super::error::{migrate_error, store_error};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// Brings the schema up to date, unless the file is not ours or newer code made it.
pub(super) async fn migrate(conn: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let known = MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match tables(conn).await? {
        Tables::None => {}
        Tables::Foreign => {
            let what = format!("`{}` is the database of another program", path.display());
            return Err(StoreError::Backend(what.into()));
        }
        Tables::Ours => {
            let found = version(conn).await?;
            if found > known {
                return Err(StoreError::NewerSchema { found, known });
            }
            if found == known {
                return Ok(());
            }
        }
    }
    MIGRATOR
        .run(&mut *conn)
        .await
        .map_err(|error| migrate_error(error, known))
}

enum Tables {
    None,
    Ours,
    Foreign,
}

async fn tables(conn: &mut SqliteConnection) -> Result<Tables, StoreError> {
    let row = sqlx::query(
        "SELECT count(*), ifnull(sum(name = '_sqlx_migrations'), 0) FROM sqlite_schema \
         WHERE type = 'table'",
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    let (all, migrations): (i64, i64) = (
        row.try_get(0).map_err(store_error)?,
        row.try_get(1).map_err(store_error)?,
    );
    Ok(match (all, migrations) {
        (0, _) => Tables::None,
        (_, 0) => Tables::Foreign,
        _ => Tables::Ours,
    })
}

async fn version(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT ifnull(max(version), 0) FROM _sqlx_migrations WHERE success")
        .fetch_one(conn)
        .await
        .map_err(store_error)
}
