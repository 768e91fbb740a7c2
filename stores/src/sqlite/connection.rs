//! Connections, transactions on them, and the few ways in which statements are run.

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::Sqlite;
use sqlx::{Executor as _, SqliteConnection};
use task_core::ports::store::StoreError;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;

use super::SqliteStore;
use super::error::store_error;
use super::pack::Pack;

/// The connection that writes.
pub(super) struct Writer {
    conn: SqliteConnection,
    /// A transaction may be open. Set before it is opened, so that it is true even if the future
    /// that opens or ends it is dropped half-way.
    open: bool,
}

impl Writer {
    pub(super) fn new(conn: SqliteConnection) -> Self {
        Self { conn, open: false }
    }

    /// Undoes what may be open.
    async fn reset(&mut self) -> Result<(), StoreError> {
        if self.open {
            // Fails if there was nothing to undo, which is fine; a broken connection shows in
            // the next statement.
            let _ = self.conn.execute("ROLLBACK").await;
            self.open = false;
        }
        Ok(())
    }
}

/// A transaction that writes. Undone when dropped.
pub(super) struct Transaction {
    /// None only while it is dropped.
    writer: Option<OwnedMutexGuard<Writer>>,
}

impl Transaction {
    pub(super) fn conn(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match &mut self.writer {
            Some(writer) => Ok(&mut writer.conn),
            None => Err(StoreError::Backend("the transaction is over".into())),
        }
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.conn()?.execute("COMMIT").await.map_err(store_error)?;
        if let Some(writer) = &mut self.writer {
            writer.open = false;
        }
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take().filter(|writer| writer.open) else {
            return;
        };
        // At once if possible, so that other processes need not wait; before the next use of the
        // connection in any case.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { writer.reset().await });
        }
    }
}

/// A connection that reads.
pub(super) enum Reader {
    Pooled(PoolConnection<Sqlite>),
    Only(OwnedMutexGuard<Writer>),
}

impl Reader {
    pub(super) fn conn(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Pooled(conn) => conn,
            Self::Only(writer) => &mut writer.conn,
        }
    }
}

impl SqliteStore {
    pub(super) async fn transaction(&self) -> Result<Transaction, StoreError> {
        let mut writer = self.lock().await?;
        writer.open = true;
        let mut transaction = Transaction {
            writer: Some(writer),
        };
        // Immediate: to begin as a reader and become a writer can fail half-way.
        transaction
            .conn()?
            .execute("BEGIN IMMEDIATE")
            .await
            .map_err(store_error)?;
        Ok(transaction)
    }

    pub(super) async fn reader(&self) -> Result<Reader, StoreError> {
        match &self.readers {
            Some(pool) => Ok(Reader::Pooled(pool.acquire().await.map_err(store_error)?)),
            None => Ok(Reader::Only(self.lock().await?)),
        }
    }

    async fn lock(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        writer.reset().await?;
        Ok(writer)
    }
}

/// Runs `sql` for `rows`, as few times as they need.
pub(super) async fn run<T: Sync>(
    conn: &mut SqliteConnection,
    sql: &'static str,
    rows: impl IntoIterator<Item = T> + Send,
    put: impl Fn(&mut Pack, T) -> Result<(), StoreError> + Send,
) -> Result<(), StoreError> {
    for pack in packs(rows, put)? {
        bind(sql, pack)
            .execute(&mut *conn)
            .await
            .map_err(store_error)?;
    }
    Ok(())
}

/// Runs `sql` for `rows` that have what is in `shared` in common.
pub(super) async fn run_alike<T>(
    conn: &mut SqliteConnection,
    sql: &'static str,
    shared: Pack,
    rows: impl IntoIterator<Item = T> + Send,
    put: impl Fn(&mut Pack, T) -> Result<(), StoreError> + Send,
) -> Result<(), StoreError> {
    let (records, heap) = (Arc::new(shared.records), Arc::new(shared.heap));
    for pack in packs(rows, put)? {
        let query = bind(sql, pack)
            .bind(Arc::clone(&records))
            .bind(Arc::clone(&heap));
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    Ok(())
}

/// Runs `sql`, which returns one JSON array, for `ids`, as few times as they need.
pub(super) async fn arrays<'i>(
    conn: &mut SqliteConnection,
    sql: &'static str,
    ids: impl IntoIterator<Item = &'i [u8; 16]> + Send,
) -> Result<Vec<String>, StoreError> {
    let mut arrays = Vec::new();
    for pack in packs(ids, |pack, id| {
        pack.id(id);
        Ok(())
    })? {
        let row = bind(sql, pack)
            .fetch_one(&mut *conn)
            .await
            .map_err(store_error)?;
        arrays.push(sqlx::Row::try_get(&row, 0).map_err(store_error)?);
    }
    Ok(arrays)
}

/// The query with the pack in its first three parameters.
pub(super) fn bind(
    sql: &'static str,
    pack: Pack,
) -> sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments> {
    let rows = i64::try_from(pack.rows).unwrap_or(i64::MAX);
    sqlx::query(sql)
        .bind(pack.records)
        .bind(pack.heap)
        .bind(rows)
}

/// All of `rows` in as few packs as can be.
pub(super) fn packs<T>(
    rows: impl IntoIterator<Item = T>,
    put: impl Fn(&mut Pack, T) -> Result<(), StoreError>,
) -> Result<Vec<Pack>, StoreError> {
    let mut packs: Vec<Pack> = Vec::new();
    for row in rows {
        let pack = match packs.last_mut() {
            Some(pack) if !pack.is_full() => pack,
            _ => packs.push_mut(Pack::default()),
        };
        put(pack, row)?;
        pack.rows += 1;
    }
    Ok(packs)
}
