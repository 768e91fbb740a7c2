//! A cap on what one network gets.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::link::Moment;

/// Buckets that networks are hashed to: 512 KiB.
const BUCKETS: usize = 1 << 16;

/// At most so many probes a second to one network, canaries included. Each of several senders keeps
/// its share, so as many probes as there are senders may meet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PrefixCap {
    /// Probes a second.
    pub rate: f64,
    /// What a network is in IPv4, in bits.
    pub v4_len: u8,
    /// What a network is in IPv6, in bits.
    pub v6_len: u8,
}

impl PrefixCap {
    /// `rate` probes a second to each /24 of IPv4 and each /48 of IPv6.
    pub fn new(rate: f64) -> Self {
        Self {
            rate,
            v4_len: 24,
            v6_len: 48,
        }
    }
}

/// Gives each network its turns.
///
/// Networks share a bucket where their hashes meet. They then share the cap, too: it is never
/// passed, and memory does not grow with the number of networks.
#[derive(Debug)]
pub(super) struct PrefixTurns {
    cap: PrefixCap,
    between: Duration,
    /// When each bucket has its next turn.
    next: Box<[Moment]>,
}

impl PrefixTurns {
    /// The turns of one of `senders` senders, which share the cap equally.
    pub(super) fn new(cap: PrefixCap, senders: usize) -> Self {
        let rate = (cap.rate / senders as f64).max(f64::MIN_POSITIVE);
        let longest = Duration::from_secs(3600);
        Self {
            cap,
            between: Duration::try_from_secs_f64(1.0 / rate).map_or(longest, |d| d.min(longest)),
            next: vec![Moment::ZERO; BUCKETS].into(),
        }
    }

    /// Takes the next turn of the network of `addr`: `now`, or later.
    pub(super) fn take(&mut self, addr: IpAddr, now: Moment) -> Moment {
        let between = self.between;
        let Some(next) = self.next_of(addr) else {
            return now;
        };
        let turn = now.max(*next);
        *next = turn + between;
        turn
    }

    /// Takes the turn of the network of `addr` if it has one `now`.
    pub(super) fn take_now(&mut self, addr: IpAddr, now: Moment) -> bool {
        let free = self.next_of(addr).is_none_or(|next| *next <= now);
        free && self.take(addr, now) <= now
    }

    /// When the network of `addr` has its next turn.
    fn next_of(&mut self, addr: IpAddr) -> Option<&mut Moment> {
        let prefix = match addr {
            IpAddr::V4(v4) => u128::from(
                v4.to_bits()
                    .checked_shr(32 - u32::from(self.cap.v4_len.min(32)))
                    .unwrap_or(0),
            ),
            IpAddr::V6(v6) => {
                let shift = 128 - u32::from(self.cap.v6_len.min(128));
                v6.to_bits().checked_shr(shift).unwrap_or(0)
            }
        };
        let folded = prefix as u64 ^ (prefix >> 64) as u64;
        // Fibonacci hashing; the upper 16 bits number the buckets.
        let bucket = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize;
        self.next.get_mut(bucket)
    }
}
