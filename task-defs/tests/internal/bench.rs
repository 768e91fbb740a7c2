//! A worker on the bench: rows and an envelope in, rows and a completion out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use task_core::manager::StopHandle;
use task_core::message::{CompleteTask, Message, NewChild, Outcome, ToManager};
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::store::StoreError;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{Claim, CollectionId, Payload, Queue, Resources, TaskDefinition, WorkerKind};
use transports::memory::{MemoryConfig, MemoryTransport};
use transports::objects::ObjectStoreObjects;

/// Two data sets, called `rows` and `others`, and what the task wrote.
#[derive(Debug, Default)]
struct Data {
    rows: Vec<Payload>,
    others: Vec<Payload>,
    /// Rows that were given out.
    read: Mutex<usize>,
    written: Mutex<Vec<Payload>>,
}

#[async_trait]
impl DataStore for Data {
    async fn dataset(&self, of: CollectionId, name: &str) -> Result<Option<Dataset>, StoreError> {
        let container = match name {
            "rows" => of.container(0),
            "others" => of.container(1),
            _ => return Ok(None),
        };
        Ok(Some(Dataset {
            container,
            task: None,
        }))
    }

    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        let task = collection().task(9);
        let first = after.map_or(0, |key| key.seq + 1);
        let rows = (first..).zip(self.of(dataset).iter().skip(first as usize));
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

    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError> {
        Ok(self.of(dataset).len() as u64)
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

impl Data {
    fn of(&self, dataset: Dataset) -> &[Payload] {
        if dataset.container == collection().container(0) {
            &self.rows
        } else {
            &self.others
        }
    }
}

/// What came of an envelope.
pub(crate) struct Ended {
    pub(crate) complete: CompleteTask,
    /// The tasks that it created.
    #[cfg_attr(
        not(feature = "scan"),
        expect(dead_code, reason = "generators of scans alone")
    )]
    pub(crate) children: Vec<NewChild>,
    pub(crate) written: Vec<Value>,
    /// The same, as text.
    pub(crate) raw: Vec<String>,
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

/// What a task finds.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) rows: Vec<Payload>,
    pub(crate) others: Vec<Payload>,
    pub(crate) objects: Arc<ObjectStoreObjects>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) scope: Option<Claim>,
    pub(crate) attempt: u32,
    pub(crate) cursor: Option<Payload>,
    /// What is left for the task in all.
    pub(crate) time: Option<Duration>,
}

impl Setup {
    pub(crate) fn new(rows: &[Value]) -> Self {
        Self {
            rows: encode(rows),
            others: Vec::new(),
            objects: Arc::new(ObjectStoreObjects::memory()),
            resources: Arc::default(),
            scope: None,
            attempt: 1,
            cursor: None,
            time: None,
        }
    }

    pub(crate) fn others(mut self, rows: &[Value]) -> Self {
        self.others = encode(rows);
        self
    }

    /// Runs one attempt.
    pub(crate) async fn run<T: TaskDefinition>(&self, task: &T) -> Ended {
        self.run_payload(T::KIND, Payload::encode(task).unwrap())
            .await
    }

    /// Runs attempts with hardly any time each, until one does not hand back a cursor. All that
    /// they wrote is in the last one's end.
    pub(crate) async fn run_in_pieces<T: TaskDefinition>(mut self, task: &T) -> (Ended, u32) {
        // Always less than the margin: a row or a chunk an attempt.
        self.time = Some(Duration::from_secs(3));
        let mut written = Vec::new();
        loop {
            let mut ended = self.run(task).await;
            written.append(&mut ended.written);
            match ended.complete.outcome {
                Outcome::Deadline { cursor, .. } => self.cursor = Some(cursor),
                _ => return (Ended { written, ..ended }, self.attempt),
            }
            self.attempt += 1;
        }
    }

    /// Runs one attempt at a payload that may be anything.
    pub(crate) async fn run_payload(&self, kind: &str, payload: Payload) -> Ended {
        let runtime = Arc::new(TokioRuntime::new());
        let transport = Arc::new(MemoryTransport::new(
            runtime.clone(),
            MemoryConfig::default(),
        ));
        let data = Arc::new(Data {
            rows: self.rows.clone(),
            others: self.others.clone(),
            ..Data::default()
        });
        let worker = StockWorker::new(
            sortie_task_defs::registry(),
            transport.clone(),
            runtime.clone(),
        )
        .with_objects(self.objects.clone())
        .with_resources(self.resources.clone())
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
            kind: kind.to_owned(),
            kind_version: 1,
            task_id: collection().task(0),
            collection_id: collection(),
            parent_id: collection().container(0),
            ordinal: 0,
            attempt: self.attempt,
            fence: Fence(7),
            start_by: now.after(Duration::from_secs(60)),
            deadline: self.time.map(|time| now.after(time)),
            lease: Duration::from_secs(60),
            scope: self.scope.clone(),
            trace: String::new(),
            cursor: self.cursor.clone(),
            payload,
        };
        let body = Outgoing::now(envelope.encode().into());
        transport.send(Queue::Internal, vec![body]).await.unwrap();
        let (children, complete) = told(&transport).await;
        let written = data
            .written
            .lock()
            .unwrap()
            .iter()
            .map(|row| row.decode().unwrap())
            .collect();
        let text = |row: &Payload| match row {
            Payload::Inline(raw) => raw.get().to_owned(),
            Payload::Claim(claim) => panic!("{claim:?}"),
        };
        let raw = data.written.lock().unwrap().iter().map(text).collect();
        let read = *data.read.lock().unwrap();
        Ended {
            complete,
            children,
            written,
            raw,
            read,
        }
    }
}

/// Reads the manager's queue up to the completion.
async fn told(transport: &MemoryTransport) -> (Vec<NewChild>, CompleteTask) {
    let mut children = Vec::new();
    loop {
        let (wait, visibility) = (Duration::from_secs(20), Duration::from_secs(60));
        let queue = Queue::Manager;
        let deliveries = transport.receive(queue, 1, wait, visibility).await.unwrap();
        assert!(!deliveries.is_empty(), "the worker says nothing");
        for delivery in deliveries {
            transport.ack(queue, &[delivery.receipt]).await.unwrap();
            match ToManager::decode(&delivery.body).unwrap().body {
                Message::CreateTasks(create) => children.extend(create.children),
                Message::CompleteTask(complete) => return (children, *complete),
                _ => {}
            }
        }
    }
}

fn encode(rows: &[Value]) -> Vec<Payload> {
    rows.iter()
        .map(|row| Payload::encode(row).unwrap())
        .collect()
}

/// Runs one attempt over `rows`.
pub(crate) async fn run<T: TaskDefinition>(
    task: &T,
    rows: Vec<Payload>,
    objects: Arc<ObjectStoreObjects>,
    cursor: Option<Payload>,
    time: Option<Duration>,
) -> Ended {
    let setup = Setup {
        rows,
        objects,
        cursor,
        time,
        ..Setup::new(&[])
    };
    setup.run(task).await
}

/// Runs a task that needs rows only.
pub(crate) async fn over<T: TaskDefinition>(task: &T, rows: &[Value]) -> Ended {
    Setup::new(rows).run(task).await
}

pub(crate) fn collection() -> CollectionId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}
