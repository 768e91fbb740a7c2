//! What the far side counts while a tool runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lab::bed::{Bed, FAR_INTERFACE};

/// How often the counter is read.
const EVERY: Duration = Duration::from_millis(5);

/// What reached the far side.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flow {
    /// Frames in all: probes, and the resets of what answered.
    pub(crate) reached: u64,
    /// How long the frames between 1 % and 99 % of them took.
    seconds: f64,
}

impl Flow {
    /// Probes a second, where these were `probes` in all. Resets come as evenly as probes do.
    pub(crate) fn per_second(self, probes: u64) -> f64 {
        0.98 * probes as f64 / self.seconds
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            reached: self.reached + other.reached,
            seconds: self.seconds + other.seconds,
        }
    }
}

/// Counts what reaches the far side while `during` runs.
pub(crate) fn watch<T: Send>(bed: &Bed, during: impl FnOnce() -> T + Send) -> (T, Flow) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            bed.enter_far(|| {
                let mut seen = vec![(Instant::now(), received())];
                while !over.load(Ordering::Acquire) {
                    std::thread::sleep(EVERY);
                    seen.push((Instant::now(), received()));
                }
                seen
            })
        });
        let value = during();
        over.store(true, Ordering::Release);
        let seen = watcher.join().unwrap();
        let (first, last) = (seen[0].1, seen[seen.len() - 1].1);
        let total = last - first;
        let at = |share: f64| {
            let wanted = first + (total as f64 * share) as u64;
            let reached = seen.iter().find(|(_, count)| *count >= wanted);
            reached.unwrap_or(&seen[0]).0
        };
        let (begin, end) = (at(0.01), at(0.99));
        let flow = Flow {
            reached: total,
            seconds: (end - begin).as_secs_f64(),
        };
        (value, flow)
    })
}

/// The counter of the interface, in the namespace of this thread.
fn received() -> u64 {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    let line = table
        .lines()
        .find_map(|line| line.trim().strip_prefix(FAR_INTERFACE));
    let count = line.and_then(|line| line.trim_start_matches(':').split_whitespace().nth(1));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}
