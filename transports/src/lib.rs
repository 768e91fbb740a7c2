//! Carriers of messages, and keepers of payloads too large for a message.
//!
//! - [`memory`]: the four queues of a deployment in one process;
//! - `objects` (feature `objects`, on by default): large payloads in memory, in a folder, or in
//!   any store that the crate `object_store` knows;
//! - `sqs` (feature `sqs`): the four queues on Amazon SQS;
//! - `lambda` (feature `lambda`): manager and workers as functions that SQS calls, and (feature
//!   `invoke`) the carrier that calls them without a queue;
//! - `s3` (feature `s3`): large payloads in Amazon S3.
//!
//! All of them pass the suites in `task_core::conformance`, which are there for carriers of
//! your own, too.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(any(feature = "objects", feature = "s3"))]
mod key;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod memory;
#[cfg(feature = "objects")]
pub mod objects;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "sqs")]
pub mod sqs;
