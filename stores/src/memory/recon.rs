//! Recon data. A listing in another order than that of the keys looks at every row of its model.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use task_core::ports::data::PAGE_BYTES;
use task_core::ports::recon::{ReconError, ReconStore};
use task_core::recon::{Change, ModelRow, Observation, Observer, Position, Query, Schema, Sort};
use task_core::time::Timestamp;

use super::MemoryStore;
use super::data::fence;

/// The rows of each model, by key.
pub(super) type Recon = HashMap<&'static str, BTreeMap<String, ModelRow>>;

#[async_trait]
impl ReconStore for MemoryStore {
    async fn observe(
        &self,
        observer: Observer<'_>,
        schema: &Schema,
        at: Timestamp,
        seen: &[Observation],
    ) -> Result<Vec<Change>, ReconError> {
        let mut state = self.state.lock().await;
        fence(&state, observer.writer)?;
        let rows = state.recon.entry(schema.model).or_default();
        // Beside the table, so that nothing is written if one of them is refused.
        let mut touched: HashMap<&str, ModelRow> = HashMap::new();
        let mut changes = Vec::with_capacity(seen.len());
        for seen in seen {
            let key = seen.key.as_str();
            let before = touched.remove(key).or_else(|| rows.get(key).cloned());
            let (row, change) = ModelRow::after(before, schema, observer, at, seen)?;
            touched.insert(key, row);
            changes.push(change);
        }
        for (key, row) in touched {
            rows.insert(key.to_owned(), row);
        }
        Ok(changes)
    }

    async fn list(
        &self,
        schema: &Schema,
        query: &Query,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<ModelRow>, ReconError> {
        let sort = query.check(schema)?;
        let state = self.state.lock().await;
        if sort == Sort::Key {
            let rows = state.recon.get(schema.model);
            return by_key(rows, schema, query, after, limit);
        }
        let mut found = Vec::new();
        for row in state
            .recon
            .get(schema.model)
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            let members = row.members(schema)?;
            if query.admits(row, &members, schema) {
                let position = sort.position(row, &members);
                if after.is_none_or(|after| query.compare(sort, &position, after).is_gt()) {
                    found.push((position, row));
                }
            }
        }
        found.sort_unstable_by(|(a, _), (b, _)| query.compare(sort, a, b));
        let mut page = Page::default();
        for (_, row) in found.into_iter().take(limit) {
            if !page.takes(row) {
                break;
            }
        }
        Ok(page.rows)
    }

    async fn count(&self, schema: &Schema, query: &Query) -> Result<u64, ReconError> {
        query.check(schema)?;
        let state = self.state.lock().await;
        let mut count = 0;
        for row in state
            .recon
            .get(schema.model)
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            count += u64::from(query.admits(row, &row.members(schema)?, schema));
        }
        Ok(count)
    }
}

/// Up to `limit` rows in the order of the keys, or against it.
fn by_key(
    rows: Option<&BTreeMap<String, ModelRow>>,
    schema: &Schema,
    query: &Query,
    after: Option<&Position>,
    limit: usize,
) -> Result<Vec<ModelRow>, ReconError> {
    let Some(rows) = rows else {
        return Ok(Vec::new());
    };
    let end = after.map_or(Unbounded, |after| Excluded(after.key.as_str()));
    let range = if query.descending {
        (Unbounded, end)
    } else {
        (end, Unbounded)
    };
    let mut rows = rows.range::<str, _>(range).map(|(_, row)| row);
    let mut page = Page::default();
    while page.rows.len() < limit
        && let Some(row) = if query.descending {
            rows.next_back()
        } else {
            rows.next()
        }
    {
        if query.admits(row, &row.members(schema)?, schema) && !page.takes(row) {
            break;
        }
    }
    Ok(page.rows)
}

/// Rows, until their bytes are enough.
#[derive(Default)]
struct Page {
    rows: Vec<ModelRow>,
    bytes: usize,
}

impl Page {
    fn takes(&mut self, row: &ModelRow) -> bool {
        self.bytes += row.body.get().len();
        let takes = self.bytes <= PAGE_BYTES || self.rows.is_empty();
        if takes {
            self.rows.push(row.clone());
        }
        takes
    }
}
