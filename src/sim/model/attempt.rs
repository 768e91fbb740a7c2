//! What becomes of an attempt, by what was said of it and by its limits.

use std::time::Duration;

use task_core::message::{CompleteTask, Outcome};
use task_core::ports::store::{TaskHead, TaskStatus};
use task_core::workflow::{Arm, Role};
use task_core::{Payload, TaskId, TaskState, Timestamp};

use super::commit::Turn;
use super::state::{Leaf, Model};

/// What must follow.
pub(super) struct Wanted<'a> {
    pub(super) next: Next,
    failures: u32,
    cursor: Option<&'a Payload>,
}

pub(super) enum Next {
    /// It goes on as it was.
    Same,
    End(TaskState),
    /// A generator has said how many children there are.
    Returned(u32),
    /// Another attempt, so long after this moment.
    Again {
        least: Duration,
        most: Duration,
    },
    /// Another attempt, unless its wait goes beyond its time limit: that depends on the jitter.
    AgainOrTimeout {
        least: Duration,
        most: Duration,
    },
}

impl Model {
    /// Holds what became of a task against what was said of it, and takes that into the books.
    pub(super) fn check_task(
        &mut self,
        id: TaskId,
        before: Option<&TaskStatus>,
        turn: &Turn,
    ) -> Result<(), String> {
        if let Some(due) = before.and_then(|before| before.due_at) {
            self.due.remove(&(due, id));
        }
        let Some(leaf) = self.tasks.get(&id) else {
            return Ok(());
        };
        if before.is_none() {
            self.check_created(leaf, turn)?;
        }
        let before = before.unwrap_or(&TaskStatus::NEW);
        let after = &leaf.task.head.status;
        if let Some(due) = after.due_at {
            self.due.insert((due, id));
        }
        let said = turn.ended.get(&id).cloned();
        let said = said.as_deref();
        let wanted = match said {
            Some(said) => after_saying(leaf, before, said, turn),
            None => self.after_silence(leaf, before, turn)?,
        };
        let closed = turn.closed_tasks.contains(&id);
        if !closed {
            check(leaf, before, &wanted, turn)?;
            self.check_dispatch(leaf, before, &wanted, turn)?;
        }
        let (role, container, state) = {
            let head = &leaf.task.head;
            (head.role, head.container, head.status.state)
        };
        if let Some(said) = said {
            let keeps = match (&said.outcome, &wanted.next) {
                (
                    Outcome::Succeeded { .. },
                    Next::End(TaskState::Succeeded) | Next::Returned(_),
                ) => true,
                (Outcome::Deadline { .. }, Next::Again { .. }) => {
                    wanted.failures == before.failures
                }
                _ => false,
            };
            self.count_in(id, said, keeps);
        }
        self.expect_children(id, before, &wanted, role, turn)?;
        let Some(leaf) = self.tasks.get_mut(&id) else {
            return Ok(());
        };
        if state == TaskState::PendingTaskCreation && before.state == TaskState::Running {
            leaf.accounted = leaf.task.head.targets;
        }
        if state.is_terminal() && state != TaskState::Succeeded {
            self.drop_rest(id, said.filter(|_| !closed));
        }
        let Some(leaf) = self.tasks.get(&id) else {
            return Ok(());
        };
        let accounted = leaf.task.head.status.accounted;
        let refused = leaf.task.head.status.attempt == 0;
        if !closed && !refused && accounted != leaf.accounted {
            return Err(format!(
                "task {id} accounts for {accounted} targets, by what was said for {}",
                leaf.accounted
            ));
        }
        let decided = said.filter(|_| role == Role::Decider && state == TaskState::Succeeded);
        if let Some(arm) = decided.and_then(arm)
            && let Some(node) = self.containers.get_mut(&container)
        {
            node.chosen = Some(arm);
        }
        Ok(())
    }

    /// What follows when nobody said that the attempt has ended.
    fn after_silence<'a>(
        &self,
        leaf: &Leaf,
        before: &'a TaskStatus,
        turn: &Turn,
    ) -> Result<Wanted<'a>, String> {
        let head = &leaf.task.head;
        let (id, after) = (head.id, &head.status);
        let wanted = |next, failures| Wanted {
            next,
            failures,
            cursor: before.cursor.as_ref(),
        };
        let first = before.state == TaskState::Pending && after.state == TaskState::Running;
        if first {
            let next = Next::Again {
                least: Duration::ZERO,
                most: Duration::ZERO,
            };
            return Ok(wanted(next, before.failures));
        }
        let moved = after.attempt != before.attempt || after.state != before.state;
        if !moved || turn.closed_tasks.contains(&id) {
            return Ok(wanted(Next::Same, before.failures));
        }
        let refused = before.state == TaskState::Pending && after.state == TaskState::Failed;
        if refused && before.attempt == 0 && after.error.is_some() {
            return Ok(wanted(Next::End(TaskState::Failed), 0));
        }
        let waits = before.state == TaskState::PendingTaskCreation;
        if waits && after.state == TaskState::Succeeded && turn.creating.contains_key(&id) {
            return Ok(wanted(Next::End(TaskState::Succeeded), before.failures));
        }
        let Some(clock) = turn.clock else {
            // Somebody recovers, and dispatches all again that is dispatched.
            let next = Next::Again {
                least: Duration::ZERO,
                most: Duration::MAX,
            };
            return Ok(wanted(next, before.failures));
        };
        if turn.is_past(before.give_up_at) {
            return Ok(wanted(Next::End(TaskState::Timeout), before.failures));
        }
        if turn.is_past(before.due_at) {
            let next = failed(head, before, clock, Duration::ZERO, TaskState::Timeout);
            return Ok(wanted(next, before.failures + 1));
        }
        Err(format!(
            "task {id} is {} in attempt {} although nobody said so and it has time until {:?}",
            after.state, after.attempt, before.due_at
        ))
    }
}

/// What follows from the end of an attempt.
fn after_saying<'a>(
    leaf: &Leaf,
    before: &'a TaskStatus,
    said: &'a CompleteTask,
    turn: &Turn,
) -> Wanted<'a> {
    let head = &leaf.task.head;
    let now = turn.clock.unwrap_or(turn.now);
    let wanted = |next, failures| Wanted {
        next,
        failures,
        cursor: before.cursor.as_ref(),
    };
    let failure = |at_least| {
        let next = failed(head, before, now, at_least, TaskState::Failed);
        wanted(next, before.failures + 1)
    };
    let gone = || wanted(Next::End(TaskState::Failed), before.failures);
    if said.coverage.total() > leaf.left() && !leaf.has_returned() {
        return gone();
    }
    match &said.outcome {
        Outcome::Succeeded { children } => match head.role {
            Role::Generator => wanted(Next::Returned(children.unwrap_or(0)), before.failures),
            Role::Decider if arm(said).is_none() => gone(),
            _ => wanted(Next::End(TaskState::Succeeded), before.failures),
        },
        Outcome::Deadline { cursor, .. }
            if before.cursor.as_ref() == Some(cursor) && said.coverage.is_empty() =>
        {
            failure(Duration::ZERO)
        }
        Outcome::Deadline { cursor, after_ms } => {
            let wait = Duration::from_millis(after_ms.unwrap_or(0)).min(DAY);
            let after_the_wait = Next::Again {
                least: wait,
                most: wait,
            };
            Wanted {
                cursor: Some(cursor),
                ..wanted(after_the_wait, before.failures)
            }
        }
        Outcome::Retry { after_ms, .. } => {
            failure(Duration::from_millis(after_ms.unwrap_or(0)).min(DAY))
        }
        Outcome::Fatal { .. } | Outcome::OutOfScope { .. } => gone(),
        // To leave is no failure, and not to be in a hurry either.
        Outcome::NotStarted { .. } => wanted(
            Next::Again {
                least: Duration::ZERO,
                most: Duration::from_secs(1),
            },
            before.failures,
        ),
        Outcome::Cancelled => failure(Duration::ZERO),
    }
}

/// What follows from a failure. `give_up` is the state of a task that may not try again.
fn failed(
    head: &TaskHead,
    before: &TaskStatus,
    now: Timestamp,
    at_least: Duration,
    give_up: TaskState,
) -> Next {
    let retry = head.options.retry;
    if before.failures + 1 >= retry.max_failures.max(1) {
        return Next::End(give_up);
    }
    let mut full = retry.base;
    for _ in 0..before.failures.min(64) {
        full = full.saturating_add(full).min(retry.cap);
    }
    let full = full.min(retry.cap);
    // Rounded to the millisecond, as times are.
    let (least, most) = ((full / 2).max(at_least), full.max(at_least));
    let least = Duration::from_millis(u64::try_from(least.as_millis()).unwrap_or(u64::MAX));
    match before.give_up_at {
        Some(at) if now.after(least) >= at => Next::End(TaskState::Timeout),
        Some(at) if now.after(most) >= at => Next::AgainOrTimeout { least, most },
        _ => Next::Again { least, most },
    }
}

/// State, attempt, failures and cursor are as they should be.
fn check(leaf: &Leaf, before: &TaskStatus, wanted: &Wanted<'_>, turn: &Turn) -> Result<(), String> {
    let head = &leaf.task.head;
    let (id, after) = (head.id, &head.status);
    let running = after.state == TaskState::Running;
    let again = running && after.attempt == before.attempt + 1;
    let same = after.attempt == before.attempt;
    let right = match &wanted.next {
        Next::Same => same && after.state == before.state,
        Next::End(state) => same && after.state == *state,
        Next::Returned(_) => {
            same && matches!(
                after.state,
                TaskState::Succeeded | TaskState::PendingTaskCreation
            )
        }
        Next::Again { .. } => again,
        Next::AgainOrTimeout { .. } => again || same && after.state == TaskState::Timeout,
    };
    if !right {
        let said = turn.ended.get(&id).map(|said| &said.outcome);
        return Err(format!(
            "task {id} is {} in attempt {} after it was {} in attempt {} and said {said:?}",
            after.state, after.attempt, before.state, before.attempt
        ));
    }
    if after.failures != wanted.failures || after.failures > head.options.retry.max_failures.max(1)
    {
        return Err(format!(
            "task {id} has failed {} times, by what was said {} times of {}",
            after.failures, wanted.failures, head.options.retry.max_failures
        ));
    }
    if after.cursor.as_ref() != wanted.cursor {
        return Err(format!(
            "task {id} goes on from {:?} and should from {:?}",
            after.cursor, wanted.cursor
        ));
    }
    Ok(())
}

/// What a deciding task said.
fn arm(said: &CompleteTask) -> Option<Arm> {
    said.data.as_ref()?.decode().ok()
}

/// As long as a peer may put off a task.
const DAY: Duration = Duration::from_secs(24 * 3600);
