//! Links, through their public interface.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

#[cfg(target_os = "linux")]
mod af_packet;
mod batch;
mod decorators;
mod frames;
mod memory;
