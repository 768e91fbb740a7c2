//! The task engine of Sortie.
//!
//! One natural way leads through it, and the modules stand in its order:
//!
//! 1. **submit**: a [`Workflow`] becomes a [`Plan`] ([`workflow`]), whose leaves are tasks, types
//!    with one trait, [`TaskDefinition`] ([`task`]);
//! 2. the **manager** takes it and every other [message], moves the [states](state) on in
//!    one [store](ports::store) transaction per batch ([`manager`]);
//! 3. [`route`](route()) turns what a task [requires](requirements) into a queue;
//! 4. the **transport** carries the [envelope] ([`ports::transport`]);
//! 5. the **worker** runs the task and completes it ([`worker`]), and the manager
//!    stores what came of it: the data, and the [ledger](ledger::Ledger) of targets.
//!
//! The crate is pure: no sockets, no SQL, no AWS, no clock of its own. Time, randomness and I/O
//! come through [`ports`], whose adapters are crates of their own. With the feature `schema` what
//! definitions are made of is `schemars::JsonSchema`.

#[cfg(test)]
extern crate self as sortie_task_core;

/// Whether one of these mutants is planted on this thread. Without the feature `mutants` it is the
/// constant `false`, and nothing of the question is left.
macro_rules! mutant {
    ($($name:ident)|+) => {{
        #[cfg(feature = "mutants")]
        let planted = $($crate::mutant::is($crate::mutant::Mutant::$name))||+;
        #[cfg(not(feature = "mutants"))]
        let planted = false;
        planted
    }};
}

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod envelope;
pub mod id;
pub mod ledger;
pub mod manager;
pub mod message;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod payload;
pub mod policy;
pub mod ports;
pub mod recon;
pub mod requirements;
pub mod route;
pub mod state;
mod stripe;
pub mod submit;
pub mod task;
pub mod time;
pub mod worker;
pub mod workflow;

pub use id::{CollectionId, ContainerId, MessageId, TaskId};
pub use ledger::{Coverage, Ledger, Usage};
pub use payload::{Claim, Payload, PayloadError};
pub use policy::{CompletionPolicy, Enough, Limits, RetryPolicy, TaskOptions};
pub use requirements::{Requirements, WorkerRequirement};
pub use route::{Queue, WorkerKind, route};
pub use state::TaskState;
pub use stripe::Stripe;
pub use task::{
    Cancelled, Child, Children, DuplicateKind, ErasedTask, Progress, RawSockets, Recon, Registry,
    Resources, Routed, Rows, TaskContext, TaskData, TaskDefinition, TaskError, UpgradeError,
};
pub use time::Timestamp;
pub use workflow::{Arm, Plan, Workflow, WorkflowError};

#[doc(hidden)]
pub use task::assert_distinct;
