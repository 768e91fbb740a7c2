//! Faults that can be planted in the engine on purpose, one promise broken by each.
//!
//! They certify whoever looks for faults: a simulator that does not find a planted one would not
//! find the same fault made by accident. A mutant is planted for one thread, by
//! [`Mutant::plant`], and only until its guard is dropped; a simulated run, which stays on one
//! thread, has it in the manager and in all workers at once.
//!
//! Without the feature `mutants` the engine asks for none of them: `mutant!` is `false` then.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// A fault to plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mutant {
    /// A message that was seen before is handled again. The inbox still remembers it.
    NoInbox,
    /// The manager takes what any attempt says, current or not, and never looks at a fence. A
    /// completion still needs a task that is `Running`, and the store still refuses the rows of
    /// an attempt that is over.
    NoFencing,
    /// A generated container is complete when all children are done that exist, although its
    /// generator has not said yet how many there will be, or has announced more.
    NoExpectedTotal,
    /// Dispatches are sent before the transaction that decides on them commits; if it does not
    /// commit, they were sent all the same.
    OutboxBeforeCommit,
    /// A child that exists already is counted, and perhaps dispatched, once more.
    CountWithoutDedupe,
    /// A worker acknowledges a delivery before it runs it.
    AckBeforeWork,
    /// A parallel container is over when its first child is, and is judged by that one, so what
    /// follows it starts too early. Named after who notices first.
    AggregatorOnFirst,
    /// A new attempt keeps the number of the first one, so that nothing tells them apart.
    RetryForgetsAttempt,
    /// The cancellation of a collection is taken, and nothing is done about it.
    CancelIgnored,
    /// A worker neither extends the visibility of what it runs nor sends heartbeats.
    LeaseNeverExtended,
    /// The coverage of a completion is added before it is known whether its attempt is current:
    /// that of late twins counts, too.
    LedgerDoubleCount,
    /// A sequence goes on behind a child that was no good, and succeeds in the end.
    FailureIgnored,
    /// Neither is a container cut off nor does a collection end when its time is over.
    DeadlineIgnored,
    /// An attempt is decided on, and nothing is put into the outbox. It is sent after the commit
    /// if nothing goes wrong.
    OutboxForgotten,
    /// Nobody tells the workers that a collection was cancelled.
    CancelNotSpread,
    /// An attempt hands back a cursor, and the next one does not get it.
    CursorForgotten,
}

impl Mutant {
    /// All mutants, in the order of their declaration.
    pub const ALL: [Self; 16] = [
        Self::NoInbox,
        Self::NoFencing,
        Self::NoExpectedTotal,
        Self::OutboxBeforeCommit,
        Self::CountWithoutDedupe,
        Self::AckBeforeWork,
        Self::AggregatorOnFirst,
        Self::RetryForgetsAttempt,
        Self::CancelIgnored,
        Self::LeaseNeverExtended,
        Self::LedgerDoubleCount,
        Self::FailureIgnored,
        Self::DeadlineIgnored,
        Self::OutboxForgotten,
        Self::CancelNotSpread,
        Self::CursorForgotten,
    ];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoInbox => "no_inbox",
            Self::NoFencing => "no_fencing",
            Self::NoExpectedTotal => "no_expected_total",
            Self::OutboxBeforeCommit => "outbox_before_commit",
            Self::CountWithoutDedupe => "count_without_dedupe",
            Self::AckBeforeWork => "ack_before_work",
            Self::AggregatorOnFirst => "aggregator_on_first",
            Self::RetryForgetsAttempt => "retry_forgets_attempt",
            Self::CancelIgnored => "cancel_ignored",
            Self::LeaseNeverExtended => "lease_never_extended",
            Self::LedgerDoubleCount => "ledger_double_count",
            Self::FailureIgnored => "failure_ignored",
            Self::DeadlineIgnored => "deadline_ignored",
            Self::OutboxForgotten => "outbox_forgotten",
            Self::CancelNotSpread => "cancel_not_spread",
            Self::CursorForgotten => "cursor_forgotten",
        }
    }

    /// Plants it on this thread until the guard is dropped. Several can be planted at once; one
    /// that is planted twice stays until both guards are dropped.
    pub fn plant(self) -> Planted {
        count(self, |guards| guards + 1);
        Planted {
            mutant: self,
            of_this_thread: PhantomData,
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Keeps a mutant planted on the thread that planted it, which it cannot leave.
#[derive(Debug)]
#[must_use = "the mutant is taken out when this is dropped"]
pub struct Planted {
    mutant: Mutant,
    of_this_thread: PhantomData<*const ()>,
}

impl Drop for Planted {
    fn drop(&mut self) {
        count(self.mutant, |guards| guards - 1);
    }
}

/// Whether `mutant` is planted on this thread. The engine asks with `mutant!`.
pub(crate) fn is(mutant: Mutant) -> bool {
    PLANTED.with(|planted| planted[mutant as usize].get() > 0)
}

fn count(mutant: Mutant, change: impl FnOnce(u32) -> u32) {
    PLANTED.with(|planted| {
        let guards = &planted[mutant as usize];
        guards.set(change(guards.get()));
    });
}

thread_local! {
    /// Guards by mutant. It has no destructor, so that even a guard that outlives most of its
    /// thread still finds it.
    static PLANTED: [Cell<u32>; Mutant::ALL.len()] =
        const { [const { Cell::new(0) }; Mutant::ALL.len()] };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_are_there_once_in_order_and_have_names_of_their_own() {
        for (place, mutant) in Mutant::ALL.into_iter().enumerate() {
            assert_eq!(mutant as usize, place, "{mutant}");
        }
        let names: HashSet<_> = Mutant::ALL.map(Mutant::as_str).into();
        assert_eq!(names.len(), Mutant::ALL.len());
    }

    #[test]
    fn names_are_those_of_the_variants_in_snake_case() {
        for mutant in Mutant::ALL {
            let mut name = String::new();
            for letter in format!("{mutant:?}").chars() {
                if letter.is_uppercase() && !name.is_empty() {
                    name.push('_');
                }
                name.extend(letter.to_lowercase());
            }
            assert_eq!(mutant.as_str(), name);
        }
    }

    #[test]
    fn none_is_planted_unless_somebody_does() {
        assert!(!Mutant::ALL.into_iter().any(is));
    }

    #[test]
    fn a_mutant_is_planted_alone_and_ends_with_its_guard() {
        for mutant in Mutant::ALL {
            let planted = mutant.plant();
            let found: Vec<_> = Mutant::ALL.into_iter().filter(|other| is(*other)).collect();
            assert_eq!(found, [mutant]);
            drop(planted);
            assert!(!is(mutant), "{mutant}");
        }
    }

    #[test]
    fn guards_may_end_in_any_order() {
        let first = Mutant::NoInbox.plant();
        let other = Mutant::NoFencing.plant();
        let second = Mutant::NoInbox.plant();
        drop(first);
        assert!(mutant!(NoInbox) && mutant!(NoFencing));
        drop(second);
        assert!(!mutant!(NoInbox) && mutant!(NoFencing));
        assert!(mutant!(NoInbox | NoFencing));
        drop(other);
        assert!(!mutant!(NoInbox | NoFencing));
    }

    #[test]
    fn a_panic_takes_a_mutant_out() {
        let result = std::panic::catch_unwind(|| {
            let _planted = Mutant::CancelIgnored.plant();
            panic!("with {}", Mutant::CancelIgnored);
        });
        assert!(result.is_err());
        assert!(!mutant!(CancelIgnored));
    }

    #[test]
    fn other_threads_have_their_own() {
        let _planted = Mutant::AckBeforeWork.plant();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(!mutant!(AckBeforeWork));
                drop(Mutant::AckBeforeWork.plant());
            });
        });
        assert!(mutant!(AckBeforeWork));
    }
}
