//! Tasks that decide how a workflow goes on.

mod conditional;

pub use conditional::{Conditional, Test};
