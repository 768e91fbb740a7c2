//! The state in memory.
//!
//! Transactions run one after the other: an open one holds the whole state, changes it in place
//! and notes how to undo what it did. Snapshots wait for it, too, so never read from the store
//! while you hold a transaction of it: read through the transaction.

mod data;
mod read;
mod recon;
mod record;
mod state;
mod tx;
mod undo;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;

use state::State;

/// A store that forgets everything with its last clone. Clones share one state.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
