//! The fleet port: starting bare-metal workers when there is work for them.

use std::fmt;

use async_trait::async_trait;

/// Starts bare-metal workers. They poll their queue by themselves and leave when it stays empty.
#[async_trait]
pub trait Fleet: fmt::Debug + Send + Sync + 'static {
    /// Makes sure that there is capacity for `queued` waiting tasks, within the fleet's own
    /// maximum. Called after every commit that dispatched bare-metal tasks and at every tick
    /// while there are any; it must be cheap when there is nothing to do, and safe from several
    /// managers at once. Returns how many workers it started.
    async fn ensure(&self, queued: u64) -> Result<u32, FleetError>;
}

/// Why no worker could be started. The tasks stay queued; the next tick asks again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// No instance type in any subnet has capacity now.
    #[error("no capacity in any of the {tried} combinations of instance type and subnet")]
    Exhausted {
        /// Combinations that were tried.
        tried: u32,
    },
    /// Asking again will not help before somebody changes something.
    #[error("the fleet is misconfigured: {0}")]
    Configuration(String),
    /// Something else failed; trying again may help.
    #[error("the fleet failed: {0}")]
    Backend(Box<dyn std::error::Error + Send + Sync>),
}
