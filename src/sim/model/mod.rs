//! What must be true, checked at every commit.
//!
//! The model is told what each transaction changed and which messages it had heard, never what the
//! manager thinks of it. It works out for itself what must follow, from the plan and from these,
//! with an arithmetic of its own; a helper that it shared with the engine would be wrong with it.
//!
//! `state` is what it knows, `change` takes a change in, and `commit` is the way through the
//! checks: `attempt`, `dispatch` and `children` for tasks, `turn` and `verdict` for containers, `limits`
//! for time, `outbox` for what must be sent, `ledger` for targets and use, `rows` for data, `rollback` for
//! what must have left no trace.

mod attempt;
mod change;
mod children;
mod commit;
mod dispatch;
mod ledger;
mod limits;
mod outbox;
mod rollback;
mod rows;
mod state;
mod turn;
mod verdict;

pub(super) use commit::Deed;
pub(super) use state::{Change, Leaf, Model};
