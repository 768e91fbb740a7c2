//! A data store of one data set, called `rows`.

use async_trait::async_trait;
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::store::StoreError;
use task_core::{CollectionId, Payload};

use crate::bench::collection;

#[derive(Debug, Default)]
pub(crate) struct Rows(pub(crate) Vec<Payload>);

#[async_trait]
impl DataStore for Rows {
    async fn dataset(&self, of: CollectionId, name: &str) -> Result<Option<Dataset>, StoreError> {
        let container = of.container(0);
        Ok((name == "rows").then_some(Dataset {
            container,
            task: None,
        }))
    }

    async fn rows(
        &self,
        _: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        let task = collection().task(9);
        let first = after.map_or(0, |key| key.seq + 1);
        let rows = (first..).zip(self.0.iter().skip(first as usize));
        let page = rows.take(limit).map(|(seq, body)| DataRow {
            key: RowKey { task, seq },
            body: body.clone(),
        });
        Ok(page.collect())
    }

    async fn count(&self, _: Dataset) -> Result<u64, StoreError> {
        Ok(self.0.len() as u64)
    }

    async fn write_rows(&self, _: Writer, _: u32, _: &[Payload]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn value(&self, _: CollectionId, _: &str) -> Result<Option<Payload>, StoreError> {
        Ok(None)
    }

    async fn set_value(&self, _: Writer, _: &str, _: &Payload) -> Result<(), StoreError> {
        Ok(())
    }
}
