//! Rows to work with, and short forms of what every check does.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::id::{CollectionId, ContainerId, MessageId, TaskId};
use crate::ledger::{Coverage, Usage};
use crate::payload::{Claim, Payload};
use crate::policy::{CompletionPolicy, Enough, Limits, RetryPolicy, TaskOptions};
use crate::ports::data::Writer;
use crate::ports::store::{
    CollectionRow, ContainerRow, Counters, Store, StoreTx, Task, TaskHead, TaskStatus, TaskUpdate,
};
use crate::route::WorkerKind;
use crate::state::TaskState;
use crate::time::Timestamp;
use crate::workflow::{Arm, Mode, Role};

/// A moment, `millis` after the first.
pub(in crate::conformance) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

/// The `n`-th collection's id; they sort by `n`.
pub(in crate::conformance) fn collection_id(n: u32) -> CollectionId {
    let time = u128::from(at(u64::from(n)).as_millis());
    CollectionId::from_uuid(Uuid::from_u128(
        (time << 80) | (0x7000_8000 << 48) | u128::from(n),
    ))
}

/// The `n`-th message's id.
pub(super) fn message_id(n: u32) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128((1 << 100) + u128::from(n)))
}

/// Inline JSON.
pub(super) fn json(text: &str) -> Payload {
    Payload::Inline(RawValue::from_string(text.to_owned()).expect("the suite's JSON is JSON"))
}

/// A claim.
pub(super) fn claim(key: &str) -> Claim {
    Claim {
        key: key.to_owned(),
        len: 1 << 33,
        sha256: "ab".repeat(32),
    }
}

/// A running collection with everything set.
pub(in crate::conformance) fn collection(n: u32) -> CollectionRow {
    CollectionRow {
        id: collection_id(n),
        name: format!("collection {n}"),
        state: TaskState::Running,
        cancelled: false,
        scope: Some(claim("scope/1")),
        created_at: at(u64::from(n)),
        deadline_at: Some(at(9000)),
        finished_at: None,
    }
}

/// A plain, pending container.
pub(in crate::conformance) fn container(collection: CollectionId, index: u32) -> ContainerRow {
    ContainerRow {
        id: collection.container(index),
        collection,
        parent: (index > 0).then(|| collection.container(0)),
        position: index,
        name: None,
        mode: Mode::Parallel,
        arm: None,
        generator: None,
        policy: CompletionPolicy::ALL,
        max_in_flight: 100,
        state: TaskState::Pending,
        chosen: None,
        cursor: 0,
        expected: None,
        children: Counters::default(),
        targets: 0,
        outcomes: Coverage::new(),
        usage: Usage::default(),
        cut_off_at: None,
        started_at: None,
        finished_at: None,
    }
}

/// A container in which nothing is as in [`container`].
pub(super) fn full_container(collection: CollectionId, index: u32) -> ContainerRow {
    ContainerRow {
        name: Some(format!("container {index}").into()),
        mode: Mode::Sequential,
        arm: Some(Arm::Else),
        generator: Some(collection.task(index)),
        policy: CompletionPolicy::enough(Enough::PerMille(997)).cut_off(Duration::from_secs(60)),
        max_in_flight: u32::MAX,
        state: TaskState::Running,
        chosen: Some(Arm::Then),
        cursor: 7,
        expected: Some(1000),
        children: Counters {
            created: 36,
            waiting: 1,
            running: 2,
            succeeded: 3,
            partial: 4,
            failed: 5,
            timeout: 6,
            disabled: 15,
        },
        targets: 12,
        outcomes: [("responded", 3), ("timeout", 9)].into_iter().collect(),
        usage: Usage {
            wall_ms: 1,
            bytes_in: 2,
            bytes_out: 3,
        },
        cut_off_at: Some(at(500)),
        started_at: Some(at(1)),
        finished_at: Some(at(2)),
        ..container(collection, index)
    }
}

/// A plain child of a container, made by its generator.
pub(in crate::conformance) fn child(container: &ContainerRow, ordinal: u32) -> Task {
    let generator = container
        .generator
        .unwrap_or_else(|| container.collection.task(1000));
    Task {
        head: TaskHead {
            id: generator.child(ordinal),
            collection: container.collection,
            container: container.id,
            role: Role::Plain,
            ordinal,
            kind: "suite.child".into(),
            route: WorkerKind::External,
            targets: 3,
            options: TaskOptions::default(),
            status: TaskStatus::NEW,
        },
        name: None,
        version: 1,
        payload: json(&format!("{{\"n\": {ordinal}}}")),
    }
}

/// A child in which nothing is as in [`child`].
pub(super) fn full_child(container: &ContainerRow, ordinal: u32) -> Task {
    let mut task = child(container, ordinal);
    task.head.role = Role::Decider;
    task.head.kind = "suite.full".into();
    task.head.route = WorkerKind::BareMetal;
    task.head.targets = 0;
    task.head.options = TaskOptions {
        retry: RetryPolicy::NEVER,
        limits: Limits {
            total: Some(Duration::from_millis(77)),
            ..Limits::DEFAULT
        },
    };
    task.head.status = full_status(TaskState::Running);
    task.name = Some(format!("task {ordinal}").into());
    task.version = 9;
    task.payload = Payload::Claim(claim("payload/1"));
    task
}

/// The generator of a container.
pub(super) fn generator(container: &ContainerRow) -> Task {
    let mut task = child(container, 0);
    task.head.id = container
        .generator
        .unwrap_or_else(|| container.collection.task(1000));
    task.head.role = Role::Generator;
    task
}

/// A status in which nothing is as in [`TaskStatus::NEW`], but perhaps the state.
pub(super) fn full_status(state: TaskState) -> TaskStatus {
    TaskStatus {
        state,
        attempt: 4,
        failures: 3,
        accounted: 2,
        due_at: Some(at(100)),
        give_up_at: Some(at(200)),
        cursor: Some(json("[1, 2]")),
        error: Some("it broke".to_owned()),
    }
}

/// The status of a task that was dispatched.
pub(in crate::conformance) fn running(attempt: u32, due_at: u64) -> TaskStatus {
    TaskStatus {
        state: TaskState::Running,
        attempt,
        due_at: Some(at(due_at)),
        ..TaskStatus::NEW
    }
}

/// The update that gives a task this status.
pub(in crate::conformance) fn becomes(task: &Task, status: TaskStatus) -> TaskUpdate {
    TaskUpdate {
        id: task.head.id,
        status,
    }
}

/// A task in an attempt.
pub(in crate::conformance) fn writer(task: &Task, attempt: u32) -> Writer {
    Writer {
        collection: task.head.collection,
        container: task.head.container,
        task: task.head.id,
        attempt,
    }
}

/// Opens a transaction.
pub(in crate::conformance) async fn begin(store: &dyn Store) -> Box<dyn StoreTx> {
    store.begin().await.expect("a transaction opens")
}

/// Commits it.
pub(in crate::conformance) async fn commit(tx: Box<dyn StoreTx>) {
    tx.commit().await.expect("a transaction commits");
}

/// Collection 1 with one container and these tasks, committed.
pub(in crate::conformance) async fn seed(
    store: &dyn Store,
    container: &ContainerRow,
    tasks: &[Task],
) {
    let mut tx = begin(store).await;
    tx.insert_collections(&[collection(1)])
        .await
        .expect("a collection is inserted");
    tx.insert_containers(std::slice::from_ref(container))
        .await
        .expect("a container is inserted");
    tx.insert_tasks(tasks).await.expect("tasks are inserted");
    commit(tx).await;
}

/// Tasks by id, sorted, as their own transaction sees them.
pub(super) async fn tasks(tx: &mut dyn StoreTx, ids: &[TaskId]) -> Vec<Task> {
    let mut tasks = tx.tasks(ids).await.expect("tasks are read");
    tasks.sort_by_key(|task| task.head.id);
    tasks
}

/// The ids of tasks.
pub(super) fn ids<'t>(tasks: impl IntoIterator<Item = &'t Task>) -> Vec<TaskId> {
    tasks.into_iter().map(|task| task.head.id).collect()
}

/// One container, as a transaction of its own sees it.
pub(super) async fn read_container(store: &dyn Store, id: ContainerId) -> ContainerRow {
    let mut tx = begin(store).await;
    let mut rows = tx.containers(&[id]).await.expect("containers are read");
    assert_eq!(rows.len(), 1, "the container is there, once");
    rows.remove(0)
}

/// A name.
pub(super) fn name(text: &str) -> Option<Arc<str>> {
    Some(text.into())
}
