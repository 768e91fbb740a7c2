//! core
extern crate self as sortie_task_core;
pub mod id;
pub mod ledger;
pub mod payload;
pub mod policy;
pub mod ports;
pub mod requirements;
pub mod route;
pub mod state;
pub mod time;
pub mod workflow;
pub mod manager {}
pub mod conformance {}
pub use requirements::*;
pub use route::*;
pub use workflow::*;
