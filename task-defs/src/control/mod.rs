//! Tasks that decide how a workflow goes on, and tell of it.

mod conditional;
#[cfg(feature = "notify")]
pub mod notify;

pub use conditional::{Conditional, Test};
