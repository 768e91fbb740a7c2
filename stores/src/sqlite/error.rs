//! From what SQLite says to what the port says.

use sqlx::migrate::MigrateError;
use task_core::ports::store::StoreError;

use crate::text::corrupt;

/// SQLite's primary result codes that mean something of their own here.
mod code {
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const TOOBIG: u32 = 18;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const MISMATCH: u32 = 20;
    pub(super) const NOTADB: u32 = 26;
}

/// For `map_err`.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    let Some(database) = error.as_database_error() else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => corrupt(error),
            other => StoreError::Backend(Box::new(other)),
        };
    };
    // The extended code; its lowest byte is the primary one.
    let code = database
        .code()
        .and_then(|code| code.parse::<u32>().ok())
        .map(|code| code & 0xff);
    let message = || database.message().to_owned();
    match code {
        Some(code::CORRUPT) => corrupt(database.message()),
        Some(code::NOTADB) => corrupt("the file is not a SQLite database"),
        Some(code::FULL) => StoreError::Full(message()),
        Some(code::CONSTRAINT | code::TOOBIG | code::MISMATCH) => StoreError::Refused(message()),
        _ => StoreError::Backend(Box::new(error)),
    }
}

/// For what goes wrong while the schema is brought up to date.
pub(super) fn migrate_error(error: MigrateError, known: i64) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            store_error(error)
        }
        MigrateError::VersionMissing(found) if found > known => {
            StoreError::NewerSchema { found, known }
        }
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => corrupt(
            format_args!("schema version {version} is not the one that this code made"),
        ),
        other => StoreError::Backend(Box::new(other)),
    }
}
