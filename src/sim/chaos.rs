//! Where faults are decided, counted and written down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::dice::{Dice, hash, hash_bytes, unit};
use super::faults::{Fault, Faults};
use super::paths::Path;
use super::world::{Machine, World};

/// A fault that struck: the `nth` time that it could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Injected {
    /// Which.
    pub fault: Fault,
    /// Counted over the times when it could have struck, from 0.
    pub nth: u64,
    /// Milliseconds of virtual time after the start.
    pub at_ms: u64,
}

/// Decides by seed, kind and count alone: whether a fault strikes does not depend on the others,
/// which is what makes a list of them shrink.
pub(super) struct Chaos {
    seed: u64,
    faults: Faults,
    /// While shrinking: these, and no others.
    only: Option<BTreeSet<(Fault, u64)>>,
    world: Arc<World>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    chances: BTreeMap<Fault, u64>,
    injected: Vec<Injected>,
    paths: BTreeMap<Path, u64>,
    calm: bool,
    fingerprint: u64,
    events: u64,
    log: Option<String>,
    violation: Option<String>,
}

impl Chaos {
    pub(super) fn new(
        seed: u64,
        faults: Faults,
        only: Option<BTreeSet<(Fault, u64)>>,
        keep_log: bool,
        world: Arc<World>,
    ) -> Arc<Self> {
        let state = State {
            log: keep_log.then(String::new),
            ..State::default()
        };
        Arc::new(Self {
            seed,
            faults,
            only,
            world,
            state: Mutex::new(state),
        })
    }

    /// Whether `fault` strikes now; if so, dice for how hard.
    pub(super) fn strikes(&self, fault: Fault, machine: Machine) -> Option<Dice> {
        let rate = self.faults.rate(fault);
        let mut state = self.lock();
        if rate <= 0.0 || state.calm {
            return None;
        }
        let chances = state.chances.entry(fault).or_default();
        let nth = *chances;
        *chances += 1;
        let key = hash(&[self.seed, 3, fault as u64, nth]);
        if unit(key) >= rate
            || self
                .only
                .as_ref()
                .is_some_and(|only| !only.contains(&(fault, nth)))
        {
            return None;
        }
        let at_ms = u64::try_from(self.world.elapsed().as_millis()).unwrap_or(u64::MAX);
        state.injected.push(Injected { fault, nth, at_ms });
        drop(state);
        self.note(machine, format_args!("fault {fault} #{nth}"));
        Some(Dice::new(hash(&[key, 4])))
    }

    /// A fault that its victim decides, such as poison; asked once for each victim.
    pub(super) fn strikes_surely(&self, fault: Fault, machine: Machine) -> bool {
        let mut state = self.lock();
        let nth = *state
            .chances
            .entry(fault)
            .and_modify(|n| *n += 1)
            .or_default();
        let spared = self
            .only
            .as_ref()
            .is_some_and(|only| !only.contains(&(fault, nth)));
        if state.calm || spared {
            return false;
        }
        let at_ms = u64::try_from(self.world.elapsed().as_millis()).unwrap_or(u64::MAX);
        state.injected.push(Injected { fault, nth, at_ms });
        drop(state);
        self.note(machine, format_args!("fault {fault} #{nth}"));
        true
    }

    pub(super) fn is_calm(&self) -> bool {
        self.lock().calm
    }

    pub(super) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// From now on nothing goes wrong.
    pub(super) fn calm(&self) {
        self.lock().calm = true;
    }

    /// Writes an event down: into the fingerprint, and into the log if there is one.
    pub(super) fn note(&self, machine: Machine, event: fmt::Arguments<'_>) {
        let line = format!(
            "{:>9} m{machine} {event}\n",
            self.world.elapsed().as_millis()
        );
        let mut state = self.lock();
        state.fingerprint = hash_bytes(state.fingerprint, line.as_bytes());
        state.events += 1;
        if let Some(log) = &mut state.log {
            log.push_str(&line);
        }
    }

    /// An invariant does not hold. The first one counts.
    pub(super) fn violated(&self, what: String) {
        self.lock().violation.get_or_insert(what);
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.lock().violation.clone()
    }

    pub(super) fn injected(&self) -> Vec<Injected> {
        self.lock().injected.clone()
    }

    /// A run went this way.
    pub(super) fn passed(&self, path: Path) {
        *self.lock().paths.entry(path).or_default() += 1;
    }

    pub(super) fn paths(&self) -> BTreeMap<Path, u64> {
        self.lock().paths.clone()
    }

    pub(super) fn fingerprint(&self) -> u64 {
        self.lock().fingerprint
    }

    pub(super) fn events(&self) -> u64 {
        self.lock().events
    }

    pub(super) fn take_log(&self) -> Option<String> {
        self.lock().log.take()
    }

    /// A number between the negative and the positive skew, if this clock is wrong.
    pub(super) fn skew_ms(&self, machine: Machine) -> i64 {
        let most = i64::try_from(self.faults.most_skew().as_millis()).unwrap_or(i64::MAX);
        match self.strikes(Fault::ClockSkew, machine) {
            Some(mut dice) if most > 0 => {
                let span = u64::try_from(most).unwrap_or(0) * 2;
                i64::try_from(dice.between(0, span)).unwrap_or(0) - most
            }
            _ => 0,
        }
    }

    /// A time for something to happen in, if `fault` strikes.
    pub(super) fn after(
        &self,
        fault: Fault,
        machine: Machine,
        shortest: Duration,
        longest: Duration,
    ) -> Option<Duration> {
        let mut dice = self.strikes(fault, machine)?;
        Some(dice.time(shortest, longest))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
