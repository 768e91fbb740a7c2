//! The wire form of a workflow: its tree, flattened.

use serde::{Deserialize, Serialize};

use super::{WorkflowError, validate};
use crate::payload::Payload;
use crate::policy::{CompletionPolicy, TaskOptions};
use crate::task::Registry;

/// A workflow as it is submitted. Made by [`Workflow`](super::Workflow); validated by the
/// submitter and again by the manager, because messages are not trusted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What its author calls it.
    pub name: String,
    /// The containers, the root first, parents before their children.
    pub containers: Vec<PlanContainer>,
    /// The tasks, in the order in which they stand in the tree.
    pub tasks: Vec<PlanTask>,
    /// Milliseconds after which whatever is not done ends in `Timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

impl Plan {
    /// Holds the plan against the rules, and its kinds and versions against `registry`: what the
    /// manager will do when it is submitted.
    ///
    /// # Errors
    ///
    /// The first [`WorkflowError`].
    pub fn check(&self, registry: &Registry) -> Result<(), WorkflowError> {
        validate::structure(self)?;
        validate::kinds(self, registry)
    }
}

/// A container of a plan; its index in the list names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanContainer {
    /// The index of the container it stands in; `None` for the root.
    pub parent: Option<u32>,
    /// Its place in its parent, among tasks and containers.
    pub position: u32,
    /// Its name, unique in the collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One after the other, or all at once.
    pub mode: Mode,
    /// Which outcome of the deciding task before it makes it run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<Arm>,
    /// When it is good enough.
    #[serde(default)]
    pub policy: CompletionPolicy,
    /// How many children may be dispatched at once. At least 1.
    pub max_in_flight: u32,
}

/// A task of a plan; its index in the list names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanTask {
    /// The index of the container it stands in.
    pub container: u32,
    /// Its place in its container; 0 for a generator.
    pub position: u32,
    /// What it does there.
    pub role: Role,
    /// Its name, unique in the collection.
    pub name: String,
    /// The definition's wire name.
    pub kind: String,
    /// The definition's version.
    pub version: u32,
    /// Targets it stands for.
    #[serde(default)]
    pub targets: u64,
    /// Retries and time limits.
    #[serde(default)]
    pub options: TaskOptions,
    /// The definition itself.
    pub payload: Payload,
}

/// How a container runs its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One after the other; a child that is not good ends the sequence.
    Sequential,
    /// All at once, as far as `max_in_flight` lets them.
    Parallel,
}

/// One of the two ways that a deciding task can choose; also what it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The condition holds.
    Then,
    /// It does not.
    Else,
}

impl From<bool> for Arm {
    fn from(holds: bool) -> Self {
        if holds { Self::Then } else { Self::Else }
    }
}

/// What a task does in its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is a child like any other.
    Plain,
    /// It creates the children of its container and is not one of them.
    Generator,
    /// It runs when what stands before it is terminal, good or not.
    Aggregator,
    /// Its output is an [`Arm`] and chooses between the containers behind it.
    Decider,
}
