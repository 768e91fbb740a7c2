//! The manager: stateless between batches, as many at once as one likes.
//!
//! A batch of messages goes through four steps, and the files are named after them:
//!
//! 1. `batch`: decode and check, without the store. What cannot be right is parked with its reason;
//! 2. one store transaction (`work` is its unit of work): drop what was seen and is not fenced, then
//!    `submit`, `create`, `heartbeat`, `complete`, `cancel`, `tick`, each in bulk; `advance`
//!    moves containers on, `close` ends what is not needed any more;
//! 3. `dispatch`: after the commit, send what the transaction put into the outbox;
//! 4. ask the fleet for capacity, if bare-metal tasks were sent.
//!
//! A function is given its batches; in a process, `run` takes messages from the carrier, and `intake`
//! makes batches of them that several transactions can apply at once.
//!
//! A crash between 2 and 3 is repaired by the next tick. If a transaction fails for a reason that
//! lies in the data, the batch is taken apart until the culprit stands alone, and that one is
//! parked.

mod advance;
mod batch;
mod cancel;
mod close;
mod complete;
mod create;
mod dispatch;
mod error;
mod fence;
mod heartbeat;
mod intake;
mod run;
mod sent;
mod stop;
mod submit;
mod tick;
mod work;

use std::sync::Arc;
use std::time::Duration;

pub use batch::Handled;
pub(crate) use batch::MAX_ERROR_BYTES;
pub use error::{ManagerError, Refusal};
pub use fence::FenceKey;
pub use run::ManagerLoop;
pub use stop::{Stop, StopHandle};

use crate::ports::fleet::Fleet;
use crate::ports::objects::Objects;
use crate::ports::runtime::Runtime;
use crate::ports::store::Store;
use crate::ports::transport::Transport;
use crate::task::Registry;

use sent::Sent;

/// Applies messages to the store and sends what follows from them.
#[derive(Debug)]
pub struct Manager {
    store: Arc<dyn Store>,
    transport: Arc<dyn Transport>,
    runtime: Arc<dyn Runtime>,
    registry: Arc<Registry>,
    objects: Option<Arc<dyn Objects>>,
    fleet: Option<Arc<dyn Fleet>>,
    config: ManagerConfig,
    sent: Sent,
}

/// What a manager can be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ManagerConfig {
    /// The key of the fences.
    pub fence_key: FenceKey,
    /// How long the inbox remembers a message: longer than the carrier may redeliver it.
    /// Default: 4 days, the retention of an SQS queue unless it is told otherwise.
    pub inbox_memory: Duration,
    /// How long a dispatch may stand in the outbox before a tick sends it. Default: 5 s.
    pub outbox_grace: Duration,
    /// Overdue tasks and stuck dispatches that one tick looks after. Default: 1000.
    pub tick_limit: usize,
    /// How often a transaction that lost a race is run again before the batch is given back.
    /// Default: 10.
    pub conflict_retries: u32,
}

impl ManagerConfig {
    /// The defaults, with this key.
    pub const fn new(fence_key: FenceKey) -> Self {
        Self {
            fence_key,
            inbox_memory: Duration::from_secs(4 * 24 * 3600),
            outbox_grace: Duration::from_secs(5),
            tick_limit: 1000,
            conflict_retries: 10,
        }
    }
}

impl Manager {
    /// A manager over its ports.
    pub fn new(
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        runtime: Arc<dyn Runtime>,
        registry: Arc<Registry>,
        config: ManagerConfig,
    ) -> Self {
        Self {
            store,
            transport,
            runtime,
            registry,
            objects: None,
            fleet: None,
            config,
            sent: Sent::default(),
        }
    }

    /// With an object store: for payloads over the carrier's limit, scope documents, and the word
    /// that a collection was cancelled.
    #[must_use]
    pub fn with_objects(mut self, objects: Arc<dyn Objects>) -> Self {
        self.objects = Some(objects);
        self
    }

    /// With a fleet of bare-metal workers.
    #[must_use]
    pub fn with_fleet(mut self, fleet: Arc<dyn Fleet>) -> Self {
        self.fleet = Some(fleet);
        self
    }

    /// Bytes that a payload may take up inline: half a message, so that an envelope with a cursor
    /// always fits.
    fn inline_limit(&self) -> usize {
        self.transport.limits().message_bytes / 2
    }
}
