//! What travels from the manager to a worker: one attempt at one task.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{CollectionId, ContainerId, TaskId};
use crate::payload::{Claim, Payload};
use crate::ports::transport::ParkReason;
use crate::time::{Timestamp, millis};

/// The newest version of envelope and messages that this code writes and reads.
pub const WIRE_VERSION: u16 = 1;

/// The envelope of `DispatchTask`, version 1.
///
/// Everything an attempt needs, so that a worker without a database can run it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DispatchTask {
    /// The envelope's version.
    pub v: u16,
    /// The definition's wire name.
    pub kind: String,
    /// The definition's version when the task was created.
    pub kind_version: u32,
    /// The task.
    pub task_id: TaskId,
    /// The collection it belongs to.
    pub collection_id: CollectionId,
    /// The container it stands in.
    pub parent_id: ContainerId,
    /// Its place there; for a generated child, the ordinal its generator gave it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ordinal: u32,
    /// Which attempt this is, from 1. Only the current attempt may complete the task.
    pub attempt: u32,
    /// Proves to the manager that a completion comes from who was given this envelope.
    pub fence: Fence,
    /// A worker that receives it later does not start it.
    pub start_by: Timestamp,
    /// When the task times out for good, if it ever does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Time without progress after which the attempt counts as lost.
    #[serde(with = "millis", rename = "lease_ms")]
    pub lease: Duration,
    /// The scope document that the task works under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Claim>,
    /// W3C trace context: `traceparent`.
    pub trace: String,
    /// Where the last attempt stopped, if it handed back a cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Payload>,
    /// The definition.
    pub payload: Payload,
}

impl DispatchTask {
    /// Reads an envelope.
    ///
    /// # Errors
    ///
    /// A typed reason to park the message: it is newer than this code, or no envelope at all.
    pub fn decode(body: &[u8]) -> Result<Self, ParkReason> {
        decode_versioned(body, |task: &Self| task.v)
    }

    /// Writes the envelope.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

/// A keyed hash of task and attempt, made and checked by the manager.
///
/// An External worker is not trusted: without the fence of the current attempt it cannot complete
/// a task, so it cannot touch tasks that it was never given.
///
/// On the wire it is 16 hexadecimal digits, because not every language has numbers of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence(pub u64);

impl Serialize for Fence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Fence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// The trace context of one attempt: the collection is the trace, the attempt a span of it.
pub(crate) fn traceparent(collection: CollectionId, task: TaskId, attempt: u32) -> String {
    let trace = collection.as_uuid().simple();
    let task = task.as_uuid().as_u64_pair();
    let span = (task.0.rotate_left(17) ^ task.1)
        .wrapping_add(u64::from(attempt))
        .max(1);
    format!("00-{trace}-{span:016x}-01")
}

/// Decodes a message that carries its version in `v`; a newer one is told apart from garbage.
pub(crate) fn decode_versioned<T: serde::de::DeserializeOwned>(
    body: &[u8],
    version: impl Fn(&T) -> u16,
) -> Result<T, ParkReason> {
    #[derive(Deserialize)]
    struct Version {
        v: u64,
    }
    // The version decides, not the shape: a newer message may have the same fields and mean
    // something else.
    let newer = |v: u64| ParkReason::EnvelopeVersion {
        found: u16::try_from(v).unwrap_or(u16::MAX),
        known: WIRE_VERSION,
    };
    match serde_json::from_slice::<T>(body) {
        Ok(message) if version(&message) > WIRE_VERSION => Err(newer(version(&message).into())),
        Ok(message) => Ok(message),
        Err(error) => match serde_json::from_slice::<Version>(body) {
            Ok(Version { v }) if v > u64::from(WIRE_VERSION) => Err(newer(v)),
            _ => Err(ParkReason::Undecodable(error.to_string())),
        },
    }
}

/// Encodes a message of this crate. Their types hold nothing that JSON cannot express.
pub(crate) fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    // A `Vec` takes every byte and the messages have text keys only, so there is no error to
    // hide; a body cut short would be parked as undecodable.
    let _ = serde_json::to_writer(&mut body, message);
    body
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}
