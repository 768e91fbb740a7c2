//! Tasks that decide how a workflow goes on, and when, and tell of it.

mod conditional;
mod fail;
#[cfg(feature = "notify")]
pub mod notify;
mod sleep;

pub use conditional::{Conditional, Test};
pub use fail::Fail;
pub use sleep::SleepUntil;
