//! From what PostgreSQL says to what the port says.

use sqlx::migrate::MigrateError;
use task_core::ports::store::StoreError;

use crate::text::corrupt;

/// SQLSTATEs, and their classes, that mean something of their own here.
mod code {
    pub(super) const SERIALIZATION_FAILURE: &str = "40001";
    pub(super) const DEADLOCK_DETECTED: &str = "40P01";
    pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";
    pub(super) const DISK_FULL: &str = "53100";
    pub(super) const INSUFFICIENT_PRIVILEGE: &str = "42501";
    pub(super) const UNDEFINED_TABLE: &str = "42P01";
    pub(super) const INVALID_SCHEMA: &str = "3F000";
    /// Data exceptions: a text with U+0000, a number out of range.
    pub(super) const DATA: &str = "22";
    pub(super) const CONSTRAINT: &str = "23";
    pub(super) const UNIQUE_VIOLATION: &str = "23505";
    /// Program limits: a row that is too large for its index.
    pub(super) const LIMIT: &str = "54";
    /// Data that PostgreSQL finds damaged.
    pub(super) const INTERNAL: &str = "XX";
}

/// For `map_err`.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    let Some(database) = error.as_database_error() else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => corrupt(error),
            other => StoreError::Backend(Box::new(other)),
        };
    };
    let message = || database.message().to_owned();
    let hint = |what: &str| StoreError::Backend(format!("{}; {what}", database.message()).into());
    let state = database.code();
    match state.as_deref().unwrap_or_default() {
        // Another transaction inserted the same meanwhile; from now on it is seen.
        code::SERIALIZATION_FAILURE
        | code::DEADLOCK_DETECTED
        | code::LOCK_NOT_AVAILABLE
        | code::UNIQUE_VIOLATION => StoreError::Conflict,
        code::DISK_FULL => StoreError::Full(message()),
        // No fault of the data: a batch must not be taken apart over it.
        code::INSUFFICIENT_PRIVILEGE => {
            hint("grant the user its role, see `PostgresStore::create_roles`")
        }
        code::UNDEFINED_TABLE | code::INVALID_SCHEMA => {
            hint("bring the schema up to date, see `PostgresStore::migrate`")
        }
        // Damage has the codes XX001 and XX002; XX000 is a fault of the server.
        state if state.starts_with(code::INTERNAL) && state != "XX000" => corrupt(message()),
        state
            if [code::DATA, code::CONSTRAINT, code::LIMIT]
                .contains(&state.get(..2).unwrap_or_default()) =>
        {
            StoreError::Refused(message())
        }
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
