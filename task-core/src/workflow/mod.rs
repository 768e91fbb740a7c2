//! Workflows: trees of containers whose leaves are tasks, written with a builder.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use sortie_task_core::{Arm, TaskContext, TaskDefinition, TaskError, needs};
//! # macro_rules! task { ($name:ident, $kind:literal, $needs:ty, $out:ty, $result:expr) => {
//! #     #[derive(Serialize, Deserialize)] struct $name;
//! #     impl TaskDefinition for $name {
//! #         const KIND: &'static str = $kind; type Requires = $needs; type Output = $out;
//! #         async fn run(self, _: TaskContext<$needs>) -> Result<$out, TaskError> { Ok($result) }
//! #     }
//! # } }
//! # task!(Names, "names", needs![TaskDataAccess, QueueAccess], (), ());
//! # task!(Merge, "merge", needs![TaskDataAccess], (), ());
//! # task!(AnyFound, "any_found", needs![TaskDataAccess], Arm, Arm::Then);
//! # task!(Report, "report", needs![], (), ());
//! use std::time::Duration;
//! use sortie_task_core::{Enough, Workflow};
//!
//! let plan = Workflow::new("names")
//!     .generate("scan", Names, |children| {
//!         children.max_in_flight(100).enough(Enough::PerMille(997)).cut_off(Duration::from_secs(300))
//!     })
//!     .aggregate("merge", Merge)
//!     .when("found", AnyFound, |then| then.task("report", Report), |otherwise| otherwise)
//!     .build()?;
//! assert_eq!(plan.tasks.len(), 4);
//! # Ok::<(), sortie_task_core::WorkflowError>(())
//! ```

mod builder;
mod error;
mod plan;
pub(crate) mod validate;

pub use builder::{Generated, Parallel, Sequence, Workflow};
pub use error::WorkflowError;
pub use plan::{Arm, Mode, Plan, PlanContainer, PlanTask, Role};

/// Children of one container that may be dispatched at once, unless a workflow says otherwise.
pub const DEFAULT_MAX_IN_FLIGHT: u32 = 1000;
