//! A worker on the bench: rows and an envelope in, rows and a completion out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use task_core::manager::StopHandle;
use task_core::message::{CompleteTask, Message, Outcome, ToManager};
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::store::StoreError;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{CollectionId, Payload, Queue, TaskDefinition, WorkerKind};
use transports::memory::{MemoryConfig, MemoryTransport};
use transports::objects::ObjectStoreObjects;

/// One data set called `rows`, and what the task wrote.
#[derive(Debug, Default)]
struct Data {
    rows: Vec<Payload>,
    /// Rows that were given out.
    read: Mutex<usize>,
    written: Mutex<Vec<Payload>>,
}

#[async_trait]
impl DataStore for Data {
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
        let rows = (first..).zip(self.rows.iter().skip(first as usize));
        let page: Vec<_> = rows
            .take(limit)
            .map(|(seq, body)| DataRow {
                key: RowKey { task, seq },
                body: body.clone(),
            })
            .collect();
        *self.read.lock().unwrap() += page.len();
        Ok(page)
    }

    async fn count(&self, _: Dataset) -> Result<u64, StoreError> {
        Ok(self.rows.len() as u64)
    }

    async fn write_rows(&self, _: Writer, first: u32, rows: &[Payload]) -> Result<(), StoreError> {
        let mut written = self.written.lock().unwrap();
        written.truncate(first as usize);
        written.extend_from_slice(rows);
        Ok(())
    }

    async fn value(&self, _: CollectionId, _: &str) -> Result<Option<Payload>, StoreError> {
        Ok(None)
    }

    async fn set_value(&self, _: Writer, _: &str, _: &Payload) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What came of an envelope.
pub(crate) struct Ended {
    pub(crate) complete: CompleteTask,
    pub(crate) written: Vec<Value>,
    pub(crate) read: usize,
}

impl Ended {
    pub(crate) fn output(&self) -> Value {
        assert_eq!(self.complete.outcome, Outcome::Succeeded { children: None });
        self.complete.data.as_ref().unwrap().decode().unwrap()
    }

    pub(crate) fn fatal(&self) -> &str {
        match &self.complete.outcome {
            Outcome::Fatal { error } => error,
            other => panic!("{other:?}"),
        }
    }
}

/// Runs one attempt over `rows`.
pub(crate) async fn run<T: TaskDefinition>(
    task: &T,
    rows: Vec<Payload>,
    objects: Arc<ObjectStoreObjects>,
    cursor: Option<Payload>,
    time: Option<Duration>,
) -> Ended {
    let runtime = Arc::new(TokioRuntime::new());
    let transport = Arc::new(MemoryTransport::new(
        runtime.clone(),
        MemoryConfig::default(),
    ));
    let data = Arc::new(Data {
        rows,
        ..Data::default()
    });
    let worker = StockWorker::new(
        sortie_task_defs::registry(),
        transport.clone(),
        runtime.clone(),
    )
    .with_objects(objects)
    .with_data(data.clone());
    let (_stop, stopped) = StopHandle::new();
    let worker = WorkerLoop::new(
        WorkerKind::Internal,
        Arc::new(worker),
        transport.clone(),
        runtime.clone(),
    );
    drop(tokio::spawn(worker.run(stopped)));
    let now = runtime.now();
    let envelope = DispatchTask {
        v: WIRE_VERSION,
        kind: T::KIND.to_owned(),
        kind_version: T::VERSION,
        task_id: collection().task(0),
        collection_id: collection(),
        parent_id: collection().container(0),
        ordinal: 0,
        attempt: 1,
        fence: Fence(7),
        start_by: now.after(Duration::from_secs(60)),
        deadline: time.map(|time| now.after(time)),
        lease: Duration::from_secs(60),
        scope: None,
        trace: String::new(),
        cursor,
        payload: Payload::encode(task).unwrap(),
    };
    let body = Outgoing::now(envelope.encode().into());
    transport.send(Queue::Internal, vec![body]).await.unwrap();
    let (wait, visibility) = (Duration::from_secs(20), Duration::from_secs(60));
    let deliveries = transport
        .receive(Queue::Manager, 1, wait, visibility)
        .await
        .unwrap();
    let Message::CompleteTask(complete) = ToManager::decode(&deliveries[0].body).unwrap().body
    else {
        panic!("no completion")
    };
    let written = data
        .written
        .lock()
        .unwrap()
        .iter()
        .map(|row| row.decode().unwrap())
        .collect();
    let read = *data.read.lock().unwrap();
    Ended {
        complete: *complete,
        written,
        read,
    }
}

/// Runs a task that needs rows only.
pub(crate) async fn over<T: TaskDefinition>(task: &T, rows: &[Value]) -> Ended {
    let rows = rows
        .iter()
        .map(|row| Payload::encode(row).unwrap())
        .collect();
    run(
        task,
        rows,
        Arc::new(ObjectStoreObjects::memory()),
        None,
        None,
    )
    .await
}

pub(crate) fn collection() -> CollectionId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}
