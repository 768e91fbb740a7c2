//! The router against a naive reading of the rules in words.

use proptest::prelude::*;
use sortie_task_core::WorkerRequirement::{
    QueueAccess, RawSocketAccess, ReconDataAccess, TaskDataAccess,
};
use sortie_task_core::{Queue, Requirements, WorkerKind, WorkerRequirement, needs, route};

/// The routing rules, one by one, in words:
///
/// 1. "If WORKER_REQUIREMENTS contains RawSocketAccess -> Bare Metal queue."
/// 2. "If WORKER_REQUIREMENTS contains TaskDataAccess or ReconDataAccess (and NOT
///    RawSocketAccess) -> Internal queue."
/// 3. "Otherwise -> External queue."
///
/// Written so that the rules exclude each other and their order does not matter, unlike in the
/// router: the two agree only if the router's order is right.
fn as_the_rules_say(requirements: &[WorkerRequirement]) -> Queue {
    let raw_sockets = requirements.contains(&RawSocketAccess);
    let data = requirements.contains(&TaskDataAccess) || requirements.contains(&ReconDataAccess);
    match (raw_sockets, data) {
        (false, false) => Queue::External,
        (false, true) => Queue::Internal,
        (true, _) => Queue::BareMetal,
    }
}

/// Each set of requirements as `needs!` makes it: its slice, and the kind that follows.
fn all_sets() -> Vec<(&'static [WorkerRequirement], WorkerKind)> {
    fn of<R: Requirements>() -> (&'static [WorkerRequirement], WorkerKind) {
        (R::SLICE, R::KIND)
    }
    vec![
        of::<needs![]>(),
        of::<needs![TaskDataAccess]>(),
        of::<needs![QueueAccess]>(),
        of::<needs![TaskDataAccess, QueueAccess]>(),
        of::<needs![ReconDataAccess]>(),
        of::<needs![TaskDataAccess, ReconDataAccess]>(),
        of::<needs![QueueAccess, ReconDataAccess]>(),
        of::<needs![TaskDataAccess, QueueAccess, ReconDataAccess]>(),
        of::<needs![RawSocketAccess]>(),
        of::<needs![TaskDataAccess, RawSocketAccess]>(),
        of::<needs![QueueAccess, RawSocketAccess]>(),
        of::<needs![TaskDataAccess, QueueAccess, RawSocketAccess]>(),
        of::<needs![ReconDataAccess, RawSocketAccess]>(),
        of::<needs![TaskDataAccess, ReconDataAccess, RawSocketAccess]>(),
        of::<needs![QueueAccess, ReconDataAccess, RawSocketAccess]>(),
        of::<
            needs![
                TaskDataAccess,
                QueueAccess,
                ReconDataAccess,
                RawSocketAccess
            ],
        >(),
    ]
}

#[test]
fn all_sixteen_sets_go_where_the_rules_say() {
    let sets = all_sets();
    let mut seen: Vec<_> = sets.iter().map(|(slice, _)| *slice).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 16, "the list names every set once");

    for (slice, kind) in sets {
        assert_eq!(route(slice).queue(), as_the_rules_say(slice), "{slice:?}");
        assert_eq!(kind, route(slice), "the type and the slice of {slice:?}");
    }
}

#[test]
fn the_three_rules_by_example() {
    assert_eq!(route(&[]), WorkerKind::External);
    assert_eq!(route(&[QueueAccess]), WorkerKind::External);
    assert_eq!(route(&[TaskDataAccess]), WorkerKind::Internal);
    assert_eq!(route(&[QueueAccess, ReconDataAccess]), WorkerKind::Internal);
    assert_eq!(route(&[RawSocketAccess]), WorkerKind::BareMetal);
    assert_eq!(
        route(&[TaskDataAccess, RawSocketAccess]),
        WorkerKind::BareMetal,
        "raw sockets come before data"
    );
}

/// The order in which a definition names its requirements, and how often, say nothing.
#[test]
fn needs_is_a_set() {
    assert_eq!(
        <needs![RawSocketAccess, QueueAccess, RawSocketAccess] as Requirements>::SLICE,
        <needs![QueueAccess, RawSocketAccess] as Requirements>::SLICE,
    );
}

proptest! {
    /// Any slice, as a plan or another language may spell it: repetitions, any order.
    #[test]
    fn any_slice_goes_where_the_rules_say(
        slice in prop::collection::vec(prop::sample::select(&WorkerRequirement::ALL[..]), 0..12)
    ) {
        prop_assert_eq!(route(&slice).queue(), as_the_rules_say(&slice));
    }

    #[test]
    fn order_and_repetition_change_nothing(
        (slice, shuffled) in prop::collection::vec(prop::sample::select(&WorkerRequirement::ALL[..]), 0..12)
            .prop_flat_map(|slice| {
                let twice = [slice.clone(), slice.clone()].concat();
                (Just(slice), Just(twice).prop_shuffle())
            })
    ) {
        prop_assert_eq!(route(&slice), route(&shuffled));
    }
}
