//! Every child's rows are there, once, and those of one attempt.

use std::collections::HashMap;

use sortie::core::ports::data::{DataStore as _, RowKey};
use sortie::stores::SqliteStore;

use crate::children::{Row, pauses, rows, writes};
use crate::snapshot::Snapshot;
use crate::workflow::CHILDREN;

pub(crate) async fn every_row_is_there_once(store: &SqliteStore, end: &Snapshot) {
    let id = end.collection.id;
    let mut found: HashMap<u32, Vec<(RowKey, Row)>> = HashMap::new();
    let scan = store.dataset(id, "scan").await.unwrap().unwrap();
    let mut after = None;
    loop {
        let page = store.rows(scan, after, 1000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        for row in page {
            let decoded: Row = row.body.decode().unwrap();
            found
                .entry(decoded.child)
                .or_default()
                .push((row.key, decoded));
        }
    }
    let generator = end.generator();
    for child in 0..CHILDREN {
        let task = &end.tasks[&generator.child(child)];
        let made = found.remove(&child).unwrap_or_default();
        let ats: Vec<u32> = made.iter().map(|(_, row)| row.at).collect();
        let expected: Vec<u32> = (0..rows(child)).collect();
        assert_eq!(ats, expected, "rows of child {child}: {made:?}");
        // Those before the cursor come from one attempt, those behind it from the last one.
        let half = pauses(child).unwrap_or(0);
        let (first, last) = made.split_at(half as usize);
        for (key, row) in first {
            assert_eq!(row.attempt, first[0].1.attempt, "mixed: {made:?}");
            assert!(row.attempt < task.status.attempt, "{made:?}");
            assert_eq!((key.task, key.seq), (task.id, row.at));
        }
        for (key, row) in last {
            assert_eq!(row.attempt, task.status.attempt, "mixed: {made:?}");
            // What the manager writes for a worker stands under the number of the attempt.
            let seq = if writes(child) { row.at } else { row.attempt };
            assert_eq!((key.task, key.seq), (task.id, seq));
        }
    }
    assert!(found.is_empty(), "rows of nobody: {found:?}");
    let read = store.dataset(id, "read").await.unwrap().unwrap();
    assert_eq!(store.count(read).await.unwrap(), 1, "rows of the reader");
}
