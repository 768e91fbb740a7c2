//! Rows on their way into a statement: an array for each column.
//!
//! A statement that takes arrays is the same however many rows there are, so it is prepared once
//! and sent once.

use sqlx::types::Uuid;

use super::session::Statement;

/// A column's name and type.
pub(super) type Column = (&'static str, &'static str);

/// Declares a table of arrays.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($column:ident: $of:ty as $sql:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(super) struct $name {
            $(pub(super) $column: Vec<$of>,)*
        }

        impl $name {
            /// In the order in which they are bound.
            pub(super) const COLUMNS: &'static [Column] = &[$((stringify!($column), $sql)),*];

            /// Adds the arrays to the parameters of a statement.
            pub(super) fn bind(self, statement: Statement<'_>) -> Statement<'_> {
                statement$(.bind(self.$column))*
            }
        }
    };
}

columns! {
    Collections {
        id: Uuid as "uuid",
        name: String as "text",
        state: i16 as "int2",
        cancelled: bool as "bool",
        scope: Option<String> as "text",
        created_at: i64 as "int8",
        deadline_at: Option<i64> as "int8",
        finished_at: Option<i64> as "int8",
    }
}

columns! {
    /// What never changes of a container.
    Containers {
        id: Uuid as "uuid",
        collection: Uuid as "uuid",
        parent: Option<Uuid> as "uuid",
        position: i64 as "int8",
        name: Option<String> as "text",
        mode: i16 as "int2",
        arm: Option<i16> as "int2",
        generator: Option<Uuid> as "uuid",
        policy: Option<String> as "text",
        max_in_flight: i64 as "int8",
    }
}

columns! {
    /// What changes.
    Progress {
        state: i16 as "int2",
        chosen: Option<i16> as "int2",
        cursor: i64 as "int8",
        expected: Option<i64> as "int8",
        created: i64 as "int8",
        waiting: i64 as "int8",
        running: i64 as "int8",
        succeeded: i64 as "int8",
        partial: i64 as "int8",
        failed: i64 as "int8",
        timeout: i64 as "int8",
        disabled: i64 as "int8",
        targets: i64 as "int8",
        outcomes: Option<String> as "text",
        usage: Option<String> as "text",
        cut_off_at: Option<i64> as "int8",
        started_at: Option<i64> as "int8",
        finished_at: Option<i64> as "int8",
    }
}

columns! {
    /// What the store itself keeps of a container.
    Firsts {
        waiting_from: Option<i64> as "int8",
    }
}

columns! {
    /// What never changes of a task's head.
    Heads {
        id: Uuid as "uuid",
        collection: Uuid as "uuid",
        container: Uuid as "uuid",
        role: i16 as "int2",
        ordinal: i64 as "int8",
        kind: String as "text",
        route: i16 as "int2",
        targets: i64 as "int8",
        options: Option<String> as "text",
    }
}

columns! {
    /// What changes.
    Statuses {
        state: i16 as "int2",
        attempt: i64 as "int8",
        failures: i64 as "int8",
        accounted: i64 as "int8",
        due_at: Option<i64> as "int8",
        give_up_at: Option<i64> as "int8",
        cursor: Option<String> as "text",
        error: Option<String> as "text",
    }
}

columns! {
    /// What a task has beside its head.
    Bodies {
        name: Option<String> as "text",
        version: i64 as "int8",
        payload: String as "text",
    }
}

columns! {
    Data {
        container: Uuid as "uuid",
        task: Uuid as "uuid",
        seq: i64 as "int8",
        attempt: i64 as "int8",
        body: String as "text",
    }
}

columns! {
    Ids {
        id: Uuid as "uuid",
    }
}

/// `unnest(…) AS u(…)` with the first array in parameter `first`.
pub(super) fn unnest(first: usize, columns: &[Column]) -> String {
    let arrays: Vec<String> = columns
        .iter()
        .zip(first..)
        .map(|((_, kind), n)| format!("${n}::{kind}[]"))
        .collect();
    format!("unnest({}) AS u({})", arrays.join(", "), names("", columns))
}

/// Names of columns, each behind `prefix`.
pub(super) fn names(prefix: &str, columns: &[Column]) -> String {
    let names: Vec<String> = columns
        .iter()
        .map(|(name, _)| format!("{prefix}\"{name}\""))
        .collect();
    names.join(", ")
}

/// `INSERT` of arrays.
pub(super) fn insert(table: &str, first: usize, columns: &[Column]) -> String {
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {}",
        names("", columns),
        names("u.", columns),
        unnest(first, columns)
    )
}

/// `UPDATE` by arrays: ids, then the new values. `NULL` leaves alone what the columns `kept` hold.
pub(super) fn update(table: &str, first: usize, changed: &[Column], kept: &[Column]) -> String {
    let changes = changed
        .iter()
        .map(|(name, _)| format!("\"{name}\" = u.\"{name}\""));
    let keeps = kept
        .iter()
        .map(|(name, _)| format!("\"{name}\" = coalesce(u.\"{name}\", t.\"{name}\")"));
    let set: Vec<String> = changes.chain(keeps).collect();
    let all = [Ids::COLUMNS, changed, kept].concat();
    format!(
        "UPDATE {table} AS t SET {} FROM {} WHERE t.id = u.id",
        set.join(", "),
        unnest(first, &all)
    )
}
