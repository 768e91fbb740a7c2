//! The one trait that a task's author implements.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::context::TaskContext;
use super::error::{TaskError, UpgradeError};
use crate::policy::{Limits, RetryPolicy};
use crate::requirements::{Requirements, WorkerRequirement};
use crate::route::WorkerKind;

/// A task: the payload is the type, and running it is a method.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sortie_task_core::{TaskContext, TaskDefinition, TaskError, needs};
///
/// #[derive(Serialize, Deserialize)]
/// struct CountLetters { text: String }
///
/// impl TaskDefinition for CountLetters {
///     const KIND: &'static str = "text.count_letters";
///     type Requires = needs![];
///     type Output = usize;
///
///     async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<usize, TaskError> {
///         Ok(self.text.chars().filter(|c| c.is_alphabetic()).count())
///     }
/// }
/// ```
///
/// # What the engine promises
///
/// - `run` is called **at least once** per task, possibly twice at the same time on different
///   machines. Its *effects* through this crate (output, rows, children, coverage) count exactly
///   once. Effects elsewhere must bear repetition.
/// - Dropping the future is how an attempt is stopped; hold nothing that this would leak.
/// - A panic ends the attempt like [`TaskError::Fatal`], not the worker.
pub trait TaskDefinition: Serialize + DeserializeOwned + Send + 'static {
    /// The wire name: stable, independent of the Rust path, unique in a registry. By convention
    /// `family.verb`.
    const KIND: &'static str;

    /// The version of the payload's form. Raise it when old payloads no longer decode, and teach
    /// [`upgrade`](Self::upgrade) how to carry them over.
    const VERSION: u32 = 1;

    /// What the task needs of its worker, by [`needs!`](crate::needs). Decides the route and
    /// opens the matching methods of the context.
    type Requires: Requirements;

    /// The kinds of the tasks that it creates, if it is a generator. The manager refuses children
    /// of other kinds. Left empty, children may be of any kind that runs on the same kind of
    /// worker or a less privileged one (External < Internal < Bare Metal): an External worker is
    /// not trusted, and must not reach the database or raw sockets through a child that its
    /// generator's author did not think of.
    const CREATES: &'static [&'static str] = &[];

    /// What it returns; stored as its row of task data, unless it is `()` or the task wrote rows
    /// itself. Who reads it decodes a view of their own.
    type Output: Serialize + Send;

    /// Runs one attempt.
    fn run(
        self,
        cx: TaskContext<Self::Requires>,
    ) -> impl Future<Output = Result<Self::Output, TaskError>> + Send;

    /// How many targets the task stands for in the coverage ledger; 0 if it scans nothing.
    fn targets(&self) -> u64 {
        0
    }

    /// How often it is tried, unless a workflow says otherwise.
    fn retry() -> RetryPolicy {
        RetryPolicy::DEFAULT
    }

    /// Its time limits, unless a workflow says otherwise.
    fn limits() -> Limits {
        Limits::DEFAULT
    }

    /// Carries a payload of an older version over to this one, so that a deploy strands nothing.
    ///
    /// # Errors
    ///
    /// [`UpgradeError`] if there is no way; the task then fails for good with its text.
    fn upgrade(from: u32, payload: Value) -> Result<Value, UpgradeError> {
        let _ = payload;
        Err(UpgradeError::new(format!(
            "`{}` has version {} and does not say how to upgrade from version {from}",
            Self::KIND,
            Self::VERSION
        )))
    }
}

/// What follows from a definition's requirements. Implemented for every definition and only here,
/// so it cannot drift from them.
pub trait Routed: TaskDefinition {
    /// The static slice of requirements.
    const WORKER_REQUIREMENTS: &'static [WorkerRequirement];
    /// The kind of worker it is routed to.
    const WORKER_KIND: WorkerKind;
}

impl<T: TaskDefinition> Routed for T {
    const WORKER_REQUIREMENTS: &'static [WorkerRequirement] = <T::Requires as Requirements>::SLICE;
    const WORKER_KIND: WorkerKind = <T::Requires as Requirements>::KIND;
}
