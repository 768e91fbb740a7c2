//! Which try a probe is.

/// Which try a probe is. Each has source ports of its own, so an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// The pass, from 0: the first goes to every target, later ones to those that were silent.
    Pass(u8),
    /// A probe of a target that has answered before, sent to measure loss; the number tells rounds
    /// apart.
    Canary(u16),
}
