//! Where a model lies, and the statements for it.

use std::sync::LazyLock;

use sqlx::types::Uuid;
use task_core::recon::{ModelRow, Schema};

use super::super::columns::{Column, insert, names, unnest};
use super::super::put::millis;
use super::super::session::{Statement, query};

/// The tables of the stock models, and the one that all others share.
const NAMES: [(&str, &str); 6] = [
    ("", SHARED),
    ("target", "recon.target"),
    ("domain", "recon.domain"),
    ("endpoint", "recon.endpoint"),
    ("certificate", "recon.certificate"),
    ("web_document", "recon.web_document"),
];
const SHARED: &str = "recon.model";

/// The first is there in the shared table only.
const COLUMNS: &[Column] = &[
    ("model", "text"),
    ("key", "text"),
    ("body", "text"),
    ("first_seen", "int8"),
    ("last_seen", "int8"),
    ("changed_at", "int8"),
    ("found_in", "uuid"),
    ("found_by", "uuid"),
    ("found_runs", "text"),
    ("changed_in", "uuid"),
    ("changed_by", "uuid"),
    ("changed_runs", "text"),
];

const REFERENCE: &[Column] = &[
    ("from_model", "text"),
    ("from_key", "text"),
    ("field", "text"),
    ("to_model", "text"),
    ("to_key", "text"),
];

/// What the rows that are read have, in this order.
pub(super) static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {}", names("r.", &COLUMNS[1..])));

/// The statements of one table.
struct Statements {
    lock: String,
    insert: String,
    update: String,
    see_again: String,
}

static STATEMENTS: LazyLock<[Statements; NAMES.len()]> = LazyLock::new(|| {
    NAMES.map(|(_, name)| {
        // The first parameter is the model, for all tables, though most have only one.
        let (of_model, also_model) = match name {
            SHARED => ("t.model = $1", "model, "),
            _ => ("$1::text IS NOT NULL", ""),
        };
        let written = unnest(2, &COLUMNS[1..]);
        Statements {
            lock: format!(
                "SELECT {} FROM {name} AS t WHERE {of_model} AND t.\"key\" = ANY($2) \
                 ORDER BY t.\"key\" FOR UPDATE",
                names("t.", &COLUMNS[1..]),
            ),
            insert: format!(
                "INSERT INTO {name} ({also_model}{}) SELECT {}{} FROM {written} \
                 WHERE $1::text IS NOT NULL ORDER BY u.\"key\" ON CONFLICT DO NOTHING",
                names("", &COLUMNS[1..]),
                if name == SHARED { "$1, " } else { "" },
                names("u.", &COLUMNS[1..]),
            ),
            update: format!(
                "UPDATE {name} AS t SET {} FROM {written} WHERE {of_model} AND t.\"key\" = u.\"key\"",
                set(&COLUMNS[2..]),
            ),
            see_again: format!(
                "UPDATE {name} AS t SET {} FROM {} WHERE {of_model} AND t.\"key\" = u.\"key\"",
                set(SIGHT),
                unnest(2, &[&COLUMNS[1..2], SIGHT].concat()),
            ),
        }
    })
});

/// What a sight changes that finds nothing new; leaves the body and its indices alone.
const SIGHT: &[Column] = &[
    ("first_seen", "int8"),
    ("last_seen", "int8"),
    ("found_runs", "text"),
    ("changed_runs", "text"),
];

fn set(columns: &[Column]) -> String {
    let set: Vec<String> = columns
        .iter()
        .map(|(name, _)| format!("\"{name}\" = u.\"{name}\""))
        .collect();
    set.join(", ")
}

static PUT_REFERENCES: LazyLock<String> =
    LazyLock::new(|| insert("recon.reference", 1, REFERENCE) + " ON CONFLICT DO NOTHING");

/// Where the rows of one model lie.
pub(super) struct Table {
    place: usize,
    pub(super) model: &'static str,
}

impl Table {
    pub(super) fn of(schema: &Schema) -> Self {
        let place = NAMES.iter().position(|(model, _)| *model == schema.model);
        Self {
            place: place.unwrap_or(0),
            model: schema.model,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        NAMES[self.place].1
    }

    /// Whether other models lie there, too.
    pub(super) const fn is_shared(&self) -> bool {
        self.place == 0
    }

    /// The rows with these keys, which stay as they are until the transaction ends.
    pub(super) fn lock(&self, keys: Vec<String>) -> Statement<'static> {
        self.statement(&STATEMENTS[self.place].lock).bind(keys)
    }

    /// Writes rows that were not there; those that are by now are left alone, and not counted.
    pub(super) fn insert<'r>(
        &self,
        rows: impl Iterator<Item = &'r ModelRow>,
    ) -> Statement<'static> {
        bind_rows(self.statement(&STATEMENTS[self.place].insert), rows)
    }

    /// Overwrites rows.
    pub(super) fn update<'r>(
        &self,
        rows: impl Iterator<Item = &'r ModelRow>,
    ) -> Statement<'static> {
        bind_rows(self.statement(&STATEMENTS[self.place].update), rows)
    }

    /// Writes what sights change that found nothing new.
    pub(super) fn see_again<'r>(
        &self,
        rows: impl Iterator<Item = &'r ModelRow>,
    ) -> Statement<'static> {
        let (mut key, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
        let (mut found, mut changed) = (Vec::new(), Vec::new());
        for row in rows {
            key.push(row.key.clone());
            first.push(millis(row.first_seen));
            last.push(millis(row.last_seen));
            found.push(row.found_runs.to_string());
            changed.push(row.changed_runs.to_string());
        }
        self.statement(&STATEMENTS[self.place].see_again)
            .bind(key)
            .bind(first)
            .bind(last)
            .bind(found)
            .bind(changed)
    }

    fn statement(&self, sql: &'static str) -> Statement<'static> {
        query(sql).bind(self.model)
    }
}

fn bind_rows<'r>(
    statement: Statement<'static>,
    rows: impl Iterator<Item = &'r ModelRow>,
) -> Statement<'static> {
    let mut texts: [Vec<String>; 4] = Default::default();
    let mut times: [Vec<i64>; 3] = Default::default();
    let mut ids: [Vec<Uuid>; 4] = Default::default();
    for row in rows {
        texts[0].push(row.key.clone());
        texts[1].push(row.body.get().to_owned());
        times[0].push(millis(row.first_seen));
        times[1].push(millis(row.last_seen));
        times[2].push(millis(row.changed_at));
        ids[0].push(*row.found_in.as_uuid());
        ids[1].push(*row.found_by.as_uuid());
        texts[2].push(row.found_runs.to_string());
        ids[2].push(*row.changed_in.as_uuid());
        ids[3].push(*row.changed_by.as_uuid());
        texts[3].push(row.changed_runs.to_string());
    }
    let [key, body, found_runs, changed_runs] = texts;
    let [first_seen, last_seen, changed_at] = times;
    let [found_in, found_by, changed_in, changed_by] = ids;
    statement
        .bind(key)
        .bind(body)
        .bind(first_seen)
        .bind(last_seen)
        .bind(changed_at)
        .bind(found_in)
        .bind(found_by)
        .bind(found_runs)
        .bind(changed_in)
        .bind(changed_by)
        .bind(changed_runs)
}

/// Takes (from model, from key, field, to model, to key) as five arrays.
pub(super) fn put_references() -> Statement<'static> {
    query(&PUT_REFERENCES)
}

/// Takes a model and the keys of its rows whose references go.
pub(super) const REMOVE_REFERENCES: &str =
    "DELETE FROM recon.reference WHERE from_model = $1 AND from_key = ANY($2)";
