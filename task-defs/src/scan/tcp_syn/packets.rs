//! Ports are asked by packets.

use std::time::Duration;

use futures_util::future::join;
use scanners::engine::{Answered, Checkpoint};
use scanners::link::Link;
use scanners::syn::SynScan;
use scanners::target::{Chunk, ChunkTargets};
use task_core::{TaskContext, TaskDefinition, TaskError};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::cursor::{Cursor, Kept};
use super::part::Part;
use super::record::{AskedBy, PortClass};
use super::scan::PortScan;
use super::watch::{Told, Watch};
use super::write::{Answer, Writer};
use crate::blocking::blocking;

/// How often a scan by packets says where it could go on: what a hand-over does over.
const CHECKPOINT: Duration = Duration::from_secs(1);
/// The wait before a scan whose link has failed goes on.
const LINK_PAUSE: Duration = Duration::from_secs(10);

impl PortScan {
    /// Scans the targets of `whole` by packets, from position `from` on, of which `kept` says how
    /// far they are.
    pub(super) async fn by_packets(
        &self,
        cx: &TaskContext<<Self as TaskDefinition>::Requires>,
        part: &Part,
        (whole, refused): (&ChunkTargets, u64),
        link: Box<dyn Link>,
        (from, kept): (u64, Option<&Kept>),
    ) -> Result<(), TaskError> {
        let chunk = Chunk {
            // No more than the length of the chunk.
            lo: whole
                .chunk()
                .hi
                .min(whole.chunk().lo.saturating_add(from.into())),
            ..whole.chunk().clone()
        };
        let targets = whole.set().chunk(&chunk).map_err(TaskError::fatal)?;
        let mut scan = SynScan::new(whole.set().clone())
            .chunk(chunk)
            .rate(self.options.rate.into())
            .passes(self.options.passes)
            .with(|config| {
                config.checkpoint_every = Some(CHECKPOINT);
                // As many passes as the task says, and none added.
                config.reach = None;
            });
        let mut answered = Answered::new(targets.len());
        if let Some(kept) = kept {
            let checkpoint = kept.fetch(cx).await?;
            answered = checkpoint
                .answered(targets.len())
                .map_err(TaskError::fatal)?;
            scan = scan.resume(checkpoint);
        }
        let mut follower = Follower {
            writer: Writer::new(cx, part, self.options.rows, AskedBy::Syn),
            targets: &targets,
            answered,
            held: Vec::new(),
            mark: None,
        };
        let (out, told) = mpsc::unbounded_channel();
        let mut watch = Watch::new(cx.clone(), out, self.options.leg);
        // On threads of the scan's own. Whoever follows has seen all of it when the watch is gone.
        let scanning = blocking(move || scan.run(&*link, &mut watch));
        let (report, followed) = join(scanning, follower.follow(told)).await;
        followed?;
        let failure = match report? {
            Ok(report) if report.complete => {
                follower.write_held().await?;
                follower.silence().await?;
                let mut writer = follower.writer;
                writer.count(PortClass::Silent, report.silent);
                writer.count(PortClass::OutOfScope, refused);
                return writer.finish().await;
            }
            Ok(_) => None,
            Err(error) => Some(TaskError::retry(error)),
        };
        // Nothing was gained: a failure, so that a worker that never has the time, or the link, does
        // not get the task for ever.
        let Some(mark) = follower.mark else {
            return Err(match failure {
                Some(failure) => failure,
                None if cx.is_leaving() => TaskError::Cancelled,
                None => {
                    TaskError::retry("the worker has not the time to begin; it takes a few seconds")
                }
            });
        };
        follower.writer.finish().await?;
        let syn = Kept::keep(&mark, cx).await?;
        let next = Cursor::Packets { from, syn };
        Err(match failure {
            // What the link has carried stands.
            Some(_) => TaskError::pause(&next, LINK_PAUSE),
            None => TaskError::deadline(&next),
        })
    }
}

/// Takes what a scan tells, and holds answers back until a checkpoint covers them: what is found
/// behind the last one is found again by whoever goes on from there.
struct Follower<'a> {
    writer: Writer<'a>,
    targets: &'a ChunkTargets,
    /// Positions that were written, before and now, or are held.
    answered: Answered,
    held: Vec<Answer>,
    /// The last checkpoint: everything before it is written, and nothing behind it.
    mark: Option<Box<Checkpoint>>,
}

impl Follower<'_> {
    /// Writes until the scan has no more to tell.
    async fn follow(&mut self, mut told: UnboundedReceiver<Told>) -> Result<(), TaskError> {
        while let Some(told) = told.recv().await {
            match told {
                Told::Answer(answer) => {
                    let target = answer.target;
                    if let Some(position) = self.targets.position(target.addr(), target.port()) {
                        self.answered.mark(position);
                    }
                    self.held.push(answer);
                }
                Told::Mark(mark) => {
                    self.write_held().await?;
                    self.mark = Some(mark);
                }
            }
        }
        Ok(())
    }

    async fn write_held(&mut self) -> Result<(), TaskError> {
        for answer in std::mem::take(&mut self.held) {
            self.writer.write(answer).await?;
        }
        Ok(())
    }

    /// The positions that have not answered, when the scan is over.
    async fn silence(&mut self) -> Result<(), TaskError> {
        let mut from = 0;
        while let Some(position) = self.answered.next_silent(from..self.targets.len()) {
            from = position + 1;
            if let Some(target) = self.targets.get(position) {
                self.writer.silent(target).await?;
            }
        }
        Ok(())
    }
}
