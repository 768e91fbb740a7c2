//! Probes: what is sent to a target, and how its answer is known for one.
//!
//! Whoever sends keeps nothing of what was sent. Each probe carries a [`Cookie`]: a keyed hash of
//! the target in the fields that an answer must repeat. An answer is taken for one if the hash,
//! computed anew from the addresses and ports in it, is the one that it repeats; to forge it takes
//! the key. Which try it was follows from the port that it came back to ([`SourcePorts`]).

mod attempt;
mod cookie;
mod ports;
mod reject;

pub use attempt::Attempt;
pub use cookie::{Cookie, CookieKey, Cookies};
pub use ports::{SourcePorts, TooFewPorts};
pub use reject::Rejected;

use std::net::IpAddr;

use crate::link::Filter;
use crate::target::Target;

/// A kind of probe. The hot path of a scan is made of these calls: they neither allocate nor block.
pub trait Probe: Send + Sync {
    /// What a proven answer shows.
    type Evidence;
    /// What is concluded from that.
    type Answer: Answer;

    /// What to ask the link for: everything that [`validate`](Self::validate) may accept.
    fn filter(&self) -> Filter;

    /// How many [passes](Attempt::Pass) can be told apart, at least 1. A scan has no more.
    fn passes(&self) -> u8;

    /// How many rounds of [canaries](Attempt::Canary) can be told apart, at least 1.
    fn canary_rounds(&self) -> u16;

    /// Lays the template for a version of IP into `slot` and returns the length of the frame, 0
    /// where this version cannot be sent. Called again whenever the slot holds the other version.
    fn prepare(&self, version: IpVersion, slot: &mut [u8]) -> usize;

    /// Makes of the template in `slot` the probe of `target`.
    fn patch(&self, slot: &mut [u8], target: &Target, attempt: Attempt);

    /// Proves that `frame` answers a probe of ours, to whom, and which try. With `verify` unset
    /// the checksums above IP are not looked at, because the system has not filled them in.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says what it is instead. Bytes from anywhere are no cause to panic.
    fn validate(&self, frame: &[u8], verify: bool) -> Result<Valid<Self::Evidence>, Rejected>;

    /// Says what a proven answer means. Nothing is judged here that proves anything.
    fn classify(&self, answer: &Valid<Self::Evidence>) -> Self::Answer;

    /// Writes into `slot` the frame that ends what the answer began, and returns its length; 0 if
    /// there is nothing to end.
    fn close(&self, answer: &Valid<Self::Evidence>, slot: &mut [u8]) -> usize;
}

/// What a target turned out to be.
pub trait Answer: Copy + Send + 'static {
    /// The names of the classes, which are at most [`MAX_CLASSES`].
    const CLASSES: &'static [&'static str];

    /// Which of [`CLASSES`](Self::CLASSES) it is.
    fn class(&self) -> usize;

    /// Whether the target itself answered and will do so again: what a canary must do.
    fn steady(&self) -> bool;
}

/// Most classes that an [`Answer`] may have.
pub const MAX_CLASSES: usize = 8;

/// A proven answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid<E> {
    /// The address that was probed.
    pub addr: IpAddr,
    /// The port that was probed.
    pub port: u16,
    /// Which try is answered.
    pub attempt: Attempt,
    /// What the answer shows.
    pub evidence: E,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// Version 4.
    V4,
    /// Version 6.
    V6,
}

impl IpVersion {
    /// The version of `addr`.
    pub fn of(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}
