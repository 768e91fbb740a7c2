//! What a scan by packets tells, and when it stops.

use std::ops::ControlFlow;
use std::time::Duration;

use scanners::engine::{Checkpoint, Found, Observer, Progress};
use scanners::syn::SynAnswer;
use task_core::{TaskContext, TaskDefinition};
use tokio::sync::mpsc::UnboundedSender;

use super::record::PortClass;
use super::scan::PortScan;
use super::write::Answer;

/// Time that is kept for handing over.
const SPARE: Duration = Duration::from_secs(3);

/// What the scan tells.
pub(super) enum Told {
    /// A target answered.
    Answer(Answer),
    /// From here the scan can go on, with all that was told before.
    Mark(Box<Checkpoint>),
}

/// Passes on what is found, shows that work goes on, and stops the scan when the task must end.
///
/// The channel has no bound, because who receives packets must not wait; there is at most one
/// answer for each target of the chunk.
pub(super) struct Watch {
    cx: TaskContext<<PortScan as TaskDefinition>::Requires>,
    out: UnboundedSender<Told>,
    /// The longest that it may go on.
    leg: Duration,
    /// What was sent and came so far: a scan that stands still shows no life.
    signs: u64,
}

impl Watch {
    pub(super) fn new(
        cx: TaskContext<<PortScan as TaskDefinition>::Requires>,
        out: UnboundedSender<Told>,
        leg: Duration,
    ) -> Self {
        Self {
            cx,
            out,
            leg,
            signs: 0,
        }
    }

    fn tell(&self, told: Told) {
        // Nobody listens any more when the attempt is over; `progress` sees that.
        let _ = self.out.send(told);
    }
}

impl Observer<SynAnswer> for Watch {
    fn found(&mut self, found: &Found<SynAnswer>) {
        let (outcome, detail) = PortClass::of_syn(&found.answer);
        self.tell(Told::Answer(Answer {
            target: found.target,
            outcome,
            detail,
        }));
    }

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        let signs = progress.sent.probes() + progress.received.targets();
        let moved = signs != self.signs;
        if moved {
            self.signs = signs;
            self.cx.checkpoint();
        }
        let short = || self.cx.remaining().is_some_and(|left| left < SPARE);
        if self.out.is_closed()
            || self.cx.is_cancelled()
            || self.cx.is_leaving()
            // Not while the last answers are waited for: whoever goes on would wait again.
            || (moved && progress.elapsed >= self.leg)
            || short()
        {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.tell(Told::Mark(Box::new(checkpoint.clone())));
    }
}
