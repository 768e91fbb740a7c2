//! Rows on their way out of the database. Statements return one JSON array of all their rows:
//! handing rows over one by one costs three times what finding them costs.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use task_core::id::{CollectionId, ContainerId, TaskId};
use task_core::ledger::Coverage;
use task_core::policy::TaskOptions;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Counters, OutboxRow, StoreError, Task, TaskHead, TaskStatus,
    Trouble,
};
use task_core::time::Timestamp;
use uuid::Uuid;

use crate::codes::Code;
use crate::text::{corrupt, parse, parse_or_default, payload};

/// Decodes the JSON array that a statement returned.
pub(super) fn list<'a, T: Deserialize<'a>>(json: &'a str) -> Result<Vec<T>, StoreError> {
    serde_json::from_str(json).map_err(|error| corrupt(format_args!("a row: {error}")))
}

/// An id, 32 hexadecimal digits.
#[derive(Clone, Copy)]
pub(super) struct Hex(Uuid);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = <&str>::deserialize(deserializer)?;
        Uuid::try_parse(digits)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
pub(super) struct Collection(
    Hex,
    String,
    u64,
    u64,
    Option<String>,
    u64,
    Option<u64>,
    Option<u64>,
);

impl Collection {
    pub(super) fn row(self) -> Result<CollectionRow, StoreError> {
        let Self(id, name, state, cancelled, scope, created_at, deadline_at, finished_at) = self;
        Ok(CollectionRow {
            id: CollectionId::from_uuid(id.0),
            name,
            state: Code::of(state)?,
            cancelled: cancelled != 0,
            scope: scope.map(|scope| parse(&scope, "a scope")).transpose()?,
            created_at: Timestamp::from_millis(created_at),
            deadline_at: time(deadline_at),
            finished_at: time(finished_at),
        })
    }
}

/// The columns of a container, in their order.
#[derive(Deserialize)]
pub(super) struct Container {
    id: Hex,
    collection: Hex,
    parent: Option<Hex>,
    position: u32,
    name: Option<Arc<str>>,
    mode: u64,
    arm: Option<u64>,
    generator: Option<Hex>,
    policy: Option<String>,
    max_in_flight: u32,
    state: u64,
    chosen: Option<u64>,
    cursor: u32,
    expected: Option<u64>,
    created: u64,
    waiting: u64,
    running: u64,
    succeeded: u64,
    partial: u64,
    failed: u64,
    timeout: u64,
    disabled: u64,
    targets: u64,
    outcomes: Option<String>,
    usage: Option<String>,
    cut_off_at: Option<u64>,
    started_at: Option<u64>,
    finished_at: Option<u64>,
}

impl Container {
    pub(super) fn row(self) -> Result<ContainerRow, StoreError> {
        Ok(ContainerRow {
            id: ContainerId::from_uuid(self.id.0),
            collection: CollectionId::from_uuid(self.collection.0),
            parent: self.parent.map(|id| ContainerId::from_uuid(id.0)),
            position: self.position,
            name: self.name,
            mode: Code::of(self.mode)?,
            arm: self.arm.map(Code::of).transpose()?,
            generator: self.generator.map(|id| TaskId::from_uuid(id.0)),
            policy: parse_or_default(self.policy.as_deref(), "a policy")?,
            max_in_flight: self.max_in_flight,
            state: Code::of(self.state)?,
            chosen: self.chosen.map(Code::of).transpose()?,
            cursor: self.cursor,
            expected: self.expected,
            children: Counters {
                created: self.created,
                waiting: self.waiting,
                running: self.running,
                succeeded: self.succeeded,
                partial: self.partial,
                failed: self.failed,
                timeout: self.timeout,
                disabled: self.disabled,
            },
            targets: self.targets,
            outcomes: parse_or_default::<Coverage>(self.outcomes.as_deref(), "outcomes")?,
            usage: parse_or_default(self.usage.as_deref(), "a usage")?,
            cut_off_at: time(self.cut_off_at),
            started_at: time(self.started_at),
            finished_at: time(self.finished_at),
        })
    }
}

/// The columns of a task's head, in their order.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    id: Hex,
    collection: Hex,
    container: Hex,
    role: u64,
    ordinal: u32,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    route: u64,
    targets: u64,
    options: Option<String>,
    state: u64,
    attempt: u32,
    failures: u32,
    accounted: u64,
    due_at: Option<u64>,
    give_up_at: Option<u64>,
    cursor: Option<String>,
    error: Option<String>,
}

/// A task: its head and its body.
#[derive(Deserialize)]
pub(super) struct Whole<'a>(#[serde(borrow)] Head<'a>, Body);

#[derive(Deserialize)]
struct Body(Option<Arc<str>>, u32, String);

/// What neighbouring rows nearly always have in common, decoded once.
#[derive(Default)]
pub(super) struct Shared {
    kind: Option<Arc<str>>,
    options: Option<(String, TaskOptions)>,
}

impl Shared {
    pub(super) fn head(&mut self, row: Head<'_>) -> Result<TaskHead, StoreError> {
        Ok(TaskHead {
            id: TaskId::from_uuid(row.id.0),
            collection: CollectionId::from_uuid(row.collection.0),
            container: ContainerId::from_uuid(row.container.0),
            role: Code::of(row.role)?,
            ordinal: row.ordinal,
            kind: self.kind(&row.kind),
            route: Code::of(row.route)?,
            targets: row.targets,
            options: self.options(row.options)?,
            status: TaskStatus {
                state: Code::of(row.state)?,
                attempt: row.attempt,
                failures: row.failures,
                accounted: row.accounted,
                due_at: time(row.due_at),
                give_up_at: time(row.give_up_at),
                cursor: row.cursor.map(payload).transpose()?,
                error: row.error,
            },
        })
    }

    pub(super) fn task(&mut self, row: Whole<'_>) -> Result<Task, StoreError> {
        let Whole(head, Body(name, version, body)) = row;
        Ok(Task {
            head: self.head(head)?,
            name,
            version,
            payload: payload(body)?,
        })
    }

    fn kind(&mut self, kind: &str) -> Arc<str> {
        match &self.kind {
            Some(last) if **last == *kind => Arc::clone(last),
            _ => Arc::clone(self.kind.insert(kind.into())),
        }
    }

    fn options(&mut self, text: Option<String>) -> Result<TaskOptions, StoreError> {
        let Some(text) = text else {
            return Ok(TaskOptions::default());
        };
        match &self.options {
            Some((last, options)) if *last == text => Ok(*options),
            _ => {
                let options = parse(&text, "options")?;
                self.options = Some((text, options));
                Ok(options)
            }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Outbox(Hex, u32, u64);

impl Outbox {
    pub(super) fn row(self) -> OutboxRow {
        let Self(task, attempt, send_at) = self;
        let send_at = Timestamp::from_millis(send_at);
        OutboxRow::alone(TaskId::from_uuid(task.0), attempt, send_at)
    }
}

#[derive(Deserialize)]
pub(super) struct Troubled(Hex, Arc<str>, u64, u32, Option<String>);

impl Troubled {
    pub(super) fn row(self) -> Result<Trouble, StoreError> {
        Ok(Trouble {
            task: TaskId::from_uuid(self.0.0),
            kind: self.1,
            state: Code::of(self.2)?,
            attempts: self.3,
            error: self.4,
        })
    }
}

/// What is open in a container: waiting, running, and targets in two halves.
#[derive(Deserialize)]
pub(super) struct Open(Hex, u64, u64, u64, u64);

impl Open {
    pub(super) fn closed(self) -> task_core::ports::store::Closed {
        task_core::ports::store::Closed {
            container: ContainerId::from_uuid(self.0.0),
            waiting: self.1,
            running: self.2,
            targets: self.3.saturating_mul(1 << 32).saturating_add(self.4),
        }
    }
}

fn time(millis: Option<u64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}
