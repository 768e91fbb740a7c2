//! Identities, made in code and never by a database.
//!
//! A collection gets a UUIDv7. Everything below it is derived from it, so that whatever is made
//! twice (a generator that runs again, a message that arrives again) is the same thing.

use std::fmt;
use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use uuid::Uuid;

use crate::ports::runtime::Runtime;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an existing UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }

            /// The 16 bytes, in the order in which they sort.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id! {
    /// One run of a workflow.
    CollectionId
}
id! {
    /// A node of a collection's tree that holds tasks or other containers.
    ContainerId
}
id! {
    /// A task: a leaf of a collection's tree.
    TaskId
}
id! {
    /// A message to the manager; what its inbox remembers.
    MessageId
}

impl CollectionId {
    /// A new, time-ordered id.
    pub fn new(runtime: &dyn Runtime) -> Self {
        Self(v7(runtime))
    }

    /// The id of the container at `index` of the submitted plan.
    pub fn container(self, index: u32) -> ContainerId {
        ContainerId(derive(&self.0, b'c', index))
    }

    /// The id of the task at `index` of the submitted plan.
    pub fn task(self, index: u32) -> TaskId {
        TaskId(derive(&self.0, b't', index))
    }
}

impl TaskId {
    /// The id of the child that this task generates at `ordinal`.
    ///
    /// A UUIDv8 (RFC 9562 §5.8): the parent's 48 bits of time, 42 bits of a keyed hash of the
    /// parent, and the ordinal itself in the last 32 bits. Children sort beside their parent and
    /// in the order of their ordinals, which keeps a store's index local, and two children of one
    /// parent can never collide. Two generators of one collection whose hashes agree are told
    /// apart when the collection is submitted.
    pub fn child(self, ordinal: u32) -> Self {
        Self(derive(&self.0, b'g', ordinal))
    }
}

impl MessageId {
    /// A new, time-ordered id.
    pub fn new(runtime: &dyn Runtime) -> Self {
        Self(v7(runtime))
    }
}

fn v7(runtime: &dyn Runtime) -> Uuid {
    let mut random = [0u8; 10];
    random[..8].copy_from_slice(&runtime.random().to_be_bytes());
    random[8..].copy_from_slice(&runtime.random().to_be_bytes()[..2]);
    uuid::Builder::from_unix_timestamp_millis(runtime.now().as_millis(), &random).into_uuid()
}

fn derive(parent: &Uuid, role: u8, ordinal: u32) -> Uuid {
    let mut hasher = SipHasher13::new_with_keys(0x736f_7274_6965, u64::from(role));
    hasher.write(parent.as_bytes());
    let hash = hasher.finish();
    let mut bytes = [0u8; 16];
    bytes[..6].copy_from_slice(&parent.as_bytes()[..6]);
    bytes[6..12].copy_from_slice(&hash.to_be_bytes()[..6]);
    bytes[12..].copy_from_slice(&ordinal.to_be_bytes());
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
