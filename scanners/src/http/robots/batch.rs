//! Many names at once.

use std::future::Future;
use std::pin::pin;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::fetcher::RobotsFetcher;
use super::record::RobotsRecord;

/// How a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<I> {
    /// How many records were given out.
    pub records: u64,
    /// The names that were not started.
    pub not_started: I,
}

/// Fetches the robots.txt of `names`, `concurrency` (at least 1) at a time, on the calling task.
///
/// Each name that is started gives exactly one call of `on_record`, in the order in which the
/// fetches end. A name is drawn only when a slot is free, so memory is bounded by `concurrency`,
/// not by the number of names.
///
/// When `cancel` completes, no further name is started, those in flight are seen to their end (at
/// most [`RobotsConfig::deadline`](super::RobotsConfig::deadline) later), and the others come
/// back in [`Batch::not_started`], so names = records + not started, always.
///
/// ```
/// # use sortie_scanners::{http::{Tls, robots::*}, resolve::Resolver, scope::Scope};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let scope = Scope::builder().allow_domain("example.com").build()?;
/// let resolver = Resolver::fixed([]);
/// let fetcher = RobotsFetcher::new(RobotsConfig::default(), scope, resolver, Tls::verifying()?);
///
/// let names = ["example.com", "example.org", "not a name"];
/// let mut outcomes = Vec::new();
/// let on_record = |record: RobotsRecord| outcomes.push((record.domain, record.outcome));
/// let batch = fetch_all(&fetcher, names, 100, on_record, std::future::pending()).await;
///
/// assert_eq!((batch.records, batch.not_started.count()), (3, 0));
/// assert!(outcomes.contains(&("example.com".to_owned(), RobotsOutcome::NoSuchName)));
/// assert!(outcomes.contains(&("example.org".to_owned(), RobotsOutcome::OutOfScope)));
/// assert!(outcomes.contains(&("not a name".to_owned(), RobotsOutcome::InvalidName)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn fetch_all<N>(
    fetcher: &RobotsFetcher,
    names: N,
    concurrency: usize,
    mut on_record: impl FnMut(RobotsRecord),
    cancel: impl Future<Output = ()>,
) -> Batch<N::IntoIter>
where
    N: IntoIterator<Item: AsRef<str>>,
{
    let mut names = names.into_iter();
    let mut cancel = pin!(cancel.fuse());
    let mut cancelled = false;
    let mut in_flight = FuturesUnordered::new();
    let mut records = 0;
    loop {
        // Asked before anything is started, so that a cancelled batch starts nothing at all.
        cancelled = cancelled || cancel.as_mut().now_or_never().is_some();
        while !cancelled && in_flight.len() < concurrency.max(1) {
            let Some(name) = names.next() else { break };
            in_flight.push(async move { fetcher.fetch(name.as_ref()).await });
        }
        if in_flight.is_empty() {
            return Batch {
                records,
                not_started: names,
            };
        }
        match select(cancel.as_mut(), in_flight.next()).await {
            Either::Left(((), _)) => cancelled = true,
            Either::Right((record, _)) => {
                records += u64::from(record.is_some());
                record.into_iter().for_each(&mut on_record);
            }
        }
    }
}
