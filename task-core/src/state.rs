//! The states of tasks and containers, and the only legal transitions between them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a task, a container or a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TaskState {
    /// Exists, but nothing has been sent for it yet.
    Pending = 0,
    /// Dispatched to a worker; for a container: activated.
    Running = 1,
    /// A generator that has finished while some of the children it announced are still to come.
    PendingTaskCreation = 2,
    /// Done.
    Succeeded = 3,
    /// A container that was good enough although some children were not.
    PartiallyFailed = 4,
    /// Gave up, or was not good enough.
    Failed = 5,
    /// Ran out of one of its time limits, or was cut off.
    Timeout = 6,
    /// Not needed, or cancelled.
    Disabled = 7,
}

impl TaskState {
    /// All states, in the order of their codes.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::PendingTaskCreation,
        Self::Succeeded,
        Self::PartiallyFailed,
        Self::Failed,
        Self::Timeout,
        Self::Disabled,
    ];

    /// Whether nothing follows.
    pub const fn is_terminal(self) -> bool {
        self as u8 >= Self::Succeeded as u8
    }

    /// Whether what depends on it may go on.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Succeeded | Self::PartiallyFailed)
    }

    /// The code under which stores keep it.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a stored code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether `self → next` is legal. This is the only table; nothing else changes a state.
    ///
    /// `Running → Running` and `PendingTaskCreation → Running` are new attempts (a retry, a lease
    /// that ran out, a cursor handed back); within one attempt states only move forward.
    pub const fn may_become(self, next: Self) -> bool {
        use TaskState::{
            Disabled, Failed, PartiallyFailed, Pending, PendingTaskCreation, Running, Succeeded,
            Timeout,
        };
        match self {
            Pending => matches!(next, Running | Succeeded | Failed | Timeout | Disabled),
            Running => matches!(
                next,
                Running
                    | PendingTaskCreation
                    | Succeeded
                    | PartiallyFailed
                    | Failed
                    | Timeout
                    | Disabled
            ),
            PendingTaskCreation => {
                matches!(next, Running | Succeeded | Failed | Timeout | Disabled)
            }
            Succeeded | PartiallyFailed | Failed | Timeout | Disabled => false,
        }
    }

    /// The name in wire forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::PendingTaskCreation => "pending_task_creation",
            Self::Succeeded => "succeeded",
            Self::PartiallyFailed => "partially_failed",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_terminal_states_are_final() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::from_code(state.code()), Some(state));
            if state.is_terminal() {
                assert!(
                    TaskState::ALL
                        .into_iter()
                        .all(|next| !state.may_become(next)),
                    "{state}"
                );
            } else {
                assert!(
                    state.may_become(TaskState::Disabled),
                    "{state} can be cancelled"
                );
            }
        }
        assert_eq!(TaskState::from_code(8), None);
        assert_eq!(
            TaskState::ALL
                .into_iter()
                .filter(|s| s.is_terminal())
                .count(),
            5
        );
    }
}
