//! Recon data. A listing looks at every row of its model, whatever it asks for.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use task_core::ports::data::PAGE_BYTES;
use task_core::ports::recon::{ReconError, ReconStore};
use task_core::recon::{Change, ModelRow, Observation, Observer, Position, Query, Schema};
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
        let mut bytes = 0;
        let mut page = Vec::new();
        for (_, row) in found.into_iter().take(limit) {
            bytes += row.body.get().len();
            if bytes > PAGE_BYTES && !page.is_empty() {
                break;
            }
            page.push(row.clone());
        }
        Ok(page)
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
