//! An SDK for distributed reconnaissance.
//!
//! Tasks say what they need; a manager routes them to three kinds of workers; the workers run
//! scanners. The same task runs on a laptop with nothing installed and on a fleet.
//!
//! ```
//! use sortie::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Shout { text: String }
//!
//! impl TaskDefinition for Shout {
//!     const KIND: &'static str = "example.shout";
//!     type Requires = needs![];
//!     type Output = String;
//!
//!     async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<String, TaskError> {
//!         Ok(self.text.to_uppercase())
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), EngineError> {
//! let engine = Engine::embedded(registry![Shout]).start().await?;
//! let run = engine.submit(Workflow::new("hello").task("shout", Shout { text: "hi".into() })).await?;
//! assert_eq!(run.wait().await?.state, TaskState::Succeeded);
//! assert_eq!(run.result::<String>("shout").await?.as_deref(), Some("HI"));
//! # engine.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The rooms
//!
//! - [`core`]: the engine's contracts: definitions, requirements, routing, workflows, manager,
//!   worker, and the ports that adapters implement;
//! - [`defs`]: the stock definitions, written as users would write them; with the feature `schema`, with their
//!   JSON Schemas;
//! - `source` (feature `sources`): crt.sh, Censys, Shodan, and the trait for a source of your own;
//! - [`stores`], [`transports`]: adapters of the ports;
//! - `aws` (features `aws` and `aws-postgres`): the programs of a deployment on AWS, and its client;
//! - `sim` (feature `sim`): a whole deployment in one thread, in virtual time, with faults;
//! - [`scanners`] (features `robots`, `scan` and `packet`): scope and scanners, usable without the engine.
//!
//! The feature `full` is all of it but what is for tests. Without it, and by default, no crate of AWS is built.

#[cfg(feature = "aws")]
pub mod aws;
mod engine;
#[cfg(feature = "sim")]
pub mod sim;

#[cfg(any(feature = "robots", feature = "scan", feature = "packet"))]
pub use scanners;
pub use stores;
pub use task_core as core;
pub use task_core::{needs, registry};
pub use task_defs as defs;
#[cfg(feature = "robots")]
pub use task_defs::robots;
#[cfg(feature = "sources")]
pub use task_defs::source;
pub use transports;

pub use engine::{
    Client, ContainerProgress, Embedded, Engine, EngineError, ModelsOf, Report, ResultRows, Run,
};

/// What a task's author and a workflow's author need.
pub mod prelude {
    pub use serde::{Deserialize, Serialize};
    pub use task_core::{
        Arm, Child, Coverage, Enough, Limits, Registry, RetryPolicy, TaskContext, TaskDefinition,
        TaskError, TaskState, Workflow, needs, registry,
    };

    pub use crate::engine::{Engine, EngineError, Report, Run};
}
