//! What a scan has written down at one moment, read from a copy of its state.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sortie::robots::{RobotsChunk, RobotsRecord, SCAN};
use stores::SqliteStore;
use task_core::ports::data::DataStore as _;
use task_core::ports::store::Store as _;
use transports::objects::ObjectStoreObjects;

use crate::support::Place;

/// The records of all tasks that have ended, by domain.
pub(crate) type Done = BTreeMap<String, RobotsRecord>;

/// What is done, as far as it survives SIGKILL at this moment. The database and its log are copied
/// first: whoever closes the original would tidy it up, and nothing would be left to recover.
pub(crate) fn done(place: &Place) -> Done {
    let copy = tempfile::tempdir().unwrap();
    for file in ["state.sqlite", "state.sqlite-wal"] {
        let from = place.path("out/state").join(file);
        if std::fs::copy(from, copy.path().join(file)).is_err() {
            return Done::new(); // it has only begun
        }
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(read(copy.path(), &place.path("out/state/objects")))
}

async fn read(copy: &Path, objects: &Path) -> Done {
    let mut done = Done::new();
    let store = SqliteStore::open(copy.join("state.sqlite")).await.unwrap();
    let objects = Arc::new(ObjectStoreObjects::local(objects).unwrap());
    let Some(run) = store.collections(1).await.unwrap().pop() else {
        return done;
    };
    let scans = store.dataset(run.id, SCAN).await.unwrap().unwrap();
    let mut after = None;
    loop {
        let page = store.rows(scans, after, 1000).await.unwrap();
        let Some(last) = page.last() else {
            return done;
        };
        after = Some(last.key);
        for row in page {
            let json = row.body.resolve(1 << 30, Some(&*objects)).await.unwrap();
            let chunk: RobotsChunk = serde_json::from_str(json.get()).unwrap();
            done.extend(chunk.records.into_iter().map(|r| (r.domain.clone(), r)));
        }
    }
}
