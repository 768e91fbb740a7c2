//! Queries as SQL.
//!
//! SQL's comparisons with what is not there are neither true nor false. Where they stand alone, or
//! under "and" and "or", that is as good as false; under "not" it must be made so.

use sqlx::types::Uuid;
use sqlx::{Postgres, QueryBuilder};
use task_core::recon::{FieldType, Filter, Position, Query, Schema, Sort, Value};
use task_core::time::Timestamp;

use super::table::Table;

/// ` FROM … WHERE …`: the rows that the query admits.
pub(super) fn from_where(sql: &mut QueryBuilder<Postgres>, schema: &Schema, query: &Query) {
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
    sql: &mut QueryBuilder<Postgres>,
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
    let key = |sql: &mut QueryBuilder<Postgres>| {
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
pub(super) fn order(sql: &mut QueryBuilder<Postgres>, query: &Query, sort: Sort) {
    sql.push(" ORDER BY ").push(by(sort));
    if query.descending {
        sql.push(" DESC");
    }
    if sort != Sort::Key {
        // PostgreSQL takes what is not there for greater than all; here it is less.
        sql.push(if query.descending {
            " NULLS LAST, r.\"key\""
        } else {
            " NULLS FIRST, r.\"key\""
        });
    }
}

fn by(sort: Sort) -> String {
    match sort {
        Sort::Key => "r.\"key\"".to_owned(),
        Sort::FirstSeen => "r.first_seen".to_owned(),
        Sort::LastSeen => "r.last_seen".to_owned(),
        Sort::ChangedAt => "r.changed_at".to_owned(),
        Sort::Field(name, kind) => field(name, kind),
    }
}

/// A field, as what the schema says that it holds; `NULL` if it holds something else. The names
/// of fields were checked: letters, digits and `_`. Written exactly like this in the indices, too.
fn field(name: &str, kind: FieldType) -> String {
    let cast = |json: &str, sql: &str| {
        format!(
            "(CASE jsonb_typeof(r.fields -> '{name}') WHEN '{json}' \
             THEN (r.fields ->> '{name}')::{sql} END)"
        )
    };
    match kind {
        FieldType::Text | FieldType::TextList | FieldType::TextSet => {
            format!("((r.fields ->> '{name}') COLLATE \"C\")")
        }
        FieldType::Integer => cast("number", "bigint"),
        FieldType::Boolean => cast("boolean", "boolean"),
    }
}

fn bind(sql: &mut QueryBuilder<Postgres>, value: &Value) {
    match value {
        Value::Boolean(value) => sql.push_bind(*value),
        Value::Integer(value) => sql.push_bind(*value),
        Value::Text(value) => sql.push_bind(value.clone()),
    };
}

struct Writer<'w> {
    sql: &'w mut QueryBuilder<Postgres>,
    schema: &'w Schema,
}

impl Writer<'_> {
    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(inner) => self.joined(inner, " AND ", "true"),
            Filter::Any(inner) => self.joined(inner, " OR ", "false"),
            Filter::Not(inner) => {
                self.sql.push("NOT coalesce(");
                self.filter(inner);
                self.sql.push(", false)");
            }
            Filter::KeyIn(keys) => {
                self.sql.push("r.\"key\" = ANY(").push_bind(keys.clone());
                self.sql.push(")");
            }
            Filter::Has(name) => {
                // What was cleared is a `null` of JSON.
                self.sql.push("jsonb_typeof(r.fields -> ");
                self.sql.push_bind(name.clone()).push(") <> 'null'");
            }
            Filter::Equals(name, value) if self.is_list(name) => {
                self.item(name, std::slice::from_ref(value));
            }
            Filter::Equals(name, value) => self.compared(name, " = ", value),
            Filter::OneOf(name, values) if self.is_list(name) => self.item(name, values),
            Filter::OneOf(name, values) => {
                let field = self.field(name);
                self.sql.push(field).push(" = ANY(");
                self.values(name, values);
                self.sql.push(")");
            }
            Filter::Below(name, value) => self.compared(name, " < ", value),
            Filter::AtLeast(name, value) => self.compared(name, " >= ", value),
            Filter::StartsWith(name, start) => {
                let field = self.field(name);
                // The first half can use an index.
                self.sql.push("(").push(&field).push(" >= ");
                self.sql.push_bind(start.clone());
                self.sql.push(" AND starts_with(").push(&field).push(", ");
                self.sql.push_bind(start.clone()).push("))");
            }
            Filter::EndsWith(name, end) => {
                let field = self.field(name);
                self.sql.push("right(").push(field).push(", length(");
                self.sql.push_bind(end.clone()).push(")) = ");
                self.sql.push_bind(end.clone());
            }
            Filter::RefersTo { model, key, field } => {
                self.sql
                    .push("r.\"key\" IN (SELECT from_key FROM recon.reference WHERE to_model = ");
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
            Filter::FoundIn(collection) => self.id("found_in", *collection.as_uuid()),
            Filter::ChangedIn(collection) => {
                self.sql.push("(");
                self.id("found_in", *collection.as_uuid());
                self.sql.push(" OR ");
                self.id("changed_in", *collection.as_uuid());
                self.sql.push(")");
            }
            Filter::FoundBy(task) => self.id("found_by", *task.as_uuid()),
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
        let field = self.field(name);
        self.sql.push(field).push(with);
        bind(self.sql, value);
    }

    /// Whether one of the list is one of these.
    fn item(&mut self, name: &str, values: &[Value]) {
        self.sql
            .push("(jsonb_typeof(r.fields -> '")
            .push(name)
            .push("') = 'array' AND r.fields -> '")
            .push(name)
            .push("' ?| ");
        self.sql.push_bind(texts(values)).push(")");
    }

    /// As an array of what the field holds; a value of another type was refused before.
    fn values(&mut self, name: &str, values: &[Value]) {
        match self.kind(name) {
            FieldType::Integer => {
                let integers: Vec<i64> = values
                    .iter()
                    .filter_map(|value| match value {
                        Value::Integer(value) => Some(*value),
                        _ => None,
                    })
                    .collect();
                self.sql.push_bind(integers);
            }
            FieldType::Boolean => {
                let booleans: Vec<bool> = values
                    .iter()
                    .filter_map(|value| match value {
                        Value::Boolean(value) => Some(*value),
                        _ => None,
                    })
                    .collect();
                self.sql.push_bind(booleans);
            }
            FieldType::Text | FieldType::TextList | FieldType::TextSet => {
                self.sql.push_bind(texts(values));
            }
        }
    }

    fn since(&mut self, column: &'static str, at: Timestamp) {
        let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        self.sql
            .push("r.")
            .push(column)
            .push(" >= ")
            .push_bind(millis);
    }

    fn id(&mut self, column: &'static str, id: Uuid) {
        self.sql.push("r.").push(column).push(" = ").push_bind(id);
    }

    fn field(&self, name: &str) -> String {
        field(name, self.kind(name))
    }

    /// That the field is declared was checked.
    fn kind(&self, name: &str) -> FieldType {
        self.schema
            .field(name)
            .map_or(FieldType::Text, |field| field.kind)
    }

    fn is_list(&self, name: &str) -> bool {
        self.kind(name).is_list()
    }
}

fn texts(values: &[Value]) -> Vec<String> {
    values
        .iter()
        .filter_map(|value| match value {
            Value::Text(value) => Some(value.clone()),
            _ => None,
        })
        .collect()
}
