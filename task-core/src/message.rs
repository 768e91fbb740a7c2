//! The messages to the manager, in the order in which a collection meets them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::envelope::{Fence, WIRE_VERSION, decode_versioned, encode};
use crate::id::{CollectionId, MessageId, TaskId};
use crate::ledger::{Coverage, Usage};
use crate::payload::{Claim, Payload};
use crate::policy::TaskOptions;
use crate::ports::transport::ParkReason;

/// A message to the manager, version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToManager {
    /// The message's version.
    pub v: u16,
    /// What the inbox remembers: a message that arrives again is dropped by it. The end of an
    /// attempt is not in it: whoever ends it a second time finds that it is over.
    pub id: MessageId,
    /// What it says.
    pub body: Message,
}

/// What can be said to the manager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Run a workflow.
    SubmitCollection(SubmitCollection),
    /// A generator has children.
    CreateTasks(CreateTasks),
    /// An attempt has ended.
    CompleteTask(Box<CompleteTask>),
    /// An attempt makes progress.
    Heartbeat(Heartbeat),
    /// Stop a collection.
    CancelCollection(CancelCollection),
    /// Look after what is overdue.
    Tick,
}

/// Run a workflow. Submitting the same collection again is harmless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubmitCollection {
    /// The id of the run, made by who submits it.
    pub collection_id: CollectionId,
    /// The [`Plan`](crate::Plan).
    pub plan: Payload,
    /// The scope document that its tasks work under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Claim>,
}

/// Children of a generator. The same child twice is one child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateTasks {
    /// The generator.
    pub parent_id: TaskId,
    /// Its attempt; children of an older attempt than the current one are dropped, unless an
    /// attempt has handed back a cursor: then nobody else makes them.
    pub attempt: u32,
    /// The fence of its envelope.
    pub fence: Fence,
    /// The children.
    pub children: Vec<NewChild>,
}

/// A child to create.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewChild {
    /// Its place among its generator's children, from 0, without gaps.
    pub ordinal: u32,
    /// The definition's wire name.
    pub kind: String,
    /// The definition's version.
    #[serde(rename = "ver")]
    pub version: u32,
    /// Targets it stands for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub targets: u64,
    /// Retries and time limits, if they are not the definition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<TaskOptions>,
    /// The definition itself.
    pub payload: Payload,
}

/// The end of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompleteTask {
    /// The task.
    pub task_id: TaskId,
    /// The definition's wire name, for the manager to hold against its own.
    pub kind: String,
    /// The attempt that has ended.
    pub attempt: u32,
    /// The fence of its envelope.
    pub fence: Fence,
    /// How it ended.
    pub outcome: Outcome,
    /// What the manager writes to `task_manager.task_data` on the worker's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Payload>,
    /// What became of the task's targets, as far as this attempt got.
    #[serde(default, skip_serializing_if = "Coverage::is_empty")]
    pub coverage: Coverage,
    /// What the attempt used.
    #[serde(default)]
    pub usage: Usage,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Succeeded {
        /// A generator's children, all told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        children: Option<u32>,
    },
    /// It failed, and trying again may help.
    Retry {
        /// Why.
        error: String,
        /// Not before this many milliseconds, if it knows better than the policy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
    /// It failed for good.
    Fatal {
        /// Why.
        error: String,
    },
    /// What it was to touch is out of scope.
    OutOfScope {
        /// What was refused, and by which rule.
        error: String,
    },
    /// It saw that its collection was cancelled and stopped.
    Cancelled,
    /// Its time was over, but it can go on from here: coverage and data of the part that is done
    /// count, and the rest is dispatched again. No failure.
    Deadline {
        /// Where to go on.
        cursor: Payload,
        /// Not before this many milliseconds, if it has nothing to do until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
    /// The worker is leaving before the task got anywhere. No failure.
    NotStarted {
        /// Why.
        error: String,
    },
}

/// An attempt makes progress: its lease is extended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The task.
    pub task_id: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// The fence of its envelope.
    pub fence: Fence,
}

/// Stop a collection: what is not done becomes `Disabled`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelCollection {
    /// The collection.
    pub collection_id: CollectionId,
}

impl ToManager {
    /// A message in the current version.
    pub const fn new(id: MessageId, body: Message) -> Self {
        Self {
            v: WIRE_VERSION,
            id,
            body,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// A typed reason to park it: it is newer than this code, or no message at all.
    pub fn decode(body: &[u8]) -> Result<Self, ParkReason> {
        decode_versioned(body, |message: &Self| message.v)
    }

    /// Writes the message.
    pub fn encode(&self) -> Bytes {
        encode(self).into()
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
