//! What becomes of an attempt, by what was said of it and by its limits.

use std::time::Duration;

use task_core::message::{CompleteTask, Outcome};
use task_core::ports::store::{TaskHead, TaskStatus};
use task_core::workflow::{Arm, Role};
use task_core::{Payload, TaskId, TaskState, Timestamp};

use super::commit::Turn;
use super::state::{Leaf, Model};

/// What must follow.
struct Wanted<'a> {
    next: Next,
    failures: u32,
    cursor: Option<&'a Payload>,
}

enum Next {
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
        if waits && after.state == TaskState::Succeeded && turn.creating.contains(&id) {
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

    /// How many children are expected after what this generator did.
    fn expect_children(
        &mut self,
        id: TaskId,
        before: &TaskStatus,
        wanted: &Wanted<'_>,
        role: Role,
        turn: &Turn,
    ) -> Result<(), String> {
        if role != Role::Generator {
            return Ok(());
        }
        let Some(leaf) = self.tasks.get(&id) else {
            return Ok(());
        };
        let (status, container) = (&leaf.task.head.status, leaf.task.head.container);
        let (again, state) = (status.attempt > before.attempt, status.state);
        let Some(node) = self.containers.get(&container) else {
            return Ok(());
        };
        let expected = match (&wanted.next, state) {
            (Next::Returned(total), _) => {
                let beyond = node.children.iter().filter_map(|id| self.tasks.get(id));
                let beyond = beyond
                    .filter(|child| child.task.head.ordinal >= *total)
                    .count();
                Some(u64::from(*total) + beyond as u64)
            }
            // Only an attempt that has ended knows.
            _ if again => None,
            _ if turn.closed_tasks.contains(&id) => node.expected,
            (_, TaskState::Failed | TaskState::Timeout) => Some(0),
            _ => node.expected,
        };
        let complete = expected.is_some_and(|expected| node.count.created >= expected);
        let waits = state == TaskState::PendingTaskCreation;
        if waits && complete {
            return Err(format!(
                "generator {id} waits for children that are all there"
            ));
        }
        if state == TaskState::Succeeded && !complete {
            return Err(format!(
                "generator {id} succeeded with {} of {expected:?} children",
                node.count.created
            ));
        }
        if let Some(node) = self.containers.get_mut(&container) {
            node.expected = expected;
        }
        Ok(())
    }

    /// The limits and the place in the outbox of an attempt that begins or goes on.
    fn check_dispatch(
        &self,
        leaf: &Leaf,
        before: &TaskStatus,
        wanted: &Wanted<'_>,
        turn: &Turn,
    ) -> Result<(), String> {
        let head = &leaf.task.head;
        let (id, after, limits) = (head.id, &head.status, head.options.limits);
        let capped = |due: Timestamp| after.give_up_at.map_or(due, |at| due.min(at));
        let new = after.attempt > before.attempt;
        let send_at = self.outbox.send_at(id, after.attempt);
        let first = before.attempt == 0;
        let give_up_at = match (first && new, send_at) {
            (true, Some(at)) => limits.total.map(|total| at.after(total)),
            _ => before.give_up_at,
        };
        if after.give_up_at != give_up_at {
            return Err(format!(
                "task {id} has time until {:?}, by its limits until {give_up_at:?}",
                after.give_up_at
            ));
        }
        let now = turn.clock.unwrap_or(turn.now);
        let due_at = match (new, send_at) {
            (true, Some(at)) => Some(capped(at.after(limits.queued).after(limits.running))),
            // That it is missing is found by who looks at the outbox.
            (true, None) => return Ok(()),
            (false, _) if after.state.is_terminal() => None,
            (false, _) if after.state != before.state => Some(capped(now.after(limits.running))),
            (false, _) if turn.alive.contains(&id) => Some(capped(now.after(limits.running))),
            (false, _) if turn.creating.contains(&id) => {
                let due = now.after(limits.running);
                Some(capped(before.due_at.map_or(due, |old| old.max(due))))
            }
            (false, _) => before.due_at,
        };
        if after.due_at != due_at {
            return Err(format!(
                "attempt {} of task {id} counts as lost at {:?}, by what was heard of it at {due_at:?}",
                after.attempt, after.due_at
            ));
        }
        if let (Next::Again { least, most } | Next::AgainOrTimeout { least, most }, true) =
            (&wanted.next, new)
            && let (Some(at), Some(clock)) = (send_at, turn.clock)
            && !(*least..=*most).contains(&at.since(clock))
        {
            return Err(format!(
                "attempt {} of task {id} waits for {:?}, by its policy for {least:?} to {most:?}",
                after.attempt,
                at.since(clock)
            ));
        }
        Ok(())
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
