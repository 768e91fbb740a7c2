//! Progress: what keeps an attempt alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the signs of life of one attempt.
///
/// Leases are extended when this has moved since the last look, never by a timer alone: a worker
/// that is alive but stuck loses its task.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Shows that work goes on.
    pub fn checkpoint(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Signs of life so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
