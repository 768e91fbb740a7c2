//! A chunk of targets is looked at.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::try_join;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use task_core::{TaskContext, TaskDefinition, TaskError, needs};
use tokio::sync::mpsc;

use super::found::Found;
use super::kind::Kinds;
use super::probe::Probe;
use super::tools::Tools;

/// Looks at its targets, many at once, within the scope of the collection.
///
/// Every target gives one record, which is a row, and one count in the ledger under the class of
/// its outcome. Rows stand in the order in which the looks ended. The models that follow from records
/// are written into the recon tables while it goes on; a model that a failed attempt has written
/// stays, and the next attempt writes it to the same effect.
///
/// Before its time runs out it starts no further look, waits for those under way and hands back a
/// cursor, so the next attempt goes on behind them. Memory holds what is under way, a few records
/// that wait to be written, and some megabytes of models.
///
/// # Errors
///
/// - [`TaskError::OutOfScope`] if the collection has no scope document.
/// - [`TaskError::Fatal`] if a setting is beyond its limits or the scope document is not one.
/// - [`TaskError::Retry`] if the worker cannot give the time for one look, or its machine could
///   not look ([`LocalFailure`](super::LocalFailure)): that says nothing about a target, so it gives no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(bound = "")]
#[cfg_attr(
    feature = "schema",
    schemars(bound = "P: schemars::JsonSchema, P::Target: schemars::JsonSchema")
)]
pub struct Scan<P: Probe> {
    /// What is looked at.
    pub targets: Vec<P::Target>,
    /// How many looks are under way at once. 1 to 10,000.
    pub concurrency: u16,
    /// How they are looked at.
    pub options: P,
}

/// Looks under way at once, unless told otherwise.
pub(super) const DEFAULT_CONCURRENCY: u16 = 256;
/// Time that is kept, beyond one look, for handing back what is left when the worker must stop.
const SPARE: Duration = Duration::from_secs(2);

/// Records that may wait to be written. With more, looks wait: a hostile peer's record has up to
/// half a megabyte.
const WAITING: usize = 64;

pub(super) fn check_concurrency(looks: u16) -> Result<(), TaskError> {
    if (1..=10_000).contains(&looks) {
        return Ok(());
    }
    Err(TaskError::fatal(format!(
        "concurrency is {looks}; 1 to 10000 are allowed"
    )))
}

impl<P: Probe> TaskDefinition for Scan<P> {
    const KIND: &'static str = Kinds::<P>::SCAN;
    type Requires = needs![RawSocketAccess, ReconDataAccess, TaskDataAccess];
    type Output = ();

    fn targets(&self) -> u64 {
        self.targets.len() as u64
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        check_concurrency(self.concurrency)?;
        self.options.check()?;
        let looks = self.targets.len();
        let start = cx.cursor::<usize>()?.unwrap_or(0);
        if start > looks {
            return Err(TaskError::fatal(format!(
                "the cursor {start} is behind the last of {looks} targets"
            )));
        }
        let scanner = self.options.set_up(&Tools::of(&cx).await?)?;
        let margin = self.options.deadline().saturating_add(SPARE);
        let work = Work {
            targets: self.targets,
            concurrency: self.concurrency.into(),
            margin,
            options: self.options,
            scanner,
        };
        // Beside each other, so that a slow store takes no time from the looks under way.
        let (out, records) = mpsc::channel(WAITING);
        let both = try_join(work.look_at_all(&cx, start, out), write::<P>(&cx, records));
        let (next, ()) = tokio::select! {
            biased;
            // Records of a cancelled collection are of no use, so nothing is waited for.
            () = cx.cancelled() => return Err(TaskError::Cancelled),
            done = both => done?,
        };
        match next {
            _ if next == looks => Ok(()),
            // Nothing was gained: a failure, so that a worker that never has the time does not
            // get the task for ever.
            _ if next == start && cx.is_leaving() => Err(TaskError::Cancelled),
            _ if next == start => Err(TaskError::retry(format!(
                "the worker has less than the {} ms left that one look may take",
                margin.as_millis()
            ))),
            _ => Err(TaskError::deadline(&next)),
        }
    }
}

/// What looks, and what at.
struct Work<P: Probe> {
    targets: Vec<P::Target>,
    concurrency: usize,
    /// With less time than this left, no look is started.
    margin: Duration,
    options: P,
    scanner: P::Scanner,
}

impl<P: Probe> Work<P> {
    /// Goes on from target number `next` until all are done or time is short, and sees those that
    /// were started to their end; says which one would be the next.
    async fn look_at_all<R>(
        &self,
        cx: &TaskContext<R>,
        mut next: usize,
        out: mpsc::Sender<P::Record>,
    ) -> Result<usize, TaskError> {
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.concurrency && !self.must_end(cx) {
                let Some(target) = self.targets.get(next) else {
                    break;
                };
                under_way.push(self.options.look(&self.scanner, target));
                next += 1;
            }
            let Some(looked) = under_way.next().await else {
                return Ok(next);
            };
            let record = looked.map_err(TaskError::retry)?;
            if out.send(record).await.is_err() {
                // Whoever writes has failed, and says why.
                return Ok(next);
            }
        }
    }

    fn must_end<R>(&self, cx: &TaskContext<R>) -> bool {
        cx.is_leaving() || cx.remaining().is_some_and(|left| left < self.margin)
    }
}

/// Writes records down: rows, the ledger, models.
async fn write<P: Probe>(
    cx: &TaskContext<<Scan<P> as TaskDefinition>::Requires>,
    mut records: mpsc::Receiver<P::Record>,
) -> Result<(), TaskError> {
    let (rows, recon) = (cx.task_data(), cx.recon());
    let mut found = Found::default();
    while let Some(record) = records.recv().await {
        cx.cover(P::outcome(&record), 1);
        P::models(&record, &mut found);
        rows.push(&record).await?;
        if found.is_full() {
            found.store(&recon).await?;
        }
    }
    found.store(&recon).await
}
