//! A task as it is kept: smaller than a [`Task`], because a million of them must fit.

use std::sync::Arc;

use serde_json::value::RawValue;
use task_core::id::{CollectionId, ContainerId, TaskId};
use task_core::payload::{Claim, Payload};
use task_core::policy::TaskOptions;
use task_core::ports::store::{Task, TaskHead, TaskStatus};
use task_core::route::WorkerKind;
use task_core::state::TaskState;
use task_core::time::Timestamp;
use task_core::workflow::Role;

/// Everything about a task but its id, which is its key.
pub(super) struct Record {
    pub(super) collection: CollectionId,
    pub(super) container: ContainerId,
    pub(super) kind: Arc<str>,
    pub(super) name: Option<Arc<str>>,
    options: Arc<TaskOptions>,
    pub(super) targets: u64,
    payload: Body,
    pub(super) status: Status,
    pub(super) ordinal: u32,
    version: u32,
    pub(super) role: Role,
    pub(super) route: WorkerKind,
}

/// A payload whose rare form is boxed.
enum Body {
    Inline(Box<RawValue>),
    Claim(Box<Claim>),
}

/// A [`TaskStatus`] whose rare parts are boxed.
#[derive(Clone)]
pub(super) struct Status {
    pub(super) state: TaskState,
    pub(super) attempt: u32,
    failures: u32,
    pub(super) accounted: u64,
    pub(super) due_at: Option<Timestamp>,
    give_up_at: Option<Timestamp>,
    rare: Option<Box<Rare>>,
}

#[derive(Clone)]
struct Rare {
    cursor: Option<Payload>,
    error: Option<String>,
}

/// What neighbouring tasks nearly always have in common, kept once.
#[derive(Default)]
pub(super) struct Shared {
    kind: Option<Arc<str>>,
    options: Option<Arc<TaskOptions>>,
}

impl Shared {
    fn kind(&mut self, kind: &Arc<str>) -> Arc<str> {
        match &self.kind {
            Some(last) if last == kind => Arc::clone(last),
            _ => Arc::clone(self.kind.insert(Arc::clone(kind))),
        }
    }

    fn options(&mut self, options: &TaskOptions) -> Arc<TaskOptions> {
        match &self.options {
            Some(last) if **last == *options => Arc::clone(last),
            _ => Arc::clone(self.options.insert(Arc::new(*options))),
        }
    }
}

impl Record {
    pub(super) fn new(task: &Task, shared: &mut Shared) -> Self {
        let head = &task.head;
        Self {
            collection: head.collection,
            container: head.container,
            kind: shared.kind(&head.kind),
            name: task.name.clone(),
            options: shared.options(&head.options),
            targets: head.targets,
            payload: match &task.payload {
                Payload::Inline(raw) => Body::Inline(raw.clone()),
                Payload::Claim(claim) => Body::Claim(Box::new(claim.clone())),
            },
            status: Status::new(&head.status),
            ordinal: head.ordinal,
            version: task.version,
            role: head.role,
            route: head.route,
        }
    }

    pub(super) fn head(&self, id: TaskId) -> TaskHead {
        TaskHead {
            id,
            collection: self.collection,
            container: self.container,
            role: self.role,
            ordinal: self.ordinal,
            kind: Arc::clone(&self.kind),
            route: self.route,
            targets: self.targets,
            options: *self.options,
            status: self.status.full(),
        }
    }

    pub(super) fn task(&self, id: TaskId) -> Task {
        Task {
            head: self.head(id),
            name: self.name.clone(),
            version: self.version,
            payload: match &self.payload {
                Body::Inline(raw) => Payload::Inline(raw.clone()),
                Body::Claim(claim) => Payload::Claim((**claim).clone()),
            },
        }
    }
}

impl Status {
    pub(super) fn new(status: &TaskStatus) -> Self {
        let rare = (status.cursor.is_some() || status.error.is_some()).then(|| {
            Box::new(Rare {
                cursor: status.cursor.clone(),
                error: status.error.clone(),
            })
        });
        Self {
            state: status.state,
            attempt: status.attempt,
            failures: status.failures,
            accounted: status.accounted,
            due_at: status.due_at,
            give_up_at: status.give_up_at,
            rare,
        }
    }

    /// This status after its task was closed in `state`.
    pub(super) fn closed(&self, state: TaskState) -> Self {
        Self {
            state,
            due_at: None,
            ..self.clone()
        }
    }

    pub(super) fn error(&self) -> Option<&String> {
        self.rare.as_ref()?.error.as_ref()
    }

    fn full(&self) -> TaskStatus {
        let (cursor, error) = match &self.rare {
            Some(rare) => (rare.cursor.clone(), rare.error.clone()),
            None => (None, None),
        };
        TaskStatus {
            state: self.state,
            attempt: self.attempt,
            failures: self.failures,
            accounted: self.accounted,
            due_at: self.due_at,
            give_up_at: self.give_up_at,
            cursor,
            error,
        }
    }
}
