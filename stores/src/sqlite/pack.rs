//! Many rows in two parameters.
//!
//! Binding a value costs more than storing it, and JSON costs more to take apart than either: on
//! two cores a row of 18 columns took 3.4 µs as `VALUES`, 8.7 µs as JSON, and 2 µs like this. A
//! record is a sequence of fields of [`FIELD`] bytes, all records lie in one blob, and statements
//! cut the fields out with `substr`, walking along the table `numbers`. Texts lie in a second
//! blob, the heap; their fields say where.

/// Bytes of a field.
pub(super) const FIELD: usize = 20;
/// Bytes of heap after which a pack is full; far below SQLite's limit for a value.
const HEAP: usize = 16 << 20;

/// What a column holds, and so how its field is written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 16 bytes.
    Id,
    /// 16 bytes or `NULL`.
    OptId,
    /// A whole number from 0 on.
    Int,
    /// The same or `NULL`.
    OptInt,
    /// Text or `NULL`.
    Text,
}

impl Kind {
    /// The SQL that cuts field `index` of `fields` fields out of the record that `n` is at.
    fn each(self, index: usize, fields: usize) -> String {
        let stride = fields * FIELD;
        let at = index * FIELD + 1;
        self.cut("?2", |offset, len| {
            format!("substr(?1, numbers.n * {stride} + {}, {len})", at + offset)
        })
    }

    /// The SQL that cuts field `index` out of the only record of a shared pack. SQLite works it
    /// out once and not for each row.
    fn shared(self, index: usize) -> String {
        let at = index * FIELD + 1;
        self.cut("?5", |offset, len| {
            format!("substr(?4, {}, {len})", at + offset)
        })
    }

    fn cut(self, heap: &str, field: impl Fn(usize, usize) -> String) -> String {
        match self {
            Self::Id => field(0, 16),
            Self::OptId => format!("iif({} = x'31', {}, NULL)", field(16, 1), field(0, 16)),
            Self::Int => format!("CAST({} AS INTEGER)", field(0, FIELD)),
            Self::OptInt => format!("nullif(CAST({} AS INTEGER), -1)", field(0, FIELD)),
            // The heap counts from 1, so 0 is no place; `substr` from NULL is NULL.
            Self::Text => format!(
                "CAST(substr({heap}, nullif(CAST({} AS INTEGER), 0), CAST({} AS INTEGER)) AS TEXT)",
                field(0, 10),
                field(10, 10)
            ),
        }
    }
}

/// The field `index` of packed records of `fields` fields.
pub(super) fn field(kind: Kind, index: usize, fields: usize) -> String {
    kind.each(index, fields)
}

/// Rows on their way into a statement. Fields are added in the order of the columns.
#[derive(Default)]
pub(super) struct Pack {
    pub(super) records: Vec<u8>,
    pub(super) heap: Vec<u8>,
    pub(super) rows: usize,
}

impl Pack {
    /// Rows of the table `numbers`: the most that one statement can walk along.
    pub(super) const ROWS: usize = 4096;

    /// Whether no row should be added any more.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= Self::ROWS || self.heap.len() >= HEAP
    }

    pub(super) fn id(&mut self, id: &[u8; 16]) {
        self.records.extend_from_slice(id);
        self.records.extend_from_slice(b"1   ");
    }

    pub(super) fn opt_id(&mut self, id: Option<&[u8; 16]>) {
        match id {
            Some(id) => self.id(id),
            None => self.records.extend_from_slice(&[b' '; FIELD]),
        }
    }

    /// Whole numbers above `i64::MAX` become `i64::MAX`: the engine saturates, too.
    pub(super) fn int(&mut self, value: u64) {
        let mut value = value.min(i64::MAX as u64);
        let mut field = [b'0'; FIELD];
        for digit in field.iter_mut().rev() {
            if value == 0 {
                break;
            }
            *digit += (value % 10) as u8;
            value /= 10;
        }
        self.records.extend_from_slice(&field);
    }

    pub(super) fn opt_int(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.int(value),
            None => self.records.extend_from_slice(b"-1                  "),
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let at = self.heap.len() + 1;
        self.heap.extend_from_slice(text.as_bytes());
        self.place(at, text.len());
    }

    pub(super) fn opt_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.place(0, 0),
        }
    }

    fn place(&mut self, at: usize, len: usize) {
        let mut field = [b'0'; FIELD];
        for (mut value, digits) in [(at, 0..10), (len, 10..20)] {
            for digit in field[digits].iter_mut().rev() {
                *digit += (value % 10) as u8;
                value /= 10;
            }
        }
        self.records.extend_from_slice(&field);
    }
}

/// A column's name and what it holds.
pub(super) type Column = (&'static str, Kind);

/// `INSERT` of packed rows; what is there already stays. All rows have the same in the columns
/// `shared`, which are in a pack of their own.
pub(super) fn insert(table: &str, each: &[Column], shared: &[Column]) -> String {
    format!(
        "INSERT {} ON CONFLICT DO NOTHING",
        into(table, each, shared)
    )
}

/// `INSERT` of packed rows; what is there already is overwritten.
pub(super) fn replace(table: &str, columns: &[Column]) -> String {
    format!("INSERT OR REPLACE {}", into(table, columns, &[]))
}

fn into(table: &str, each: &[Column], shared: &[Column]) -> String {
    let names: Vec<String> = each
        .iter()
        .chain(shared)
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let values: Vec<String> = values(0, each.len(), each, shared).collect();
    format!(
        "INTO {table} ({}) SELECT {} FROM numbers WHERE numbers.n < ?3",
        names.join(", "),
        values.join(", ")
    )
}

/// `UPDATE` by packed rows: an id, then the new values of the columns `each`. All rows get the
/// same in the columns `shared`, which are in a pack of their own.
pub(super) fn update(table: &str, each: &[Column], shared: &[Column]) -> String {
    let fields = each.len() + 1;
    let set: Vec<String> = each
        .iter()
        .chain(shared)
        .zip(values(1, fields, each, shared))
        .map(|((name, _), value)| format!("\"{name}\" = {value}"))
        .collect();
    let id = Kind::Id.each(0, fields);
    format!(
        "UPDATE {table} SET {} FROM numbers WHERE numbers.n < ?3 AND {table}.id = {id}",
        set.join(", ")
    )
}

fn values(
    first: usize,
    fields: usize,
    each: &[Column],
    shared: &[Column],
) -> impl Iterator<Item = String> {
    let each = each
        .iter()
        .zip(first..)
        .map(move |((_, kind), index)| kind.each(index, fields));
    let shared = shared
        .iter()
        .zip(0..)
        .map(|((_, kind), index)| kind.shared(index));
    each.chain(shared)
}

/// A row of the table or subquery `alias` as a JSON array of all of `columns`.
pub(super) fn json(alias: &str, columns: &[Column]) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|(name, kind)| match kind {
            Kind::Id => format!("hex({alias}.\"{name}\")"),
            Kind::OptId => {
                format!("iif({alias}.\"{name}\" IS NULL, NULL, hex({alias}.\"{name}\"))")
            }
            Kind::Int | Kind::OptInt | Kind::Text => format!("{alias}.\"{name}\""),
        })
        .collect();
    format!("json_array({})", values.join(", "))
}
