//! core
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod envelope;
pub mod id;
pub mod ledger;
pub mod message;
pub mod payload;
pub mod policy;
pub mod ports;
pub mod requirements;
pub mod route;
pub mod state;
pub mod task;
pub mod time;
pub mod workflow;

pub use envelope::*;
pub use requirements::*;
pub use route::*;
pub use task::*;
pub use workflow::*;
