//! The scan itself, and what it tells.

use std::ops::ControlFlow;
use std::time::Duration;

use scanners::connect::{ConnectScan, PortOutcome};
use scanners::engine::{Checkpoint, Found, Observer, Progress};
use scanners::link::Link;
use scanners::syn::{SynAnswer, SynScan};
use scanners::target::Target;
use task_core::{TaskContext, TaskDefinition, TaskError};
use tokio::sync::mpsc::UnboundedSender;

use super::record::PortClass;
use super::scan::PortScan;
use crate::blocking::blocking;

/// How often a scan by packets says where it could go on: what a hand-over does over.
pub(super) const CHECKPOINT: Duration = Duration::from_secs(1);
/// Time that is kept, beyond what the scan itself takes to stop, for handing over.
const SPARE: Duration = Duration::from_secs(3);

/// What the scan tells.
pub(super) enum Told {
    /// A target answered.
    Answer {
        target: Target,
        outcome: PortClass,
        detail: Option<String>,
    },
    /// From here the scan can go on, with all that was told before.
    Mark(Box<Checkpoint>),
}

/// How a scan ended.
pub(super) struct Ended {
    /// Whether it went to its end.
    pub(super) complete: bool,
    /// How many targets did not answer: of all, by packets; of this run, by connections.
    pub(super) silent: u64,
    /// The position where connections go on.
    pub(super) next: u64,
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
    /// With less time than this left, it must stop.
    margin: Duration,
    /// What was sent and came so far: a scan that stands still shows no life.
    signs: u64,
}

impl Watch {
    pub(super) fn new(
        cx: TaskContext<<PortScan as TaskDefinition>::Requires>,
        out: UnboundedSender<Told>,
        leg: Duration,
        to_stop: Duration,
    ) -> Self {
        Self {
            cx,
            out,
            leg,
            margin: to_stop.saturating_add(SPARE),
            signs: 0,
        }
    }

    fn tell(&self, told: Told) {
        // Nobody listens any more when the attempt is over; `progress` sees that.
        let _ = self.out.send(told);
    }

    fn look(&mut self, progress: &Progress) -> ControlFlow<()> {
        let signs = progress.sent.probes() + progress.received.targets();
        let moved = signs != self.signs;
        if moved {
            self.signs = signs;
            self.cx.checkpoint();
        }
        let short = || self.cx.remaining().is_some_and(|left| left < self.margin);
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
}

impl Observer<SynAnswer> for Watch {
    fn found(&mut self, found: &Found<SynAnswer>) {
        let (outcome, detail) = PortClass::of_syn(&found.answer);
        let target = found.target;
        self.tell(Told::Answer {
            target,
            outcome,
            detail,
        });
    }

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.look(progress)
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.tell(Told::Mark(Box::new(checkpoint.clone())));
    }
}

impl Observer<PortOutcome> for Watch {
    fn found(&mut self, found: &Found<PortOutcome>) {
        let (outcome, detail) = PortClass::of_connection(&found.answer);
        let target = found.target;
        self.tell(Told::Answer {
            target,
            outcome,
            detail,
        });
    }

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.look(progress)
    }
}

/// Scans by packets, on threads of the scan's own.
pub(super) async fn by_packets(
    link: Box<dyn Link>,
    scan: SynScan,
    mut watch: Watch,
) -> Result<Ended, TaskError> {
    let report = blocking(move || scan.run(&*link, &mut watch)).await?;
    let report = report.map_err(TaskError::retry)?;
    Ok(Ended {
        complete: report.complete,
        silent: report.silent,
        next: 0,
    })
}

/// Scans by connections.
pub(super) async fn by_connections(
    scan: ConnectScan,
    mut watch: Watch,
) -> Result<Ended, TaskError> {
    let report = scan.run(&mut watch).await.map_err(TaskError::fatal)?;
    if let Some(trouble) = report.trouble {
        return Err(TaskError::retry(crate::scan::LocalFailure(trouble)));
    }
    Ok(Ended {
        complete: report.not_tried == 0,
        silent: report.silent,
        next: report.next,
    })
}
