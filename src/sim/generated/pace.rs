//! How long a generated run may take when nothing goes wrong: what is lost and found again by a
//! lease, or done one by one although more may run, is right in the end and late.

use std::collections::BTreeMap;
use std::time::Duration;

use task_core::workflow::{Mode, Role};
use task_core::{CollectionId, ContainerId, TaskDefinition, WorkerKind};

use super::plan::BRIEFLY;
use super::script::{AROUND, Script};
use super::tasks::{Find, Note, Probe, Raw, Spread};
use crate::sim::model::{Leaf, Model};

/// Holds the time that a calm run took against what its tasks need, one behind the other where
/// they must and `workers` of a kind at a time where they may.
///
/// At any moment somebody on the way to the end runs or waits: for its turn, for a place in its
/// container, or for a worker. The sum of these three, each at its worst, is the bound (after
/// R. Graham, *Bounds for certain multiprocessing anomalies*, 1966).
pub(in crate::sim) fn check(
    model: &Model,
    id: CollectionId,
    workers: &BTreeMap<WorkerKind, u64>,
) -> Result<(), String> {
    let Some(collection) = model.collections.get(&id) else {
        return Ok(());
    };
    let Some(finished) = collection.finished_at else {
        return Ok(());
    };
    let took = finished.since(collection.created_at);
    let mut work = BTreeMap::<WorkerKind, Duration>::new();
    for leaf in model.tasks.values().filter(|leaf| has_run(leaf)) {
        *work.entry(leaf.task.head.route).or_default() += busy(leaf);
    }
    let queues = work.iter().map(|(kind, work)| {
        let workers = workers.get(kind).copied().unwrap_or(1).max(1);
        *work / u32::try_from(workers).unwrap_or(u32::MAX)
    });
    let roots = model.containers.values().filter(|c| c.row.parent.is_none());
    let way: Duration = roots.map(|root| span(model, root.row.id)).sum();
    let most = way + queues.sum::<Duration>() + SLACK;
    if took <= most {
        return Ok(());
    }
    Err(format!(
        "the run took {took:?} although nothing went wrong; its tasks need {most:?} at most"
    ))
}

/// What is not the tasks' time: the submission, and a tick.
const SLACK: Duration = Duration::from_secs(15);

/// What a container adds to its children: it starts, and its end is noticed.
const HOP: Duration = Duration::from_secs(1);

/// The time from a container's start to its end, if workers were many.
fn span(model: &Model, id: ContainerId) -> Duration {
    let Some(node) = model.containers.get(&id) else {
        return Duration::ZERO;
    };
    let leaves = node.children.iter().filter_map(|id| model.tasks.get(id));
    let leaves = leaves.filter(|leaf| has_run(leaf)).map(alone);
    let containers = node.containers.iter().map(|id| span(model, *id));
    let (mut sum, mut longest) = (Duration::ZERO, Duration::ZERO);
    for child in leaves.chain(containers) {
        sum += child;
        longest = longest.max(child);
    }
    let generator = node.row.generator.and_then(|id| model.tasks.get(&id));
    let first = generator.map_or(Duration::ZERO, alone);
    HOP + first
        + match node.row.mode {
            Mode::Sequential => sum,
            Mode::Parallel => sum / node.row.max_in_flight.max(1) + longest,
        }
}

const fn has_run(leaf: &Leaf) -> bool {
    leaf.task.head.status.attempt > 0
}

/// The time from a task's first dispatch to its end, if it never waits for a worker.
fn alone(leaf: &Leaf) -> Duration {
    let head = &leaf.task.head;
    let policy = head.options.retry;
    let waits = (0..head.status.failures).map(|n| {
        let full = policy.base.saturating_mul(1 << n.min(31));
        full.min(policy.cap)
    });
    busy(leaf) + waits.sum::<Duration>()
}

/// The time for which a task keeps a worker busy.
fn busy(leaf: &Leaf) -> Duration {
    let (task, head) = (&leaf.task, &leaf.task.head);
    let failures = head.options.retry.max_failures;
    let scripted = |script: &Script| {
        // One that is short of time may hand back a cursor at every step.
        let pieces = match head.options.limits.total {
            Some(_) => script.steps,
            None => 0,
        };
        script.work(failures) + AROUND * pieces
    };
    let known = match &*head.kind {
        Probe::KIND | Raw::KIND | Note::KIND => {
            let script = task.payload.decode::<Script>();
            script.map(|script| scripted(&script))
        }
        Find::KIND => {
            let find = task.payload.decode::<Find>();
            find.map(|find| find.work(failures))
        }
        Spread::KIND if head.role == Role::Generator => {
            let spread = task.payload.decode::<Spread>();
            spread.map(|spread| spread.own_work())
        }
        _ => Ok(BRIEFLY),
    };
    known.unwrap_or(BRIEFLY)
}
