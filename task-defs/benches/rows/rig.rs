//! A worker over a store that makes rows when they are read and forgets what is written.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use serde_json::value::RawValue;
use sortie_task_defs::data::OutputFolder;
use task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use task_core::manager::StopHandle;
use task_core::message::{Message, Outcome, ToManager};
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::store::StoreError;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{CollectionId, Payload, Queue, Resources, TaskDefinition, TaskId, WorkerKind};
use transports::memory::{MemoryConfig, MemoryTransport};

pub(crate) struct Rig {
    data: Arc<Made>,
    resources: Arc<Resources>,
}

#[derive(Debug)]
struct Made {
    task: TaskId,
    rows: u32,
    written: AtomicU64,
}

/// A row as a scan might leave it: 120 bytes.
pub(crate) fn row(n: u32) -> String {
    let outcome = ["rules", "empty", "not_found", "timeout"][(n % 4) as usize];
    format!(
        r#"{{"n":{n},"domain":"host-{n}.{}.example.com","outcome":"{outcome}","rules":{},"ports":[22,80,443],"millis":{}}}"#,
        n % 10,
        n % 97,
        n % 1009,
    )
}

impl Rig {
    pub(crate) fn new(rows: u32, folder: &Path) -> Self {
        let task = TaskId::from_uuid(Default::default());
        let made = Made {
            task,
            rows,
            written: AtomicU64::new(0),
        };
        Self {
            data: Arc::new(made),
            resources: Arc::new(Resources::new().with(OutputFolder(folder.to_owned()))),
        }
    }

    /// Rows that were written.
    pub(crate) fn written(&self) -> u64 {
        self.data.written.load(Ordering::Relaxed)
    }

    pub(crate) async fn run<T: TaskDefinition>(&self, task: &T) -> anyhow::Result<()> {
        let runtime = Arc::new(TokioRuntime::new());
        let transport = Arc::new(MemoryTransport::new(
            runtime.clone(),
            MemoryConfig::default(),
        ));
        let worker = StockWorker::new(
            sortie_task_defs::registry(),
            transport.clone(),
            runtime.clone(),
        )
        .with_resources(Arc::clone(&self.resources))
        .with_data(Arc::clone(&self.data) as _);
        let (_stop, stopped) = StopHandle::new();
        let worker = WorkerLoop::new(
            WorkerKind::Internal,
            Arc::new(worker),
            transport.clone(),
            runtime.clone(),
        );
        drop(tokio::spawn(worker.run(stopped)));
        let collection: CollectionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
        let envelope = DispatchTask {
            v: WIRE_VERSION,
            kind: T::KIND.to_owned(),
            kind_version: T::VERSION,
            task_id: collection.task(0),
            collection_id: collection,
            parent_id: collection.container(0),
            ordinal: 0,
            attempt: 1,
            fence: Fence(7),
            start_by: runtime.now().after(Duration::from_secs(60)),
            deadline: None,
            lease: Duration::from_secs(60),
            scope: None,
            trace: String::new(),
            cursor: None,
            payload: Payload::encode(task)?,
        };
        let body = Outgoing::now(envelope.encode().into());
        transport.send(Queue::Internal, vec![body]).await?;
        loop {
            let (wait, visibility) = (Duration::from_secs(20), Duration::from_secs(60));
            let deliveries = transport
                .receive(Queue::Manager, 1, wait, visibility)
                .await?;
            for delivery in deliveries {
                match ToManager::decode(&delivery.body)
                    .context("no message")?
                    .body
                {
                    Message::CompleteTask(complete) => {
                        let done = matches!(complete.outcome, Outcome::Succeeded { .. });
                        anyhow::ensure!(done, "{:?}", complete.outcome);
                        return Ok(());
                    }
                    // Heartbeats.
                    _ => transport.ack(Queue::Manager, &[delivery.receipt]).await?,
                }
            }
        }
    }
}

#[async_trait]
impl DataStore for Made {
    async fn dataset(&self, of: CollectionId, _: &str) -> Result<Option<Dataset>, StoreError> {
        let container = of.container(0);
        Ok(Some(Dataset {
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
        // As a database would, it lets others run.
        tokio::task::yield_now().await;
        let first = after.map_or(0, |key| key.seq + 1);
        let page = (first..self.rows).take(limit).filter_map(|seq| {
            let key = RowKey {
                task: self.task,
                seq,
            };
            let body = Payload::Inline(RawValue::from_string(row(seq)).ok()?);
            Some(DataRow { key, body })
        });
        Ok(page.collect())
    }

    async fn count(&self, _: Dataset) -> Result<u64, StoreError> {
        Ok(self.rows.into())
    }

    async fn write_rows(&self, _: Writer, _: u32, rows: &[Payload]) -> Result<(), StoreError> {
        self.written.fetch_add(rows.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn value(&self, _: CollectionId, _: &str) -> Result<Option<Payload>, StoreError> {
        Ok(None)
    }

    async fn set_value(&self, _: Writer, _: &str, _: &Payload) -> Result<(), StoreError> {
        Ok(())
    }
}
