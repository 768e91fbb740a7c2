//! Tasks as their authors write them: a serde type with one trait.

mod cancel;
mod context;
mod definition;
mod error;
mod object;
mod progress;
mod queue;
mod recon;
mod registry;
mod resources;
mod task_data;

pub use cancel::Cancelled;
pub use context::{RawSockets, TaskContext};
pub use definition::{Routed, TaskDefinition};
pub use error::{TaskError, UpgradeError};
pub use object::ErasedTask;
pub use progress::Progress;
pub use queue::{Child, Children};
pub use recon::{Listing, ModelRows, Recon};
#[doc(hidden)]
pub use registry::assert_distinct;
pub use registry::{DuplicateKind, Registry};
pub use resources::Resources;
pub use task_data::{Rows, TaskData};

pub(crate) use cancel::{CancelSignal, DEFAULT_CANCEL_POLL, marker as cancel_marker};
pub(crate) use context::{Attempt, Host, Resume};
pub(crate) use object::RunFn;
