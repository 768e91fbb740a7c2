//! Recon data, read and written directly by workers.

mod query;
mod table;

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::value::RawValue;
use sqlx::QueryBuilder;
use sqlx::postgres::{PgRow, Postgres};
use task_core::id::{CollectionId, TaskId};
use task_core::ports::data::PAGE_BYTES;
use task_core::ports::recon::{ReconError, ReconStore};
use task_core::ports::store::StoreError;
use task_core::recon::{
    Change, MAX_KEY_BYTES, ModelRow, Observation, Observer, Position, Query, Reference, Schema,
};
use task_core::time::Timestamp;

use self::table::Table;
use super::PostgresStore;
use super::data::fence;
use super::put::at_most;
use super::rows::Reader;
use super::session::Session;
use crate::text::corrupt;

/// How often a write is tried that finds rows which were not there when it looked.
const TRIES: usize = 10;

#[async_trait]
impl ReconStore for PostgresStore {
    async fn observe(
        &self,
        observer: Observer<'_>,
        schema: &Schema,
        at: Timestamp,
        seen: &[Observation],
    ) -> Result<Vec<Change>, ReconError> {
        schema.check()?;
        // A key that another one is just inserting cannot be locked, only met; then its row is
        // there, and is merged with at the next try.
        for _ in 0..TRIES {
            if let Some(changes) = self.try_observe(observer, schema, at, seen).await? {
                return Ok(changes);
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn list(
        &self,
        schema: &Schema,
        query: &Query,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<ModelRow>, ReconError> {
        schema.check()?;
        let sort = query.check(schema)?;
        let mut sql = QueryBuilder::<Postgres>::new(table::SELECT.as_str());
        query::from_where(&mut sql, schema, query);
        query::behind(&mut sql, query, sort, after);
        query::order(&mut sql, query, sort);
        sql.push(" LIMIT ").push_bind(at_most(limit));
        let mut page = Vec::new();
        let mut bytes = 0;
        self.snapshot_while(sql.build().persistent(false), |row| {
            let row = model_row(row)?;
            bytes += row.body.get().len();
            let fits = bytes <= PAGE_BYTES || page.is_empty();
            if fits {
                page.push(row);
            }
            Ok(fits)
        })
        .await?;
        Ok(page)
    }

    async fn count(&self, schema: &Schema, query: &Query) -> Result<u64, ReconError> {
        schema.check()?;
        query.check(schema)?;
        let mut sql = QueryBuilder::<Postgres>::new("SELECT count(*)");
        query::from_where(&mut sql, schema, query);
        let count = self.snapshot_value(sql.build().persistent(false)).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

impl PostgresStore {
    /// `None` if another one was faster.
    async fn try_observe(
        &self,
        observer: Observer<'_>,
        schema: &Schema,
        at: Timestamp,
        seen: &[Observation],
    ) -> Result<Option<Vec<Change>>, ReconError> {
        let table = Table::of(schema);
        let mut session = self.session().await?;
        fence(&mut session, observer.writer).await?;
        let keys = seen.iter().map(|seen| seen.key.clone()).collect();
        let mut before = HashMap::new();
        for row in &session.rows(table.lock(keys)).await? {
            let row = model_row(row)?;
            before.insert(row.key.clone(), row);
        }
        let mut touched: HashMap<&str, Touched> = HashMap::with_capacity(seen.len());
        let mut changes = Vec::with_capacity(seen.len());
        for seen in seen {
            let key = seen.key.as_str();
            let (row, was) = match touched.remove(key) {
                Some(touched) => (Some(touched.row), Some(touched.effect)),
                None => (before.remove(key), None),
            };
            let new = row.is_none();
            let body = row.as_ref().map(|row| row.body.get().to_owned());
            let (row, change) = ModelRow::after(row, schema, observer, at, seen)?;
            let differs = body.as_deref() != Some(row.body.get());
            let effect = match was {
                _ if new => Effect::New,
                Some(was) if was != Effect::Sight => was,
                _ if differs => Effect::Changed,
                _ => Effect::Sight,
            };
            touched.insert(key, Touched { row, effect });
            changes.push(change);
        }
        let touched: Vec<Touched> = touched.into_values().collect();
        if !write(&mut session, &table, schema, &touched).await? {
            return Ok(None);
        }
        session.commit().await?;
        Ok(Some(changes))
    }
}

/// A row as it is to be, and what that changes.
struct Touched {
    row: ModelRow,
    effect: Effect,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    New,
    Changed,
    Sight,
}

/// Whether all of it could be written.
async fn write(
    session: &mut Session,
    table: &Table,
    schema: &Schema,
    touched: &[Touched],
) -> Result<bool, ReconError> {
    let of = |effect| {
        touched
            .iter()
            .filter(move |touched| touched.effect == effect)
            .map(|touched| &touched.row)
    };
    let new = of(Effect::New).count() as u64;
    if new > 0 && session.execute(table.insert(of(Effect::New))).await? != new {
        return Ok(false);
    }
    if of(Effect::Sight).next().is_some() {
        session.execute(table.see_again(of(Effect::Sight))).await?;
    }
    if of(Effect::Changed).next().is_some() {
        session.execute(table.update(of(Effect::Changed))).await?;
    }
    if schema.fields.iter().any(|field| field.refers_to.is_some()) {
        refer(session, schema, of(Effect::New), false).await?;
        refer(session, schema, of(Effect::Changed), true).await?;
    }
    Ok(true)
}

/// Writes what rows refer to, in place of what they referred to before.
async fn refer<'r>(
    session: &mut Session,
    schema: &Schema,
    rows: impl Iterator<Item = &'r ModelRow>,
    before: bool,
) -> Result<(), ReconError> {
    let mut keys: Vec<String> = Vec::new();
    let mut references: [Vec<String>; 5] = Default::default();
    for row in rows {
        keys.push(row.key.clone());
        for Reference { field, model, key } in row.references(schema)? {
            // No row has such a key.
            if key.len() > MAX_KEY_BYTES {
                continue;
            }
            let reference = [schema.model, &row.key, field, model, &key];
            for (column, text) in references.iter_mut().zip(reference) {
                column.push(text.to_owned());
            }
        }
    }
    if before && !keys.is_empty() {
        let statement = sqlx::query(table::REMOVE_REFERENCES)
            .bind(schema.model)
            .bind(keys);
        session.execute(statement).await?;
    }
    if !references[0].is_empty() {
        let mut statement = table::put_references();
        for column in references {
            statement = statement.bind(column);
        }
        session.execute(statement).await?;
    }
    Ok(())
}

/// A row of [`table::SELECT`].
fn model_row(row: &PgRow) -> Result<ModelRow, StoreError> {
    fn runs<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
        text.parse()
            .map_err(|_| corrupt(format_args!("the runs `{text}`")))
    }
    let mut row = Reader::new(row);
    Ok(ModelRow {
        key: row.get()?,
        body: RawValue::from_string(row.get()?).map_err(corrupt)?,
        first_seen: Timestamp::from_millis(row.int()?),
        last_seen: Timestamp::from_millis(row.int()?),
        changed_at: Timestamp::from_millis(row.int()?),
        found_in: CollectionId::from_uuid(row.get()?),
        found_by: TaskId::from_uuid(row.get()?),
        found_runs: runs(row.get()?)?,
        changed_in: CollectionId::from_uuid(row.get()?),
        changed_by: TaskId::from_uuid(row.get()?),
        changed_runs: runs(row.get()?)?,
    })
}
