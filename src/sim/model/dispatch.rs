//! The limits of an attempt, and when it is sent.

use task_core::Timestamp;
use task_core::ports::store::TaskStatus;

use super::attempt::{Next, Wanted};
use super::commit::Turn;
use super::state::{Leaf, Model};

impl Model {
    /// The limits and the place in the outbox of an attempt that begins or goes on.
    pub(super) fn check_dispatch(
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
            (false, _) if turn.creating.contains_key(&id) => {
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
