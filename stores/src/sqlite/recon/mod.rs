//! Recon data, read and written directly by workers.

mod query;
mod table;

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};
use task_core::id::{CollectionId, TaskId};
use task_core::ports::data::PAGE_BYTES;
use task_core::ports::recon::{ReconError, ReconStore};
use task_core::ports::store::StoreError;
use task_core::recon::{
    Change, ModelRow, Observation, Observer, Position, Query, Reference, Schema,
};
use task_core::time::Timestamp;
use uuid::Uuid;

use self::table::Table;
use super::SqliteStore;
use super::connection::run;
use super::data::fence;
use super::error::store_error;
use super::pack::Pack;
use super::read::at_most;
use crate::text::corrupt;

#[async_trait]
impl ReconStore for SqliteStore {
    async fn observe(
        &self,
        observer: Observer<'_>,
        schema: &Schema,
        at: Timestamp,
        seen: &[Observation],
    ) -> Result<Vec<Change>, ReconError> {
        schema.check()?;
        let table = Table::of(schema);
        let mut transaction = self.transaction().await?;
        let conn = transaction.conn()?;
        fence(conn, observer.writer).await?;
        let keys = seen.iter().map(|seen| seen.key.as_str());
        let mut before = known(conn, &table, keys).await?;
        let mut touched: HashMap<&str, Touched> = HashMap::with_capacity(seen.len());
        let mut changes = Vec::with_capacity(seen.len());
        for seen in seen {
            let key = seen.key.as_str();
            let (row, other) = match touched.remove(key) {
                Some(touched) => (Some(touched.row), touched.differs),
                None => (before.remove(key), false),
            };
            let body = row.as_ref().map(|row| row.body.get().to_owned());
            let (row, change) = ModelRow::after(row, schema, observer, at, seen)?;
            let differs = other || body.as_deref() != Some(row.body.get());
            touched.insert(key, Touched { row, differs });
            changes.push(change);
        }
        write(conn, &table, schema, touched.into_values().collect()).await?;
        transaction.commit().await?;
        Ok(changes)
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
        let mut sql = QueryBuilder::<Sqlite>::new(table::SELECT);
        query::from_where(&mut sql, schema, query);
        query::behind(&mut sql, query, sort, after);
        query::order(&mut sql, query, sort);
        sql.push(" LIMIT ").push_bind(at_most(limit));
        let mut reader = self.reader().await?;
        let mut found = sql.build().fetch(reader.conn());
        let mut page = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.try_next().await.map_err(store_error)? {
            let row = model_row(&row)?;
            bytes += row.body.get().len();
            if bytes > PAGE_BYTES && !page.is_empty() {
                break;
            }
            page.push(row);
        }
        Ok(page)
    }

    async fn count(&self, schema: &Schema, query: &Query) -> Result<u64, ReconError> {
        schema.check()?;
        query.check(schema)?;
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT count(*)");
        query::from_where(&mut sql, schema, query);
        let count: i64 = sql
            .build_query_scalar()
            .fetch_one(self.reader().await?.conn())
            .await
            .map_err(store_error)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// A row as it is to be, and whether its body is another one.
struct Touched {
    row: ModelRow,
    differs: bool,
}

/// The rows that are there with these keys.
async fn known<'k>(
    conn: &mut SqliteConnection,
    table: &Table,
    keys: impl Iterator<Item = &'k str>,
) -> Result<HashMap<String, ModelRow>, StoreError> {
    let keys = json_array(keys)?;
    let found = sqlx::query(table.by_keys())
        .bind(table.model)
        .bind(keys)
        .fetch_all(conn)
        .await
        .map_err(store_error)?;
    let mut rows = HashMap::with_capacity(found.len());
    for row in &found {
        let row = model_row(row)?;
        rows.insert(row.key.clone(), row);
    }
    Ok(rows)
}

async fn write(
    conn: &mut SqliteConnection,
    table: &Table,
    schema: &Schema,
    mut touched: Vec<Touched>,
) -> Result<(), ReconError> {
    // In the order of the table, so that pages are written where they were written last.
    touched.sort_unstable_by(|a, b| a.row.key.cmp(&b.row.key));
    let again = touched.iter().filter(|touched| !touched.differs);
    run(&mut *conn, table.see_again(), again, |pack, touched| {
        sight(pack, table.model, &touched.row);
        Ok(())
    })
    .await?;
    touched.retain(|touched| touched.differs);
    run(&mut *conn, table.replace(), &touched, |pack, touched| {
        if table.is_shared() {
            pack.text(table.model);
        }
        put(pack, &touched.row);
        Ok(())
    })
    .await?;
    let refers = schema.fields.iter().any(|field| field.refers_to.is_some());
    if touched.is_empty() || !refers {
        return Ok(());
    }
    let mut references: Vec<(&str, Reference)> = Vec::new();
    for Touched { row, .. } in &touched {
        let of_row = row.references(schema)?;
        references.extend(of_row.into_iter().map(|to| (row.key.as_str(), to)));
    }
    let keys = json_array(touched.iter().map(|touched| touched.row.key.as_str()))?;
    sqlx::query(
        "DELETE FROM recon_reference \
         WHERE from_model = ?1 AND from_key IN (SELECT value FROM json_each(?2))",
    )
    .bind(schema.model)
    .bind(keys)
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    run(
        conn,
        table::put_references(),
        &references,
        |pack, (key, to)| {
            for text in [schema.model, key, to.field, to.model, &to.key] {
                pack.text(text);
            }
            Ok(())
        },
    )
    .await?;
    Ok(())
}

fn sight(pack: &mut Pack, model: &str, row: &ModelRow) {
    pack.text(model);
    pack.text(&row.key);
    pack.int(row.first_seen.as_millis());
    pack.int(row.last_seen.as_millis());
    pack.text(&row.found_runs.to_string());
    pack.text(&row.changed_runs.to_string());
}

fn put(pack: &mut Pack, row: &ModelRow) {
    pack.text(&row.key);
    pack.text(row.body.get());
    for at in [row.first_seen, row.last_seen, row.changed_at] {
        pack.int(at.as_millis());
    }
    pack.id(row.found_in.as_bytes());
    pack.id(row.found_by.as_bytes());
    pack.text(&row.found_runs.to_string());
    pack.id(row.changed_in.as_bytes());
    pack.id(row.changed_by.as_bytes());
    pack.text(&row.changed_runs.to_string());
}

/// A row of [`table::SELECT`].
fn model_row(row: &SqliteRow) -> Result<ModelRow, StoreError> {
    let time = |column| {
        let millis: i64 = row.try_get(column).map_err(store_error)?;
        let millis =
            u64::try_from(millis).map_err(|_| corrupt(format_args!("the time {millis}")))?;
        Ok::<_, StoreError>(Timestamp::from_millis(millis))
    };
    let id = |column| row.try_get::<Uuid, _>(column).map_err(store_error);
    let body: String = row.try_get(1).map_err(store_error)?;
    let runs = |column| {
        let runs: &str = row.try_get(column).map_err(store_error)?;
        runs.parse()
            .map_err(|_| corrupt(format_args!("the runs `{runs}`")))
    };
    Ok(ModelRow {
        key: row.try_get(0).map_err(store_error)?,
        body: serde_json::value::RawValue::from_string(body).map_err(corrupt)?,
        first_seen: time(2)?,
        last_seen: time(3)?,
        changed_at: time(4)?,
        found_in: CollectionId::from_uuid(id(5)?),
        found_by: TaskId::from_uuid(id(6)?),
        found_runs: runs(7)?,
        changed_in: CollectionId::from_uuid(id(8)?),
        changed_by: TaskId::from_uuid(id(9)?),
        changed_runs: runs(10)?,
    })
}

fn json_array<'k>(keys: impl Iterator<Item = &'k str>) -> Result<String, StoreError> {
    let keys: Vec<&str> = keys.collect();
    serde_json::to_string(&keys).map_err(|error| StoreError::Refused(error.to_string()))
}
