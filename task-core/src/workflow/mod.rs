//! Workflows: trees of containers whose leaves are tasks, written with a builder.

mod plan;

pub use plan::{Arm, Mode, Plan, PlanContainer, PlanTask, Role};
