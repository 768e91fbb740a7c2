//! The robots.txt of a chunk of names.

use std::time::Duration;

use scanners::http::robots::{RobotsFetcher, RobotsOutcome, RobotsRecord, fetch_all};
use serde::{Deserialize, Serialize};
use task_core::{Claim, PayloadError, TaskContext, TaskDefinition, TaskError, needs};
use tokio::sync::Notify;

use super::clients;
use super::options::RobotsOptions;
use super::parts::{self, Pending};
use super::record::RobotsChunk;

/// Fetches the robots.txt of its names, many at once, within the scope of the collection.
///
/// Every name gives one record and one count in the ledger, under the name of its outcome: a name
/// that does not resolve, or a name server that is silent, is an outcome and not an error.
///
/// Before its time runs out it puts what it has into the object store and hands back a cursor, so
/// the next attempt goes on behind it. Records of more than 8 MiB in all go the same way, so
/// memory stays bounded however much the peers send.
///
/// # Errors
///
/// - [`TaskError::OutOfScope`] if the collection has no scope document.
/// - [`TaskError::Fatal`] if an option is beyond its limits or the scope document is not one.
/// - [`TaskError::Retry`] if the worker cannot give the time for one name, an object cannot be
///   stored, or the worker's machine has no file, port or memory left for a socket
///   ([`RobotsOutcome::LocalFailure`]): that says nothing about a name, so it gives no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RobotsScan {
    /// The names, as they will stand in the records.
    pub names: Vec<String>,
    /// How robots.txt are fetched.
    #[serde(default)]
    pub options: RobotsOptions,
}

/// Where an attempt stopped.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {
    /// The names before this one have a record in the parts.
    next: usize,
    parts: Vec<Claim>,
}

/// Why fetching paused.
enum Pause {
    Finished,
    Full,
    OutOfTime,
}

impl TaskDefinition for RobotsScan {
    const KIND: &'static str = "robots.scan";
    type Requires = needs![];
    type Output = RobotsChunk;

    fn targets(&self) -> u64 {
        self.names.len() as u64
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<RobotsChunk, TaskError> {
        self.options.check()?;
        let Cursor {
            next: start,
            mut parts,
        } = cx.cursor()?.unwrap_or_default();
        if start > self.names.len() {
            return Err(TaskError::fatal(format!(
                "the cursor {start} is behind the last name"
            )));
        }
        let fetcher = clients::fetcher(&cx, &self.options).await?;
        let mut next = start;
        let mut pending = Pending::default();
        loop {
            let names = self.names.get(next..).unwrap_or_default();
            let (fetched, pause) = fetch(&cx, &fetcher, names, &self.options, &mut pending).await?;
            next += fetched;
            match pause {
                Pause::Finished => break,
                Pause::Full => spill(&cx, &mut pending, &mut parts).await?,
                // Nothing was gained: a failure, so that a worker that never has the time does
                // not get the task for ever.
                Pause::OutOfTime if next == start && cx.is_leaving() => {
                    return Err(TaskError::Cancelled);
                }
                Pause::OutOfTime if next == start => {
                    let needed = self.options.margin().as_millis();
                    return Err(TaskError::retry(format!(
                        "the worker has less than the {needed} ms left that one name may take"
                    )));
                }
                Pause::OutOfTime => {
                    spill(&cx, &mut pending, &mut parts).await?;
                    return Err(TaskError::deadline(&Cursor { next, parts }));
                }
            }
        }
        if pending.is_full() && cx.objects().is_some() {
            spill(&cx, &mut pending, &mut parts).await?;
        }
        Ok(RobotsChunk {
            records: pending.into_sorted(),
            parts,
        })
    }
}

/// Fetches names from the front until all are done, memory is full or time is short; says how
/// many have a record now.
async fn fetch<R>(
    cx: &TaskContext<R>,
    fetcher: &RobotsFetcher,
    names: &[String],
    options: &RobotsOptions,
    pending: &mut Pending,
) -> Result<(usize, Pause), TaskError> {
    let left = cx
        .remaining()
        .map(|left| left.saturating_sub(options.margin()));
    if names.is_empty() {
        return Ok((0, Pause::Finished));
    }
    if left == Some(Duration::ZERO) {
        return Ok((0, Pause::OutOfTime));
    }
    let full = Notify::new();
    // Without an object store memory must do.
    let may_spill = cx.objects().is_some();
    let starved = Notify::new();
    let mut starvation = None;
    let on_record = |record: RobotsRecord| {
        if record.outcome == RobotsOutcome::LocalFailure {
            starvation.get_or_insert(record);
            return starved.notify_one();
        }
        cx.cover(record.outcome.as_str(), 1);
        cx.meter(record.bytes_read, 0);
        pending.push(record);
        if may_spill && pending.is_full() {
            full.notify_one();
        }
    };
    let stop = async {
        tokio::select! {
            () = full.notified() => {}
            () = time(cx, left) => {}
            () = cx.leaving() => {}
        }
    };
    let fetching = fetch_all(fetcher, names, options.concurrency.into(), on_record, stop);
    let not_started = tokio::select! {
        // Records of a cancelled collection are of no use, so nothing in flight is waited for.
        () = cx.cancelled() => return Err(TaskError::Cancelled),
        // Those in flight would meet the same.
        () = starved.notified() => names.len(),
        batch = fetching => batch.not_started.len(),
    };
    if let Some(record) = starvation {
        return Err(starved_error(&record));
    }
    let pause = match not_started {
        0 => Pause::Finished,
        _ if may_spill && pending.is_full() => Pause::Full,
        _ => Pause::OutOfTime,
    };
    Ok((names.len() - not_started, pause))
}

/// The worker's machine is at fault; another worker, or this one later, may do better.
fn starved_error(record: &RobotsRecord) -> TaskError {
    let cause = record.detail.as_deref().unwrap_or("no reason is known");
    TaskError::retry(format!(
        "{}: {cause}; raise the limit of open files (`ulimit -n`) or lower `concurrency`",
        record.domain
    ))
}

async fn time<R>(cx: &TaskContext<R>, left: Option<Duration>) {
    match left {
        Some(left) => cx.sleep(left).await,
        None => std::future::pending().await,
    }
}

/// Moves what is pending into objects.
async fn spill<R>(
    cx: &TaskContext<R>,
    pending: &mut Pending,
    parts: &mut Vec<Claim>,
) -> Result<(), TaskError> {
    for part in std::mem::take(pending).into_parts()? {
        let objects = cx.objects().ok_or(PayloadError::NoObjectStore {
            len: part.len() as u64,
        })?;
        let (collection, task) = (cx.collection_id(), cx.task_id());
        parts.push(parts::store(part, collection, task, &**objects).await?);
        cx.checkpoint();
    }
    Ok(())
}
