//! Targets that answered, probed again through the run: who of them falls silent tells of loss.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::link::Moment;

/// How many targets are canaries at most.
const CANARIES: usize = 64;

/// How often each is probed at most; also how long its answer may take.
const PERIOD: Duration = Duration::from_secs(1);

/// One probe in so many is for a canary at most.
const SHARE: f64 = 100.0;

/// After so many rounds without an answer a canary is taken for gone.
const GONE: u32 = 8;

/// The canaries, and what became of their probes. The receiver adds canaries and notes answers;
/// one sender probes and judges. Neither waits for the other.
#[derive(Debug)]
pub(super) struct Canaries {
    cages: [Cage; CANARIES],
    judged: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Cage {
    /// The position plus one; 0 is empty.
    position: AtomicU64,
    /// The round that was answered last, plus one.
    answered: AtomicU32,
}

impl Canaries {
    pub(super) fn new() -> Self {
        Self {
            cages: std::array::from_fn(|_| Cage::default()),
            judged: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Makes `position` a canary if there is room.
    pub(super) fn offer(&self, position: u64) {
        let free = |cage: &&Cage| cage.position.load(Ordering::Relaxed) == 0;
        if let Some(cage) = self.cages.iter().find(free) {
            cage.answered.store(0, Ordering::Relaxed);
            cage.position.store(position + 1, Ordering::Release);
        }
    }

    /// Notes that the probe of `position` in `round` was answered.
    pub(super) fn answered(&self, position: u64, round: u16) {
        let this = |cage: &&Cage| cage.position.load(Ordering::Relaxed) == position + 1;
        if let Some(cage) = self.cages.iter().find(this) {
            cage.answered.store(u32::from(round) + 1, Ordering::Release);
        }
    }

    /// How many probes had time to be answered, and how many of them were not.
    pub(super) fn tally(&self) -> (u64, u64) {
        (
            self.judged.load(Ordering::Relaxed),
            self.lost.load(Ordering::Relaxed),
        )
    }

    /// Judges the last probe of a canary. For one sender.
    fn judge(&self, answered: bool) {
        // One writer, as for `Answered`.
        let judged = self.judged.load(Ordering::Relaxed);
        self.judged.store(judged + 1, Ordering::Relaxed);
        if !answered {
            let lost = self.lost.load(Ordering::Relaxed);
            self.lost.store(lost + 1, Ordering::Relaxed);
        }
    }
}

/// The sender's side: whose turn it is.
#[derive(Debug)]
pub(super) struct CanaryTurns {
    /// Of each canary the position plus one, the round and time of its last probe, and how many
    /// rounds it has been silent.
    seen: [(u64, u16, Moment, u32); CANARIES],
    rounds: u16,
    next: usize,
    not_before: Moment,
}

impl CanaryTurns {
    /// Rounds are told apart modulo `rounds`.
    pub(super) fn new(rounds: u16) -> Self {
        Self {
            seen: [(0, 0, Moment::ZERO, 0); CANARIES],
            rounds: rounds.max(1),
            next: 0,
            not_before: Moment::ZERO,
        }
    }

    /// The position and round of the canary that is to be probed at `now`, if one is and `may_go`,
    /// while probes go at `rate`. Judges that canary's probe before.
    pub(super) fn due(
        &mut self,
        canaries: &Canaries,
        now: Moment,
        rate: f64,
        may_go: impl FnOnce(u64) -> bool,
    ) -> Option<(u64, u16)> {
        if now < self.not_before {
            return None;
        }
        let share = Duration::try_from_secs_f64(SHARE / rate).unwrap_or(PERIOD);
        self.not_before = now + share.max(PERIOD / CANARIES as u32);
        let cage = canaries.cages.get(self.next)?;
        let (seen, round, sent, silent) = self.seen.get_mut(self.next)?;
        self.next = (self.next + 1) % CANARIES;
        let position = cage.position.load(Ordering::Acquire);
        let unchanged = position == *seen && position != 0;
        if unchanged && now - *sent < PERIOD {
            return None;
        }
        // Of an empty cage there is no position.
        if !may_go(position.checked_sub(1)?) {
            return None;
        }
        if unchanged {
            let answered = cage.answered.load(Ordering::Acquire) == u32::from(*round) + 1;
            canaries.judge(answered);
            *silent = if answered { 0 } else { *silent + 1 };
            if *silent >= GONE {
                *seen = 0;
                cage.position.store(0, Ordering::Release);
                return None;
            }
            *round = (*round + 1) % self.rounds;
        } else {
            (*seen, *round, *silent) = (position, 0, 0);
        }
        *sent = now;
        Some((position - 1, *round))
    }
}
