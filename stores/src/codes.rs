//! The numbers that stand for roles, modes, arms, routes and states.

use task_core::ports::store::StoreError;
use task_core::route::WorkerKind;
use task_core::state::TaskState;
use task_core::workflow::{Arm, Mode, Role};

use crate::text::corrupt;

/// What is stored as a small number.
pub(crate) trait Code: Copy + PartialEq + 'static {
    /// In the order of their codes, from 0 on; part of the schema, so only ever appended to.
    const ALL: &'static [Self];
    /// What it is, for messages.
    const NAME: &'static str;

    fn code(self) -> u64 {
        Self::ALL
            .iter()
            .position(|known| *known == self)
            .map_or(u64::MAX, |code| code as u64)
    }

    fn of(code: u64) -> Result<Self, StoreError> {
        usize::try_from(code)
            .ok()
            .and_then(|code| Self::ALL.get(code).copied())
            .ok_or_else(|| corrupt(format_args!("{code} is the code of no {}", Self::NAME)))
    }
}

impl Code for Role {
    const ALL: &'static [Self] = &[
        Self::Plain,
        Self::Generator,
        Self::Aggregator,
        Self::Decider,
    ];
    const NAME: &'static str = "role";
}

impl Code for Mode {
    const ALL: &'static [Self] = &[Self::Sequential, Self::Parallel];
    const NAME: &'static str = "mode";
}

impl Code for Arm {
    const ALL: &'static [Self] = &[Self::Then, Self::Else];
    const NAME: &'static str = "arm";
}

impl Code for WorkerKind {
    const ALL: &'static [Self] = &[Self::External, Self::Internal, Self::BareMetal];
    const NAME: &'static str = "kind of worker";
}

impl Code for TaskState {
    const ALL: &'static [Self] = &Self::ALL;
    const NAME: &'static str = "state";
}
