//! What can be wrong with a workflow. All of it is found before anything runs.

use crate::payload::PayloadError;

/// Why a workflow is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// A container has nothing in it.
    #[error("the container `{0}` is empty; give it a task or leave it out")]
    EmptyContainer(String),
    /// A name stands for two things.
    #[error("the name `{0}` is used twice; names are unique in a workflow")]
    DuplicateName(String),
    /// A name that cannot be one.
    #[error("`{0}` cannot be a name: 1 to {max} bytes without control characters", max = Self::MAX_NAME_BYTES)]
    BadName(String),
    /// A definition that nobody registered.
    #[error(
        "the task `{task}` is of kind `{kind}`, which is not registered; add it to `registry![…]`"
    )]
    UnknownKind {
        /// The task.
        task: String,
        /// Its kind.
        kind: String,
    },
    /// A definition that is newer here than where it is to run.
    #[error(
        "the task `{task}` has version {found} of `{kind}` but only {known} is registered; deploy the manager anew"
    )]
    NewerVersion {
        /// The task.
        task: String,
        /// Its kind.
        kind: String,
        /// Its version.
        found: u32,
        /// The version registered.
        known: u32,
    },
    /// An aggregator that has nothing to aggregate.
    #[error(
        "the aggregator `{0}` has nothing before it in its sequence; put it behind what it reads"
    )]
    NothingToAggregate(String),
    /// A generator that cannot create tasks.
    #[error("the generator `{0}` does not declare QueueAccess; without it no task can be created")]
    GeneratorWithoutQueue(String),
    /// A condition whose outcome chooses nothing.
    #[error("the condition `{0}` chooses between two empty branches; fill one of them")]
    NothingToChoose(String),
    /// The tree is not a tree.
    #[error(
        "container {container} stands in container {parent}, which does not come before it: the workflow has a cycle"
    )]
    Cycle {
        /// The index of the container.
        container: u32,
        /// The index of what it stands in.
        parent: u32,
    },
    /// A reference that leads nowhere, or a role that makes no sense where it stands.
    #[error("the plan is malformed: {0}")]
    Malformed(String),
    /// A policy that no run can meet.
    #[error("the policy of `{container}` cannot be met: {why}")]
    Policy {
        /// The container.
        container: String,
        /// Why not.
        why: String,
    },
    /// More than the engine takes.
    #[error("the workflow has {found} {what}; at most {limit} are allowed")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much is allowed.
        limit: usize,
    },
    /// A payload that cannot be carried.
    #[error("the payload of `{task}`: {source}")]
    Payload {
        /// The task.
        task: String,
        /// Why not.
        source: PayloadError,
    },
}

impl WorkflowError {
    /// Longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 128;
    /// Most tasks and containers of one plan; what is larger is generated.
    pub const MAX_NODES: usize = 20_000;
    /// Deepest nesting of containers.
    pub const MAX_DEPTH: usize = 64;
}
