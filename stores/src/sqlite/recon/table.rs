//! Where a model lies, and the statements for it.

use std::sync::LazyLock;

use task_core::recon::Schema;

use super::super::pack::Kind::{Id, Int, Text};
use super::super::pack::{Column, field, replace};

/// What the rows that are read have, in this order.
pub(super) const SELECT: &str = "SELECT r.\"key\", r.body, r.first_seen, r.last_seen, \
     r.changed_at, r.found_in, r.found_by, r.found_runs, r.changed_in, r.changed_by, \
     r.changed_runs";

/// The tables of the stock models, and the one that all others share.
const NAMES: [(&str, &str); 6] = [
    ("", SHARED),
    ("target", "recon_target"),
    ("domain", "recon_domain"),
    ("endpoint", "recon_endpoint"),
    ("certificate", "recon_certificate"),
    ("web_document", "recon_web_document"),
];
const SHARED: &str = "recon_model";

/// The first is there in the shared table only.
const COLUMNS: [Column; 12] = [
    ("model", Text),
    ("key", Text),
    ("body", Text),
    ("first_seen", Int),
    ("last_seen", Int),
    ("changed_at", Int),
    ("found_in", Id),
    ("found_by", Id),
    ("found_runs", Text),
    ("changed_in", Id),
    ("changed_by", Id),
    ("changed_runs", Text),
];

const REFERENCE: [Column; 5] = [
    ("from_model", Text),
    ("from_key", Text),
    ("field", Text),
    ("to_model", Text),
    ("to_key", Text),
];

/// The statements of one table.
struct Statements {
    by_keys: String,
    replace: String,
    see_again: String,
}

static STATEMENTS: LazyLock<[Statements; NAMES.len()]> = LazyLock::new(|| {
    NAMES.map(|(_, name)| Statements {
        by_keys: format!(
            "{SELECT} FROM {name} AS r \
             WHERE {} r.\"key\" IN (SELECT value FROM json_each(?2))",
            // The other tables have one model each; the parameter is there for all.
            if name == SHARED {
                "r.model = ?1 AND"
            } else {
                "?1 IS NOT NULL AND"
            },
        ),
        replace: replace(name, &COLUMNS[usize::from(name != SHARED)..]),
        see_again: see_again(name),
    })
});

static PUT_REFERENCES: LazyLock<String> = LazyLock::new(|| replace("recon_reference", &REFERENCE));

/// What a sight changes that finds nothing new.
const SIGHT: [Column; 6] = [
    ("model", Text),
    ("key", Text),
    ("first_seen", Int),
    ("last_seen", Int),
    ("found_runs", Text),
    ("changed_runs", Text),
];

/// Leaves the body and its indices alone.
fn see_again(table: &str) -> String {
    let cut = |index: usize| field(SIGHT[index].1, index, SIGHT.len());
    let set: Vec<String> = (2..SIGHT.len())
        .map(|index| format!("{} = {}", SIGHT[index].0, cut(index)))
        .collect();
    let model = match table {
        SHARED => format!("{table}.model = {} AND", cut(0)),
        _ => String::new(),
    };
    format!(
        "UPDATE {table} SET {} FROM numbers WHERE numbers.n < ?3 AND {model} {table}.\"key\" = {}",
        set.join(", "),
        cut(1)
    )
}

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

    /// The rows of the model `?1` with a key of the JSON array `?2`.
    pub(super) fn by_keys(&self) -> &'static str {
        &STATEMENTS[self.place].by_keys
    }

    /// Writes what packed sights change that found nothing new.
    pub(super) fn see_again(&self) -> &'static str {
        &STATEMENTS[self.place].see_again
    }

    /// Writes packed rows.
    pub(super) fn replace(&self) -> &'static str {
        &STATEMENTS[self.place].replace
    }
}

pub(super) fn put_references() -> &'static str {
    &PUT_REFERENCES
}
