//! Carriers of messages, and keepers of payloads too large for a message.
//!
//! - [`memory`]: the four queues of a deployment in one process;
//! - `objects` (feature `objects`, on by default): large payloads in memory, in a folder, or in
//!   any store that the crate `object_store` knows.
//!
//! All of them pass the suites in `task_core::conformance`, which are there for carriers of
//! your own, too.

pub mod memory;
#[cfg(feature = "objects")]
pub mod objects;
