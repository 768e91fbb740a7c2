//! Rows, and a database to put them in.

use serde_json::value::RawValue;
use sortie_stores::PostgresStore;
use task_core::id::{CollectionId, TaskId};
use task_core::payload::Payload;
use task_core::policy::{CompletionPolicy, TaskOptions};
use task_core::ports::data::Writer;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Counters, Store as _, Task, TaskHead, TaskStatus, TaskUpdate,
};
use task_core::route::WorkerKind;
use task_core::state::TaskState;
use task_core::time::Timestamp;
use task_core::workflow::{Mode, Role};
use uuid::Uuid;

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn id(n: u64) -> CollectionId {
    CollectionId::from_uuid(Uuid::from_u128(u128::from(n) << 80 | 7))
}

pub(crate) fn collection(n: u64) -> CollectionRow {
    CollectionRow {
        id: id(n),
        name: format!("collection {n}"),
        state: TaskState::Running,
        cancelled: false,
        scope: None,
        created_at: at(n),
        deadline_at: None,
        finished_at: None,
    }
}

pub(crate) fn container(n: u64) -> ContainerRow {
    ContainerRow {
        id: id(n).container(0),
        collection: id(n),
        parent: None,
        position: 0,
        name: None,
        mode: Mode::Parallel,
        arm: None,
        generator: None,
        policy: CompletionPolicy::ALL,
        max_in_flight: 1,
        state: TaskState::Running,
        chosen: None,
        cursor: 0,
        expected: None,
        children: Counters::default(),
        targets: 0,
        outcomes: task_core::Coverage::new(),
        usage: task_core::Usage::default(),
        cut_off_at: None,
        started_at: None,
        finished_at: None,
    }
}

pub(crate) fn json(text: &str) -> Payload {
    Payload::Inline(RawValue::from_string(text.to_owned()).unwrap())
}

pub(crate) fn task(n: u64, index: u32) -> Task {
    Task {
        head: TaskHead {
            id: id(n).task(index),
            collection: id(n),
            container: id(n).container(0),
            role: Role::Plain,
            ordinal: index,
            kind: "test.task".into(),
            route: WorkerKind::Internal,
            targets: 1,
            options: TaskOptions::default(),
            status: running(1),
        },
        name: None,
        version: 1,
        payload: json("{}"),
    }
}

pub(crate) fn running(attempt: u32) -> TaskStatus {
    TaskStatus {
        state: TaskState::Running,
        attempt,
        due_at: Some(at(1_000_000)),
        ..TaskStatus::NEW
    }
}

pub(crate) fn writer(task: &Task, attempt: u32) -> Writer {
    Writer {
        collection: task.head.collection,
        container: task.head.container,
        task: task.head.id,
        attempt,
    }
}

pub(crate) async fn insert(store: &PostgresStore, n: u64) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_collections(&[collection(n)]).await.unwrap();
    tx.insert_containers(&[container(n)]).await.unwrap();
    tx.insert_tasks(&[task(n, 0), task(n, 1)]).await.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) async fn update(store: &PostgresStore, task: TaskId, status: TaskStatus) {
    let mut tx = store.begin().await.unwrap();
    let update = TaskUpdate { id: task, status };
    tx.update_tasks(&[update]).await.unwrap();
    tx.commit().await.unwrap();
}

macro_rules! database {
    () => {
        match crate::server::Database::new().await {
            Some(database) => database,
            None => return,
        }
    };
}
