//! Queries as SQL.
//!
//! SQL's comparisons with what is not there are neither true nor false. Where they stand alone, or
//! under "and" and "or", that is as good as false; under "not" it must be made so.

use sqlx::{QueryBuilder, Sqlite};
use task_core::recon::{Filter, Position, Query, Schema, Sort, Value};
use task_core::time::Timestamp;

use super::table::Table;

/// ` FROM … WHERE …`: the rows that the query admits.
pub(super) fn from_where(sql: &mut QueryBuilder<Sqlite>, schema: &Schema, query: &Query) {
    let table = Table::of(schema);
    sql.push(" FROM ").push(table.name()).push(" AS r WHERE ");
    if table.is_shared() {
        sql.push("r.model = ").push_bind(schema.model);
    } else {
        sql.push("true");
    }
    let mut writer = Writer { sql, schema };
    for filter in &query.filters {
        writer.sql.push(" AND ");
        writer.filter(filter);
    }
}

/// ` AND …`: the rows behind a position.
pub(super) fn behind(
    sql: &mut QueryBuilder<Sqlite>,
    query: &Query,
    sort: Sort,
    after: Option<&Position>,
) {
    let Some(after) = after else { return };
    let further = if query.descending { " < " } else { " > " };
    if sort == Sort::Key {
        sql.push(" AND r.\"key\"").push(further);
        sql.push_bind(after.key.clone());
        return;
    }
    let by = by(sort);
    let key = |sql: &mut QueryBuilder<Sqlite>| {
        sql.push(" AND r.\"key\" > ").push_bind(after.key.clone());
    };
    sql.push(" AND (");
    // Rows without the field come first, or last if the order is turned round.
    if let Some(value) = &after.by {
        sql.push(&by).push(further);
        bind(sql, value);
        sql.push(" OR (").push(&by).push(" = ");
        bind(sql, value);
        key(sql);
        sql.push(")");
        if query.descending {
            sql.push(" OR ").push(&by).push(" IS NULL");
        }
    } else {
        sql.push("(").push(&by).push(" IS NULL");
        key(sql);
        sql.push(")");
        if !query.descending {
            sql.push(" OR ").push(&by).push(" IS NOT NULL");
        }
    }
    sql.push(")");
}

/// ` ORDER BY …`.
pub(super) fn order(sql: &mut QueryBuilder<Sqlite>, query: &Query, sort: Sort) {
    sql.push(" ORDER BY ").push(by(sort));
    if query.descending {
        sql.push(" DESC");
    }
    if sort != Sort::Key {
        sql.push(", r.\"key\"");
    }
}

fn by(sort: Sort) -> String {
    match sort {
        Sort::Key => "r.\"key\"".to_owned(),
        Sort::FirstSeen => "r.first_seen".to_owned(),
        Sort::LastSeen => "r.last_seen".to_owned(),
        Sort::ChangedAt => "r.changed_at".to_owned(),
        Sort::Field(name, _) => field(name),
    }
}

/// The names of fields were checked: letters, digits and `_`. Written exactly like this in the
/// indices, too.
fn field(name: &str) -> String {
    format!("(r.body ->> '$.{name}')")
}

fn bind(sql: &mut QueryBuilder<Sqlite>, value: &Value) {
    match value {
        Value::Boolean(value) => sql.push_bind(i64::from(*value)),
        Value::Integer(value) => sql.push_bind(*value),
        Value::Text(value) => sql.push_bind(value.clone()),
    };
}

struct Writer<'w> {
    sql: &'w mut QueryBuilder<Sqlite>,
    schema: &'w Schema,
}

impl Writer<'_> {
    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(inner) => self.joined(inner, " AND ", "true"),
            Filter::Any(inner) => self.joined(inner, " OR ", "false"),
            Filter::Not(inner) => {
                self.sql.push("NOT ifnull(");
                self.filter(inner);
                self.sql.push(", false)");
            }
            Filter::KeyIn(keys) => {
                self.sql.push("r.\"key\" IN ");
                self.values(keys);
            }
            Filter::Has(name) => {
                self.sql.push(field(name)).push(" IS NOT NULL");
            }
            Filter::Equals(name, value) if self.is_list(name) => {
                self.item(name);
                self.sql.push(" = ");
                bind(self.sql, value);
                self.sql.push(")");
            }
            Filter::Equals(name, value) => self.compared(name, " = ", value),
            Filter::OneOf(name, values) if self.is_list(name) => {
                self.item(name);
                self.sql.push(" IN ");
                self.values(values);
                self.sql.push(")");
            }
            Filter::OneOf(name, values) => {
                self.sql.push(field(name)).push(" IN ");
                self.values(values);
            }
            Filter::Below(name, value) => self.compared(name, " < ", value),
            Filter::AtLeast(name, value) => self.compared(name, " >= ", value),
            Filter::StartsWith(name, start) => {
                // The first half can use an index.
                self.sql.push("(").push(field(name)).push(" >= ");
                self.sql.push_bind(start.clone());
                self.sql
                    .push(" AND substr(")
                    .push(field(name))
                    .push(", 1, ");
                self.length(start).push(") = ").push_bind(start.clone());
                self.sql.push(")");
            }
            // `substr` from -0 on would be all of it.
            Filter::EndsWith(name, end) if end.is_empty() => {
                self.filter(&Filter::Has(name.clone()))
            }
            Filter::EndsWith(name, end) => {
                self.sql.push("substr(").push(field(name)).push(", -");
                self.length(end).push(") = ").push_bind(end.clone());
            }
            Filter::RefersTo { model, key, field } => {
                self.sql
                    .push("r.\"key\" IN (SELECT from_key FROM recon_reference WHERE to_model = ");
                self.sql.push_bind(model.clone()).push(" AND to_key = ");
                self.sql.push_bind(key.clone()).push(" AND from_model = ");
                self.sql.push_bind(self.schema.model);
                if let Some(field) = field {
                    self.sql.push(" AND field = ").push_bind(field.clone());
                }
                self.sql.push(")");
            }
            Filter::SeenSince(at) => self.since("last_seen", *at),
            Filter::FoundSince(at) => self.since("first_seen", *at),
            Filter::FoundIn(collection) => self.id("found_in", collection.as_bytes()),
            Filter::ChangedIn(collection) => {
                self.sql.push("(");
                self.id("found_in", collection.as_bytes());
                self.sql.push(" OR ");
                self.id("changed_in", collection.as_bytes());
                self.sql.push(")");
            }
            Filter::FoundBy(task) => self.id("found_by", task.as_bytes()),
        }
    }

    fn joined(&mut self, inner: &[Filter], with: &'static str, none: &'static str) {
        let Some((first, others)) = inner.split_first() else {
            self.sql.push(none);
            return;
        };
        self.sql.push("(");
        self.filter(first);
        for filter in others {
            self.sql.push(with);
            self.filter(filter);
        }
        self.sql.push(")");
    }

    fn compared(&mut self, name: &str, with: &'static str, value: &Value) {
        self.sql.push(field(name)).push(with);
        bind(self.sql, value);
    }

    /// Up to what is asked of an item of the list; a bracket stays open.
    fn item(&mut self, name: &str) {
        let path = format!("'$.{name}'");
        self.sql
            .push("EXISTS (SELECT 1 FROM json_each(r.body, ")
            .push(path);
        self.sql.push(") AS item WHERE item.value");
    }

    fn values(&mut self, values: &impl serde::Serialize) {
        // Strings, numbers and booleans always have a JSON form.
        let array = serde_json::to_string(values).unwrap_or_else(|_| "[]".to_owned());
        self.sql
            .push("(SELECT value FROM json_each(")
            .push_bind(array);
        self.sql.push("))");
    }

    fn length(&mut self, text: &str) -> &mut QueryBuilder<Sqlite> {
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        self.sql.push_bind(length)
    }

    fn since(&mut self, column: &'static str, at: Timestamp) {
        let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        self.sql
            .push("r.")
            .push(column)
            .push(" >= ")
            .push_bind(millis);
    }

    fn id(&mut self, column: &'static str, id: &[u8; 16]) {
        self.sql
            .push("r.")
            .push(column)
            .push(" = ")
            .push_bind(id.to_vec());
    }

    fn is_list(&self, name: &str) -> bool {
        let field = self.schema.field(name);
        field.is_ok_and(|field| field.kind.is_list())
    }
}
