//! Requirements → kind of worker → queue.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::requirements::WorkerRequirement;

/// The three kinds of worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerKind {
    /// No database, no raw sockets: public APIs and the massively parallel scans.
    External,
    /// Task data and recon data, no raw sockets.
    Internal,
    /// Everything, raw sockets included.
    BareMetal,
}

impl WorkerKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::External, Self::Internal, Self::BareMetal];

    /// The queue that workers of this kind poll.
    pub const fn queue(self) -> Queue {
        match self {
            Self::External => Queue::External,
            Self::Internal => Queue::Internal,
            Self::BareMetal => Queue::BareMetal,
        }
    }

    /// The name in wire forms and stores.
    pub const fn as_str(self) -> &'static str {
        self.queue().as_str()
    }
}

impl fmt::Display for WorkerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The four queues of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// What the manager reads.
    Manager,
    /// What External workers read.
    External,
    /// What Internal workers read.
    Internal,
    /// What bare-metal workers read.
    BareMetal,
}

impl Queue {
    /// All queues.
    pub const ALL: [Self; 4] = [
        Self::Manager,
        Self::External,
        Self::Internal,
        Self::BareMetal,
    ];

    /// The name in logs, stores and carriers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::External => "external",
            Self::Internal => "internal",
            Self::BareMetal => "bare_metal",
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Three rules, in this order:
///
/// 1. `RawSocketAccess` → Bare Metal;
/// 2. otherwise `TaskDataAccess` or `ReconDataAccess` → Internal;
/// 3. otherwise → External. `QueueAccess` alone does not change the route.
///
/// ```
/// use sortie_task_core::{WorkerKind, WorkerRequirement::*, route};
///
/// const SCAN: WorkerKind = route(&[RawSocketAccess, ReconDataAccess]);
/// assert_eq!(SCAN, WorkerKind::BareMetal);
/// assert_eq!(route(&[QueueAccess]), WorkerKind::External);
/// ```
pub const fn route(requirements: &[WorkerRequirement]) -> WorkerKind {
    if contains(requirements, WorkerRequirement::RawSocketAccess) {
        WorkerKind::BareMetal
    } else if contains(requirements, WorkerRequirement::TaskDataAccess)
        || contains(requirements, WorkerRequirement::ReconDataAccess)
    {
        WorkerKind::Internal
    } else {
        WorkerKind::External
    }
}

const fn contains(requirements: &[WorkerRequirement], wanted: WorkerRequirement) -> bool {
    let mut i = 0;
    while i < requirements.len() {
        if requirements[i] as u8 == wanted as u8 {
            return true;
        }
        i += 1;
    }
    false
}
