//! Who is told of what is found.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::target::Target;

use super::checkpoint::Checkpoint;
use super::report::Progress;

/// A target that answered, told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<A> {
    /// When the answer came, counted from the start of the scan; a resumed scan starts anew.
    pub after: Duration,
    /// The target.
    pub target: Target,
    /// The pass that it answered to, from 0.
    pub pass: u8,
    /// What it is.
    pub answer: A,
}

/// Is told of what a scan finds, on the thread that receives: be quick, or answers are dropped.
///
/// A closure that takes a [`Found`] is an observer.
pub trait Observer<A> {
    /// A target answered. Comes once for each target, in the order of the answers.
    fn found(&mut self, found: &Found<A>);

    /// Where the scan is, about ten times a second. [`ControlFlow::Break`] stops it.
    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }

    /// From here the scan can be resumed, if what was found so far is kept: flush that first, then
    /// store the checkpoint.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        let _ = checkpoint;
    }
}

impl<A, F: FnMut(&Found<A>)> Observer<A> for F {
    fn found(&mut self, found: &Found<A>) {
        self(found);
    }
}
