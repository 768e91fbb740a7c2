//! Time, as a link counts it.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A point in time: nanoseconds since a fixed point that the clock chose. Moments of different
/// clocks have nothing to do with each other. Reaches for 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The fixed point itself.
    pub const ZERO: Self = Self(0);

    /// So many nanoseconds after the fixed point.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the fixed point.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Stops at the last moment there is.
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Moment {
    type Output = Duration;

    /// [`saturating_since`](Self::saturating_since).
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now. Never goes back.
    fn now(&self) -> Moment;

    /// Lets `time` pass: blocks the thread, or moves on a clock that only shows time.
    fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// The machine's monotonic clock, counted from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    start: Instant,
}

impl MonotonicClock {
    /// Starts at [`Moment::ZERO`], now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Moment {
        Moment::ZERO + self.start.elapsed()
    }
}

/// A clock that goes only when it is told to. Clones show the same time.
///
/// ```
/// use sortie_scanners::link::{Clock, Moment, VirtualClock};
///
/// let clock = VirtualClock::default();
/// clock.advance_to(Moment::from_nanos(5));
/// clock.advance_to(Moment::from_nanos(3)); // never back
/// assert_eq!(clock.now(), Moment::from_nanos(5));
/// ```
#[derive(Clone, Debug, Default)]
pub struct VirtualClock {
    nanos: Arc<AtomicU64>,
}

impl VirtualClock {
    /// Moves to `moment`, unless it is past already.
    pub fn advance_to(&self, moment: Moment) {
        self.nanos.fetch_max(moment.0, Ordering::Relaxed);
    }

    /// Moves on by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.advance_to(self.now() + duration);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        Moment(self.nanos.load(Ordering::Relaxed))
    }

    fn pass(&self, time: Duration) {
        self.advance(time);
    }
}
