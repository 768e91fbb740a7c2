//! Many looks at once: begun, driven, given up, begun again.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use task_core::{TaskContext, TaskError, Timestamp};
use tokio::sync::mpsc;

use super::cursor::Cursor;
use super::pace::Pace;
use super::probe::LocalFailure;
use super::throttle::{PATIENCE, Throttle};

/// Time that is kept, beyond one look, for handing back what is left.
pub(super) const SPARE: Duration = Duration::from_secs(2);
/// How long looks may go on when the worker leaves. A worker that is told to stop within ten
/// seconds gives its tasks five to hand back a cursor; the rest of these is for the store.
const LEAVE: Duration = Duration::from_secs(2);
/// The wait before a target that this machine could not look at is tried again; twice as long after
/// each further time.
const AGAIN: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_AGAIN: Duration = Duration::from_secs(5);
/// Records that may wait to be written, besides one for each look under way: a hostile peer's has
/// up to half a megabyte.
pub(super) const WAITING: usize = 64;

/// Looks at all positions of a chunk that are not done, many at once.
///
/// A record counts as done when it has gone to whoever writes: what [`run`](Self::run) says of the
/// positions is the truth of the rows. While these cannot be written, no further look is begun, and
/// those under way are driven to their end.
pub(super) struct Looks<'a, R> {
    cx: &'a TaskContext<R>,
    /// How many positions there are.
    len: u64,
    at: Cursor,
    throttle: Throttle,
    pace: Option<Pace>,
    /// When no further look is begun, whatever time is left.
    until: Option<Timestamp>,
    /// The longest that one look takes.
    longest: Duration,
    /// Positions that this machine could not look at, by when they are tried again; how often they
    /// have failed.
    failed: BTreeMap<(Timestamp, u64), u32>,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What is left.
    pub(super) at: Cursor,
    /// Whether any record was made.
    has_moved: bool,
    /// Whether it ended because nothing could be opened.
    starved: bool,
    /// Why this machine last could not look, if it ever could not.
    trouble: Option<LocalFailure>,
}

/// A look that was begun.
struct Begun {
    position: u64,
    /// How often this machine could not make it before.
    tries: u32,
    generation: u64,
}

/// What is next.
enum Turn {
    Now { position: u64, tries: u32 },
    At(Timestamp),
    Never,
}

impl<'a, R> Looks<'a, R> {
    /// `most` looks at once at `len` positions, from `at` on, none of which takes longer than
    /// `longest`.
    pub(super) fn new(
        cx: &'a TaskContext<R>,
        len: u64,
        at: Cursor,
        most: u16,
        longest: Duration,
    ) -> Self {
        let now = cx.now();
        let failed = at.again.iter().map(|position| ((now, position), 0));
        Self {
            cx,
            len,
            failed: failed.collect(),
            at,
            throttle: Throttle::new(most.into()),
            pace: None,
            until: None,
            longest,
        }
    }

    /// No more than `rate` a second.
    pub(super) fn rate(mut self, rate: u32) -> Self {
        self.pace = Some(Pace::new(rate, self.cx.now()));
        self
    }

    /// No further look is begun after `leg`.
    pub(super) fn leg(mut self, leg: Duration) -> Self {
        self.until = Some(self.cx.now().after(leg));
        self
    }

    /// With less time than this left, no look is begun.
    pub(super) fn margin(&self) -> Duration {
        self.longest.saturating_add(SPARE)
    }

    /// Looks until all are done, time is short, the worker leaves, or nothing can be opened any
    /// more. Those that were begun are seen to their end, as long as there is time.
    pub(super) async fn run<T, F>(
        mut self,
        look: impl Fn(u64) -> F,
        out: mpsc::Sender<(u64, T)>,
    ) -> Ended
    where
        F: Future<Output = Result<T, LocalFailure>>,
    {
        let cx = self.cx;
        let mut leaving = pin!(cx.leaving());
        let mut too_late = pin!(too_late(cx));
        let (mut is_leaving, mut is_late) = (false, false);
        let (mut has_moved, mut trouble) = (false, None);
        let mut under_way = FuturesUnordered::new();
        let mut done = VecDeque::new();
        let starved = loop {
            let now = cx.now();
            let starved = under_way.is_empty() && self.throttle.is_starved(now);
            let ends = starved || is_leaving || self.must_end(now);
            let mut wait = None;
            while !ends && done.is_empty() && self.throttle.has_room(under_way.len()) {
                match self.turn(now) {
                    Turn::Now { position, tries } => {
                        let begun = Begun {
                            position,
                            tries,
                            generation: self.throttle.generation(),
                        };
                        let looked = look(position);
                        under_way.push(async move { (begun, looked.await) });
                    }
                    Turn::At(when) => {
                        wait = Some(when.since(now));
                        break;
                    }
                    Turn::Never => break,
                }
            }
            if under_way.is_empty() && done.is_empty() && wait.is_none() {
                break starved;
            }
            tokio::select! {
                biased;
                // If nobody receives, whoever writes has failed, and says why.
                slot = out.reserve(), if !done.is_empty() => match (slot, done.pop_front()) {
                    (Ok(slot), Some((position, record))) => {
                        self.at.again.remove(position);
                        has_moved = true;
                        slot.send((position, record));
                    }
                    _ => break false,
                },
                Some((begun, looked)) = under_way.next(), if !under_way.is_empty() => match looked {
                    Ok(record) => {
                        self.throttle.ended_well();
                        done.push_back((begun.position, record));
                    }
                    Err(failure) => {
                        self.failed(&begun, under_way.len());
                        trouble = Some(failure);
                    }
                },
                () = &mut leaving, if !is_leaving => is_leaving = true,
                () = &mut too_late, if !is_late => {
                    (is_leaving, is_late) = (true, true);
                    under_way.clear();
                }
                () = pause(cx, wait), if wait.is_some() => {}
            }
        };
        Ended {
            at: self.at,
            has_moved,
            starved,
            trouble,
        }
    }

    fn must_end(&self, now: Timestamp) -> bool {
        let cx = self.cx;
        cx.is_leaving()
            || cx.remaining().is_some_and(|left| left < self.margin())
            || self.until.is_some_and(|until| now >= until)
    }

    /// Takes the next position, if its time has come.
    fn turn(&mut self, now: Timestamp) -> Turn {
        let due = self.failed.first_key_value().map(|(&(due, _), _)| due);
        let fresh = self.at.has_next(self.len);
        let at = match due {
            Some(due) if due <= now || !fresh => due,
            _ if fresh => now,
            _ => return Turn::Never,
        };
        let paced = self.pace.as_mut().map_or(now, |pace| pace.opens_at(now));
        let at = at.max(self.throttle.opens_at()).max(paced);
        if at > now {
            return Turn::At(at);
        }
        if let Some(pace) = &mut self.pace {
            pace.begin();
        }
        if due.is_some_and(|due| due <= now)
            && let Some(((_, position), tries)) = self.failed.pop_first()
        {
            return Turn::Now { position, tries };
        }
        let position = self.at.begin();
        Turn::Now { position, tries: 0 }
    }

    /// This machine could not make a look; it is made again later.
    fn failed(&mut self, begun: &Begun, under_way: usize) {
        let now = self.cx.now();
        self.throttle
            .failed(begun.generation, begun.tries, under_way, now);
        let wait = AGAIN.saturating_mul(1 << begun.tries.min(10));
        let due = now.after(wait.min(LONGEST_AGAIN));
        let tries = begun.tries.saturating_add(1);
        self.failed.insert((due, begun.position), tries);
    }
}

impl Ended {
    /// What the attempt comes to: nothing, if all of `len` positions are done. `margin` is the time
    /// without which nothing is begun, and `form` is what is written where the next one goes on.
    pub(super) fn conclude<R, C: Serialize>(
        self,
        cx: &TaskContext<R>,
        len: u64,
        margin: Duration,
        form: impl FnOnce(Cursor) -> C,
    ) -> Result<(), TaskError> {
        if self.at.is_behind(len) {
            return Ok(());
        }
        if self.has_moved {
            // What was done stands; elsewhere or later there may be more room.
            return Err(match self.starved {
                true => TaskError::pause(&form(self.at), PATIENCE),
                false => TaskError::deadline(&form(self.at)),
            });
        }
        if cx.is_leaving() {
            return Err(TaskError::Cancelled);
        }
        // Nothing was gained: a failure, so that a worker that never has the time, or the means,
        // does not get the task for ever.
        Err(match self.trouble {
            Some(failure) => TaskError::retry(failure),
            None => TaskError::retry(format!(
                "the worker has less than the {} ms left that one look may take",
                margin.as_millis()
            )),
        })
    }
}

/// Completes when looks under way must be given up.
async fn too_late<R>(cx: &TaskContext<R>) {
    let left = async {
        cx.leaving().await;
        cx.sleep(LEAVE).await;
    };
    let no_time = async {
        match cx.remaining() {
            Some(left) => cx.sleep(left.saturating_sub(SPARE)).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = left => {}
        () = no_time => {}
    }
}

async fn pause<R>(cx: &TaskContext<R>, wait: Option<Duration>) {
    if let Some(wait) = wait {
        cx.sleep(wait).await;
    }
}
