//! What must hold of every run, whatever happened to it.

use sortie::core::id::ContainerId;
use sortie::core::ports::store::{ContainerRow, Counters, TaskHead};
use sortie::core::workflow::Role;
use sortie::core::{CollectionId, Timestamp};
use sortie::prelude::*;

use super::bench::Bench;

/// How many tasks to look for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within {
    /// Of the plan.
    pub(crate) planned: u32,
    /// Of each generator.
    pub(crate) children: u32,
}

const WITHIN: Within = Within {
    planned: 400,
    children: 1100,
};

/// The tasks of a collection: the first of the plan, and the first of each generator.
pub(crate) async fn tasks_within(bench: &Bench, id: CollectionId, within: Within) -> Vec<TaskHead> {
    let planned: Vec<_> = (0..within.planned).map(|index| id.task(index)).collect();
    let mut tx = bench.truth.begin().await.unwrap();
    let mut tasks = tx.heads(&planned).await.unwrap();
    let generators = tasks.iter().filter(|task| task.role == Role::Generator);
    let children: Vec<_> = generators
        .flat_map(|g| (0..within.children).map(|ordinal| g.id.child(ordinal)))
        .collect();
    tasks.extend(tx.heads(&children).await.unwrap());
    tasks.sort_by_key(|task| (task.container, task.ordinal, task.id));
    tasks
}

/// The counters of a container as its children are now.
pub(crate) fn recount(
    container: ContainerId,
    containers: &[ContainerRow],
    tasks: &[TaskHead],
) -> Counters {
    let mut counters = Counters::default();
    let below = containers
        .iter()
        .filter(|c| c.parent == Some(container))
        .map(|c| c.state);
    let inside = tasks
        .iter()
        .filter(|t| t.container == container && t.role != Role::Generator);
    for state in below.chain(inside.map(|task| task.status.state)) {
        counters.created += 1;
        *match state {
            TaskState::Pending => &mut counters.waiting,
            TaskState::Running | TaskState::PendingTaskCreation => &mut counters.running,
            TaskState::Succeeded => &mut counters.succeeded,
            TaskState::PartiallyFailed => &mut counters.partial,
            TaskState::Failed => &mut counters.failed,
            TaskState::Timeout => &mut counters.timeout,
            TaskState::Disabled => &mut counters.disabled,
        } += 1;
    }
    counters
}

/// What must hold at any moment: counters are those of a recount, nobody is over `max_in_flight`,
/// and no more targets are accounted for than there are.
pub(crate) async fn consistent(bench: &Bench, id: CollectionId) {
    consistent_within(bench, id, WITHIN).await;
}

/// The same, with fewer tasks to look for.
pub(crate) async fn consistent_within(bench: &Bench, id: CollectionId, within: Within) {
    let containers = bench.truth.containers(id).await.unwrap();
    let tasks = tasks_within(bench, id, within).await;
    for container in &containers {
        let counted = recount(container.id, &containers, &tasks);
        assert_eq!(
            container.children, counted,
            "the counters of {container:#?}"
        );
        let most = u64::from(container.max_in_flight);
        assert!(
            counted.running <= most,
            "{} in flight of {most}",
            counted.running
        );
        let (booked, targets) = (container.outcomes.total(), container.targets);
        assert!(
            booked <= targets,
            "{booked} of {targets} targets booked in {container:#?}"
        );
    }
}

/// What must hold when a run is over: besides [`consistent`], that everything has ended, every
/// target is in the ledger, and nothing is left to send.
pub(crate) async fn over(bench: &Bench, id: CollectionId) {
    over_within(bench, id, WITHIN).await;
}

/// The same, with fewer tasks to look for.
pub(crate) async fn over_within(bench: &Bench, id: CollectionId, within: Within) {
    consistent_within(bench, id, within).await;
    let collection = bench.truth.collection(id).await.unwrap().unwrap();
    assert!(
        collection.state.is_terminal(),
        "the run is {}",
        collection.state
    );
    assert!(collection.finished_at.is_some());
    let containers = bench.truth.containers(id).await.unwrap();
    assert_eq!(
        containers[0].state, collection.state,
        "the root's state is the run's"
    );
    for container in &containers {
        assert!(container.state.is_terminal(), "{container:#?}");
        let (booked, targets) = (container.outcomes.total(), container.targets);
        assert_eq!(booked, targets, "targets booked in {container:#?}");
    }
    let tasks = tasks_within(bench, id, within).await;
    for task in &tasks {
        assert!(task.status.state.is_terminal(), "{task:#?}");
    }
    // What was closed while it waited to be sent is found out by a tick.
    bench.tell(sortie::core::message::Message::Tick).await;
    bench.tick_after(std::time::Duration::from_secs(3600)).await;
    bench.manager.flush().await.unwrap();
    let mut tx = bench.truth.begin().await.unwrap();
    let end = Timestamp::from_millis(i64::MAX as u64);
    let mut left = tx.due_outbox(end, 10_000).await.unwrap();
    left.retain(|row| tasks.iter().any(|task| task.id == row.task));
    assert_eq!(left, [], "the outbox");
    let mut due = tx.due_tasks(end, 10_000).await.unwrap();
    due.retain(|task| task.collection == id);
    assert_eq!(due, [], "tasks that are due some time");
}
