//! `CompleteTask`: the end of an attempt, fenced by its number.

use std::time::Duration;

use crate::ledger::{DROPPED_DISABLED, DROPPED_FAILED, DROPPED_TIMEOUT};
use crate::message::{CompleteTask, Outcome};
use crate::payload::{Payload, result_prefix};
use crate::ports::store::{ResultRow, StoreError, TaskHead};
use crate::state::TaskState;
use crate::workflow::{Arm, Role};

use super::error::Refusal;
use super::work::{Again, Heads, Work};

impl Work<'_> {
    pub(super) async fn complete(
        &mut self,
        completions: &[&(usize, CompleteTask)],
        heads: &mut Heads,
    ) -> Result<(), StoreError> {
        for (index, complete) in completions {
            let Some(head) = heads.get_mut(&complete.task_id) else {
                // Perhaps of another deployment, or a twin that is later than its collection was
                // kept: somebody may want to know.
                self.refused.push((*index, Refusal::UnknownTask));
                continue;
            };
            if *head.kind != *complete.kind {
                let (actual, claimed) = (head.kind.to_string(), complete.kind.clone());
                self.refused
                    .push((*index, Refusal::Kind { actual, claimed }));
                continue;
            }
            // Who sends it could read what it refers to, but it is not theirs to hand out, and it
            // goes when the other collection is removed.
            if let Some(Payload::Claim(claim)) = &complete.data
                && !claim
                    .key
                    .starts_with(&result_prefix(head.collection, head.id))
            {
                let refusal = Refusal::ForeignObject(claim.key.clone());
                self.refused.push((*index, refusal));
                continue;
            }
            // Another attempt runs, or the task has ended: a late twin, harmless.
            let current = head.status.attempt == complete.attempt || mutant!(NoFencing);
            if head.status.state != TaskState::Running || !current {
                metrics::counter!("sortie_manager_outdated_total").increment(1);
                if mutant!(LedgerDoubleCount) {
                    let outcomes = &mut self.container(head.container)?.outcomes;
                    outcomes.merge(&complete.coverage);
                }
                continue;
            }
            self.container(head.container)?.usage.merge(&complete.usage);
            self.end_attempt(head, complete).await?;
        }
        Ok(())
    }

    async fn end_attempt(
        &mut self,
        head: &mut TaskHead,
        complete: &CompleteTask,
    ) -> Result<(), StoreError> {
        let left = head.targets.saturating_sub(head.status.accounted);
        let covered = complete.coverage.total();
        if covered > left && !has_returned(head) {
            let error = format!(
                "counts {covered} targets but stands for {left}; `targets()` and `cover()` disagree"
            );
            return self.fail(head, TaskState::Failed, Some(error), DROPPED_FAILED);
        }
        match &complete.outcome {
            Outcome::Succeeded { children } => {
                self.keep(head, complete)?;
                self.succeed(head, complete, *children).await
            }
            Outcome::Deadline { cursor, .. }
                if head.status.cursor.as_ref() == Some(cursor) && complete.coverage.is_empty() =>
            {
                let error = "handed back the cursor that it was given: no progress".to_owned();
                self.retry(head, error, Duration::ZERO, TaskState::Failed)
            }
            Outcome::Deadline { cursor, after_ms } => {
                self.keep(head, complete)?;
                if !mutant!(CursorForgotten) {
                    head.status.cursor = Some(cursor.clone());
                }
                self.try_again(head, asked_wait(*after_ms))
            }
            Outcome::Retry { error, after_ms } => {
                let at_least = asked_wait(*after_ms);
                self.retry(head, error.clone(), at_least, TaskState::Failed)
            }
            Outcome::Fatal { error } => {
                self.fail(head, TaskState::Failed, Some(error.clone()), DROPPED_FAILED)
            }
            Outcome::OutOfScope { error } => {
                self.fail(head, TaskState::Failed, Some(error.clone()), "out_of_scope")
            }
            Outcome::NotStarted { .. } => self.try_again(head, A_MOMENT),
            // A cancelled collection has closed its tasks already, so this one was told to stop
            // by somebody else.
            Outcome::Cancelled => self.retry(
                head,
                "stopped before it was done".to_owned(),
                Duration::ZERO,
                TaskState::Failed,
            ),
        }
    }

    /// Keeps what an attempt has brought: data and coverage, once, since attempts are fenced.
    fn keep(&mut self, head: &mut TaskHead, complete: &CompleteTask) -> Result<(), StoreError> {
        if let Some(data) = &complete.data {
            self.results.push(ResultRow {
                collection: head.collection,
                container: head.container,
                task: head.id,
                // A generator that runs again because its children did not arrive says the same
                // once more: that replaces its row, and makes no second one.
                seq: match (head.role, &complete.outcome) {
                    (Role::Generator, Outcome::Succeeded { .. }) => 0,
                    _ => complete.attempt,
                },
                body: data.clone(),
            });
        }
        if !complete.coverage.is_empty() && !has_returned(head) {
            head.status.accounted += complete.coverage.total();
            self.container(head.container)?
                .outcomes
                .merge(&complete.coverage);
        }
        Ok(())
    }

    async fn succeed(
        &mut self,
        head: &mut TaskHead,
        complete: &CompleteTask,
        children: Option<u32>,
    ) -> Result<(), StoreError> {
        match head.role {
            Role::Generator => {
                return self.generated(head, children.unwrap_or(0)).await;
            }
            Role::Decider => {
                let arm = complete
                    .data
                    .as_ref()
                    .and_then(|data| data.decode::<Arm>().ok());
                let Some(arm) = arm else {
                    let error = "a condition must return an `Arm`".to_owned();
                    return self.fail(head, TaskState::Failed, Some(error), DROPPED_FAILED);
                };
                self.container(head.container)?.chosen = Some(arm);
            }
            Role::Plain | Role::Aggregator => {}
        }
        self.end(head, TaskState::Succeeded)
    }

    /// A generator has finished: now it is known how many children there will be.
    async fn generated(&mut self, head: &mut TaskHead, total: u32) -> Result<(), StoreError> {
        // An earlier attempt, or a twin of this one, that took another way may have left children
        // behind the last one. They exist, so they count.
        let beyond = self.tx.count_from(head.container, total).await?;
        let due = self.now.after(head.options.limits.running);
        let due = head.status.give_up_at.map_or(due, |at| due.min(at));
        let container = self.container(head.container)?;
        let mut expected = u64::from(total) + beyond;
        if mutant!(NoExpectedTotal) {
            expected = container.children.created;
        }
        container.expected = Some(expected);
        if container.children.created >= expected {
            return self.end(head, TaskState::Succeeded);
        }
        head.status.state = TaskState::PendingTaskCreation;
        // Should it run again, it is not asked a second time what became of its targets.
        head.status.accounted = head.targets;
        head.status.due_at = Some(due);
        self.update(head.id, head.status.clone());
        self.unsettled.insert(head.container);
        Ok(())
    }

    /// A failure that trying again may mend.
    pub(super) fn retry(
        &mut self,
        head: &mut TaskHead,
        error: String,
        at_least: Duration,
        give_up: TaskState,
    ) -> Result<(), StoreError> {
        head.status.failures += 1;
        let class = if give_up == TaskState::Timeout {
            DROPPED_TIMEOUT
        } else {
            DROPPED_FAILED
        };
        let Some(wait) = head.options.retry.next(head.id, head.status.failures) else {
            return self.fail(head, give_up, Some(error), class);
        };
        let wait = wait.max(at_least);
        if head
            .status
            .give_up_at
            .is_some_and(|at| self.now.after(wait) >= at)
        {
            return self.fail(head, TaskState::Timeout, Some(error), DROPPED_TIMEOUT);
        }
        head.status.error = Some(error);
        self.try_again(head, wait)
    }

    /// Another attempt, after `delay`.
    pub(super) fn try_again(
        &mut self,
        head: &mut TaskHead,
        delay: Duration,
    ) -> Result<(), StoreError> {
        if head.role == Role::Generator {
            // Only an attempt that has ended knows how many children there are; until then the
            // container must not be taken for complete.
            self.container(head.container)?.expected = None;
        }
        // Should its container end in this very transaction, what was accounted for must be known.
        self.update(head.id, head.status.clone());
        self.again.push(Again {
            task: head.id,
            status: head.status.clone(),
            delay,
        });
        // From here on this attempt is over, also for a twin in the same batch.
        if !mutant!(RetryForgetsAttempt) {
            head.status.attempt += 1;
        }
        Ok(())
    }

    /// The end of a task that did not make it: its targets are booked under `class`.
    pub(super) fn fail(
        &mut self,
        head: &mut TaskHead,
        state: TaskState,
        error: Option<String>,
        class: &'static str,
    ) -> Result<(), StoreError> {
        let left = head.targets.saturating_sub(head.status.accounted);
        self.container(head.container)?.outcomes.add(class, left);
        head.status.accounted = head.targets;
        head.status.error = error.or_else(|| head.status.error.take());
        self.end(head, state)
    }

    /// The end of a task.
    pub(super) fn end(&mut self, head: &mut TaskHead, state: TaskState) -> Result<(), StoreError> {
        debug_assert!(
            head.status.state.may_become(state),
            "{} → {state}",
            head.status.state
        );
        head.status.state = state;
        head.status.due_at = None;
        if state == TaskState::Succeeded {
            head.status.error = None;
        }
        self.update(head.id, head.status.clone());
        self.unsettled.insert(head.container);
        metrics::counter!("sortie_tasks_ended_total", "state" => state.as_str()).increment(1);
        if head.role != Role::Generator {
            self.container(head.container)?.children.move_running(state);
        } else if !state.is_good() {
            // Nobody will create the children that are missing: the container has failed.
            self.container(head.container)?.expected = Some(0);
            self.broken.insert(head.container);
        }
        Ok(())
    }
}

/// Whether this is a generator that has returned before and runs again for its children: what it
/// covers has been counted.
fn has_returned(head: &TaskHead) -> bool {
    head.role == Role::Generator && head.targets > 0 && head.status.accounted == head.targets
}

/// The class of targets whose task was ended from outside in `state`.
pub(super) fn dropped(state: TaskState) -> &'static str {
    match state {
        TaskState::Timeout => DROPPED_TIMEOUT,
        TaskState::Failed => DROPPED_FAILED,
        _ => DROPPED_DISABLED,
    }
}

/// The wait that a worker asks for.
fn asked_wait(after_ms: Option<u64>) -> Duration {
    after_ms
        .map_or(Duration::ZERO, Duration::from_millis)
        .min(LONGEST_WAIT)
}

/// The wait before a task goes to another worker because its own has left.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The longest wait that a worker may ask for: it may pass on what an untrusted peer said.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
