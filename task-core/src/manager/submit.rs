//! `SubmitCollection`: a plan becomes rows, and its root container is activated.

use std::collections::HashSet;
use std::time::Duration;

use crate::id::CollectionId;
use crate::ledger::{Coverage, Usage};
use crate::payload::{Claim, Payload, PayloadError};
use crate::ports::objects::ObjectError;
use crate::ports::store::{
    CollectionRow, ContainerRow, Counters, StoreError, Task, TaskHead, TaskStatus,
};
use crate::state::TaskState;
use crate::time::Timestamp;
use crate::workflow::{Plan, Role, WorkflowError, validate};

use super::Manager;
use super::error::Refusal;
use super::work::Work;

/// Largest plan that is read, in bytes.
const MAX_PLAN_BYTES: u64 = 64 << 20;

/// A submission that was read and found sound.
#[derive(Debug)]
pub(super) struct Submission {
    id: CollectionId,
    plan: Plan,
    scope: Option<Claim>,
}

impl Submission {
    pub(super) const fn id(&self) -> CollectionId {
        self.id
    }
}

impl Manager {
    /// Reads a plan, from the object store if need be.
    ///
    /// # Errors
    ///
    /// If the object store fails; the batch is then given back. What is wrong with the plan
    /// itself is a refusal.
    pub(super) async fn read_plan(
        &self,
        plan: &Payload,
    ) -> Result<Result<Plan, Refusal>, StoreError> {
        let refuse = |error: &dyn std::fmt::Display| Err(Refusal::Plan(error.to_string()));
        let json = match plan.resolve(MAX_PLAN_BYTES, self.objects.as_deref()).await {
            Ok(json) => json,
            Err(PayloadError::Object(error @ ObjectError::Backend { .. })) => {
                return Err(StoreError::Backend(Box::new(error)));
            }
            Err(error) => return Ok(refuse(&error)),
        };
        Ok(serde_json::from_str(json.get()).or_else(|error| refuse(&error)))
    }

    /// Holds a plan against the rules and the registry.
    pub(super) fn check_submission(
        &self,
        id: CollectionId,
        plan: Plan,
        scope: Option<Claim>,
    ) -> Result<Submission, Refusal> {
        validate::structure(&plan)?;
        validate::kinds(&plan, &self.registry)?;
        let limit = self.inline_limit();
        for task in &plan.tasks {
            let found = task.payload.inline_len();
            if found > limit {
                return Err(Refusal::TooLarge {
                    what: "bytes of a task's payload",
                    found,
                    limit,
                });
            }
        }
        distinct_generators(id, &plan)?;
        Ok(Submission { id, plan, scope })
    }
}

/// Children's ids carry 42 bits of their generator's hash; two generators that agree in them
/// would make the same children.
fn distinct_generators(id: CollectionId, plan: &Plan) -> Result<(), WorkflowError> {
    let mut families = HashSet::new();
    for (index, task) in (0..).zip(&plan.tasks) {
        let family = id.task(index).child(0);
        if task.role == Role::Generator && !families.insert(family) {
            return Err(WorkflowError::Malformed(format!(
                "the children of `{}` would collide with another generator's; submit it again under a new id",
                task.name
            )));
        }
    }
    Ok(())
}

impl Work<'_> {
    pub(super) async fn submit(
        &mut self,
        submissions: impl Iterator<Item = &(usize, Submission)>,
    ) -> Result<(), StoreError> {
        let submissions: Vec<&Submission> = submissions.map(|(_, submission)| submission).collect();
        if submissions.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = submissions.iter().map(|submission| submission.id).collect();
        self.read_collections(&ids).await?;
        let (mut collections, mut containers, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for submission in submissions {
            // Submitting the same again is harmless, in one batch or later.
            if self.collections.contains_key(&submission.id) {
                continue;
            }
            let collection = collection_row(submission, self.now);
            self.collections.insert(collection.id, collection.clone());
            collections.push(collection);
            let first = tasks.len();
            tasks.extend(task_rows(submission, &self.manager.registry));
            let rows = container_rows(submission, &tasks[first..]);
            self.containers
                .extend(rows.iter().map(|row| (row.id, row.clone())));
            containers.extend(rows);
            self.whole.insert(submission.id);
        }
        self.tx.insert_collections(&collections).await?;
        self.tx.insert_containers(&containers).await?;
        self.tx.insert_tasks(&tasks).await?;
        for collection in collections {
            self.activate(collection.id.container(0))?;
        }
        Ok(())
    }
}

fn collection_row(submission: &Submission, now: Timestamp) -> CollectionRow {
    CollectionRow {
        id: submission.id,
        name: submission.plan.name.clone(),
        state: TaskState::Running,
        cancelled: false,
        scope: submission.scope.clone(),
        created_at: now,
        deadline_at: submission
            .plan
            .deadline_ms
            .map(|ms| now.after(Duration::from_millis(ms))),
        finished_at: None,
    }
}

fn task_rows<'a>(
    submission: &'a Submission,
    registry: &'a crate::task::Registry,
) -> impl Iterator<Item = Task> + 'a {
    (0..)
        .zip(&submission.plan.tasks)
        .filter_map(|(index, task)| {
            // Validated: the kind is known.
            let route = registry.get(&task.kind)?.worker;
            Some(Task {
                head: TaskHead {
                    id: submission.id.task(index),
                    collection: submission.id,
                    container: submission.id.container(task.container),
                    role: task.role,
                    ordinal: task.position,
                    kind: task.kind.as_str().into(),
                    route,
                    targets: task.targets,
                    options: task.options,
                    status: TaskStatus::NEW,
                },
                name: Some(task.name.as_str().into()),
                version: task.version,
                payload: task.payload.clone(),
            })
        })
}

fn container_rows(submission: &Submission, tasks: &[Task]) -> Vec<ContainerRow> {
    let mut rows: Vec<ContainerRow> = (0..)
        .zip(&submission.plan.containers)
        .map(|(index, container)| ContainerRow {
            id: submission.id.container(index),
            collection: submission.id,
            parent: container
                .parent
                .map(|parent| submission.id.container(parent)),
            position: container.position,
            name: container.name.as_deref().map(Into::into),
            mode: container.mode,
            arm: container.arm,
            generator: None,
            policy: container.policy,
            max_in_flight: container.max_in_flight,
            state: TaskState::Pending,
            chosen: None,
            cursor: 0,
            expected: Some(0),
            children: Counters::default(),
            targets: 0,
            outcomes: Coverage::new(),
            usage: Usage::default(),
            cut_off_at: None,
            started_at: None,
            finished_at: None,
        })
        .collect();
    let mut add_child = |index: u32| {
        if let Some(row) = rows.get_mut(index as usize) {
            row.children.created += 1;
            row.children.waiting += 1;
            row.expected = Some(row.children.created);
        }
    };
    submission
        .plan
        .containers
        .iter()
        .filter_map(|child| child.parent)
        .for_each(&mut add_child);
    for task in submission
        .plan
        .tasks
        .iter()
        .filter(|task| task.role != Role::Generator)
    {
        add_child(task.container);
    }
    for (task, row) in tasks.iter().zip(&submission.plan.tasks) {
        let container = &mut rows[row.container as usize];
        container.targets = container.targets.saturating_add(task.head.targets);
        if row.role == Role::Generator {
            container.generator = Some(task.head.id);
            container.expected = None;
        }
    }
    rows
}
