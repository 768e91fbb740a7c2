//! Workflows made from the seed, of tasks whose right results are known.

mod expect;
mod pace;
mod plan;
mod script;
mod tasks;

pub(super) use expect::check;
pub(super) use pace::check as check_pace;
pub(super) use plan::make;

use task_core::{Registry, registry};
use tasks::{Choose, Find, Note, Probe, Raw, Spread, Total};

/// The definitions of which generated workflows are made.
pub(super) fn registry() -> Registry {
    registry![Choose, Find, Note, Probe, Raw, Spread, Total]
}
