//! Pauses between attempts.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How often the entries of a batch that failed alone are sent.
pub(crate) const TRIES: u32 = 6;

/// Sleeps before the attempt `next` (from 1): a random time of up to 100 ms, doubled with each
/// attempt. All of it random, so that many who were turned away do not come back together.
pub(crate) async fn pause(next: u32) {
    let most = Duration::from_millis(100) * 2u32.saturating_pow(next.saturating_sub(1));
    // Keyed anew by the operating system for each thread, and counted up each time.
    let random = RandomState::new().hash_one(next) as u32;
    tokio::time::sleep(most.mul_f64(f64::from(random) / f64::from(u32::MAX))).await;
}
