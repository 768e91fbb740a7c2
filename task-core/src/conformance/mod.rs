//! The suites that every adapter of a port must pass.
//!
//! They are public, so that third parties can hold their own adapters against them. A broken
//! promise is a panic that names it.

#[cfg(feature = "tokio-runtime")]
mod manual;
pub mod objects;
pub mod recon;
pub mod store;
pub mod transport;

#[cfg(feature = "tokio-runtime")]
pub use manual::ManualRuntime;
