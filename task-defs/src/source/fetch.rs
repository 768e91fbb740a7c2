//! The task that asks a source.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{Limits, RetryPolicy, TaskContext, TaskDefinition, TaskError, needs};

use super::error::SourceError;
use super::failure::Failure;
use super::findings::{Cut, SourceRecords};
use super::options::SourceOptions;
use super::page::{PageEnd, PageReader};
use super::progress::Progress;
use super::source::Source;
use super::sources::Sources;
use crate::millis;

/// Asks a [`Source`], page by page, and returns what it found.
///
/// Pages are read until the source has no more, or a cap of the [options](SourceOptions) is
/// reached; [`SourceRecords::cut`] tells which. When the worker must stop, the attempt fails after
/// some pages, or a rate limit asks for a long wait, the pages so far are kept in the object store
/// and the next attempt goes on behind them.
///
/// Keys and base URLs are the worker's own; see [`Sources`].
///
/// # Errors
///
/// With the text of a [`SourceError`]: [`TaskError::Retry`] where trying again may help, not
/// before the time that the source asked for; else [`TaskError::Fatal`].
///
/// ```
/// use sortie_task_defs::source::{Crtsh, Fetch, SourceOptions};
///
/// let task = Fetch {
///     query: Crtsh::new("example.com"),
///     options: SourceOptions { max_records: 1_000, ..SourceOptions::default() },
/// };
/// let plan = task_core::Workflow::new("names").task("ct", task).build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fetch<S> {
    /// What is asked.
    pub query: S,
    /// How much is read.
    #[serde(default)]
    pub options: SourceOptions,
}

/// Time that is kept for handing back what is left when the worker must stop.
const SPARE: Duration = Duration::from_secs(2);
/// With less time than this, no page is begun.
const LEAST: Duration = Duration::from_secs(1);
/// How often a page is asked for again within one attempt, after waits that the source asked for.
const WAITS: u32 = 3;
/// The wait after a 429 that names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// Why no more pages are read in this attempt.
enum Stop {
    Failed(SourceError),
    /// The worker leaves, or the task's time is over.
    OutOfTime,
    Cancelled,
}

impl<S> Fetch<S> {
    /// Asks with the default options.
    pub fn new(query: S) -> Self {
        Self {
            query,
            options: SourceOptions::default(),
        }
    }
}

impl<S: Source> TaskDefinition for Fetch<S> {
    const KIND: &'static str = S::KIND;
    type Requires = needs![];
    type Output = SourceRecords;

    /// Five failures, up to a quarter of an hour apart: sources are busy for longer than workers.
    fn retry() -> RetryPolicy {
        RetryPolicy {
            max_failures: 5,
            base: Duration::from_secs(5),
            cap: Duration::from_secs(900),
        }
    }

    /// Two minutes without progress: some sources think long before they answer.
    fn limits() -> Limits {
        Limits {
            running: Duration::from_secs(120),
            ..Limits::DEFAULT
        }
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<SourceRecords, TaskError> {
        self.options.check()?;
        self.query.check()?;
        let sources = cx.resources().get_or_init(Sources::default);
        let mut progress = Progress::of_earlier_attempts(&cx).await;
        let start = progress.pages;
        let cut = loop {
            match self.next_page(&cx, &sources, &mut progress).await {
                Ok(Some(cut)) => break cut,
                Ok(None) => cx.checkpoint(),
                Err(Stop::Cancelled) => return Err(TaskError::Cancelled),
                Err(Stop::Failed(error)) => {
                    if error.retry().is_some() && progress.pages > start {
                        // If they cannot be kept, they are read again.
                        progress.keep(&cx).await;
                    }
                    return Err(error.into());
                }
                // Nothing was gained: a failure, so that a worker that never has the time does
                // not get the task for ever.
                Err(Stop::OutOfTime) if progress.pages == start && cx.is_leaving() => {
                    return Err(TaskError::Cancelled);
                }
                Err(Stop::OutOfTime) if progress.pages > start && progress.keep(&cx).await => {
                    return Err(TaskError::deadline(&progress.pages));
                }
                Err(Stop::OutOfTime) => {
                    return Err(TaskError::retry(format!(
                        "{}: the worker has not the time for a page",
                        S::KIND
                    )));
                }
            }
        };
        let Progress {
            pages,
            items,
            found,
            ..
        } = progress;
        Ok(found.into_records(pages, items, cut))
    }
}

impl<S: Source> Fetch<S> {
    /// Reads the next page; `Some` if it was the last, with why.
    async fn next_page<R>(
        &self,
        cx: &TaskContext<R>,
        sources: &Sources,
        progress: &mut Progress<S::Page>,
    ) -> Result<Option<Option<Cut>>, Stop> {
        let before = progress.found.skipped();
        let mut waits = 0;
        let (end, items) = loop {
            self.wait_for_turn(cx, sources).await?;
            let mut reader = PageReader::new(self, sources, progress);
            let Err(stop) = self.read(cx, &mut reader).await else {
                break reader.into_end();
            };
            // The page comes again; names are merged, but counts would count twice.
            progress.found.restore_skipped(before.clone());
            let Stop::Failed(error) = stop else {
                return Err(stop);
            };
            let Some(wait) = rate_limit::<S>(&error) else {
                return Err(Stop::Failed(error));
            };
            sources.hold::<S>(cx.now().after(wait));
            waits += 1;
            if waits > WAITS || wait > self.patience(cx) {
                return Err(Stop::Failed(error));
            }
        };
        progress.items += items;
        progress.pages += 1;
        match end {
            PageEnd::Last => Ok(Some(None)),
            PageEnd::Full => Ok(Some(Some(Cut::Records))),
            PageEnd::TooLarge => Ok(Some(Some(Cut::Bytes))),
            PageEnd::Next(_) if progress.pages >= self.options.max_pages => {
                Ok(Some(Some(Cut::Pages)))
            }
            PageEnd::Next(page) => {
                progress.page = page;
                Ok(None)
            }
        }
    }

    async fn wait_for_turn<R>(&self, cx: &TaskContext<R>, sources: &Sources) -> Result<(), Stop> {
        let may = self.patience(cx);
        let wait = sources.turn::<S>(cx.now(), may).map_err(|wait| {
            Stop::Failed(SourceError::Paced {
                kind: S::KIND,
                after_ms: millis::of(wait),
                may_ms: millis::of(may),
            })
        })?;
        tokio::select! {
            () = cx.sleep(wait) => {}
            () = cx.cancelled() => return Err(Stop::Cancelled),
            () = cx.leaving() => return Err(Stop::OutOfTime),
        }
        cx.checkpoint();
        Ok(())
    }

    /// One page, within its time.
    async fn read<R>(
        &self,
        cx: &TaskContext<R>,
        reader: &mut PageReader<'_, S>,
    ) -> Result<(), Stop> {
        let left = cx.remaining().map(|left| left.saturating_sub(SPARE));
        if left.is_some_and(|left| left < LEAST) || cx.is_leaving() {
            return Err(Stop::OutOfTime);
        }
        let own = self.options.page_timeout;
        let time = left.map_or(own, |left| left.min(own));
        let page = reader.page();
        tokio::select! {
            read = reader.read(cx) => read.map_err(Stop::Failed),
            () = cx.sleep(time) => Err(match time == own {
                true => Stop::Failed(SourceError::Timeout {
                    kind: S::KIND,
                    page,
                    after_ms: millis::of(own),
                }),
                false => Stop::OutOfTime,
            }),
            () = cx.cancelled() => Err(Stop::Cancelled),
            () = cx.leaving() => Err(Stop::OutOfTime),
        }
    }

    /// How long this attempt may wait for something.
    fn patience<R>(&self, cx: &TaskContext<R>) -> Duration {
        let left = cx
            .remaining()
            .map(|left| left.saturating_sub(SPARE + LEAST));
        left.map_or(self.options.max_wait, |left| {
            left.min(self.options.max_wait)
        })
    }
}

/// How long the source must be left alone, if that is what is wrong.
fn rate_limit<S: Source>(error: &SourceError) -> Option<Duration> {
    match error {
        SourceError::Failed {
            failure: Failure::RateLimited { after, .. },
            ..
        } => Some(after.unwrap_or(DEFAULT_WAIT).max(S::PACE)),
        _ => None,
    }
}
