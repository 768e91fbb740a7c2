//! Every store keeps every promise of the ports.

#[cfg(feature = "postgres")]
mod server;

use std::sync::Arc;

use sortie_stores::MemoryStore;
#[cfg(feature = "sqlite")]
use sortie_stores::SqliteStore;
use task_core::conformance::recon::Subject;
use task_core::conformance::{recon, store};
use task_core::ports::store::Store;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    store::run_all(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
    recon::run_all(async || Subject::new(MemoryStore::new())).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_in_memory() {
    store::run_all(async || {
        Arc::new(SqliteStore::open_in_memory().await.unwrap()) as Arc<dyn Store>
    })
    .await;
    recon::run_all(async || Subject::new(SqliteStore::open_in_memory().await.unwrap())).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let n = std::sync::atomic::AtomicU32::new(0);
    let open = async || {
        let n = n.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(format!("{n}.db"));
        SqliteStore::open(path).await.unwrap()
    };
    store::run_all(async || Arc::new(open().await) as Arc<dyn Store>).await;
    recon::run_all(async || Subject::new(open().await)).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let Some(database) = server::Database::new().await else {
        return;
    };
    let store = database.store().await;
    let open = async || {
        database.empty().await;
        store.clone()
    };
    store::run_all(async || Arc::new(open().await) as Arc<dyn Store>).await;
    recon::run_all(async || Subject::new(open().await)).await;
}
