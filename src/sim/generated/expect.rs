//! What generated tasks must have brought: their scripts say so.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use task_core::ports::data::Dataset;
use task_core::ports::store::{StoreError, Task};
use task_core::recon::Changes;
use task_core::workflow::{Arm, Role};
use task_core::{Coverage, Payload, TaskDefinition, TaskId, TaskState};

use super::script::{End, Row, Script};
use super::tasks::{Choose, Find, Note, Probe, Raw, Spread, Sum, Total};
use crate::sim::end::Rows;
use crate::sim::keeper::Shared;
use crate::sim::model::{Leaf, Model};
use crate::sim::paths::Path;

/// Holds the end of a run against the scripts. In a run without faults each task must have had
/// just the attempts that its script wants.
pub(in crate::sim) async fn check(
    shared: &Shared,
    model: &Model,
    rows: &Rows,
    calm: bool,
) -> Result<Result<(), String>, StoreError> {
    for (id, leaf) in &model.tasks {
        let task = &leaf.task;
        let stored = match decoded::<Row>(rows, *id) {
            Ok(stored) => stored,
            Err(_) if !is_scripted(task) => Vec::new(),
            Err(error) => return Ok(Err(format!("a row of task {id}: {error}"))),
        };
        let verdict = match &*task.head.kind {
            Probe::KIND | Raw::KIND => script(task).and_then(|s| one_row(leaf, &s, &stored, calm)),
            Note::KIND => script(task).and_then(|s| own_rows(leaf, &s, &stored, calm)),
            Find::KIND => findings(model, leaf, rows),
            Spread::KIND => children(shared, model, leaf, rows),
            Total::KIND => total(shared, model, leaf, rows).await?,
            Choose::KIND => chosen(model, leaf, rows),
            _ => Ok(()),
        };
        if is_scripted(task) && leaf.state() == TaskState::Failed {
            count_failure(shared, task);
        }
        let verdict = verdict.and_then(|()| covered(leaf));
        if let Err(what) = verdict {
            return Ok(Err(format!("task {id} ({}): {what}", task.head.kind)));
        }
        if &*task.head.kind == Note::KIND && leaf.state() == TaskState::Succeeded {
            let found = note_value(shared, task).await?;
            if found != Some(task.head.status.attempt) {
                return Ok(Err(format!(
                    "task {id} ended in attempt {} and its value is of attempt {found:?}",
                    task.head.status.attempt
                )));
            }
        }
    }
    Ok(Ok(()))
}

/// Which rare way a task failed.
fn count_failure(shared: &Shared, task: &Task) {
    let Ok(script) = script(task) else { return };
    let failures = task.head.status.failures;
    if script.end == End::Overcounted && failures < task.head.options.retry.max_failures {
        shared.chaos.passed(Path::Overcounted);
    }
    if failures >= task.head.options.retry.max_failures {
        shared.chaos.passed(Path::RetriesExhausted);
    }
}

fn is_scripted(task: &Task) -> bool {
    [Probe::KIND, Raw::KIND, Note::KIND].contains(&&*task.head.kind)
}

fn payload<T: DeserializeOwned>(task: &Task) -> Result<T, String> {
    task.payload.decode().map_err(|error| error.to_string())
}

/// Each scripted kind is its script and nothing else.
fn script(task: &Task) -> Result<Script, String> {
    payload(task)
}

fn decoded<T: DeserializeOwned>(rows: &Rows, id: TaskId) -> Result<Vec<T>, String> {
    let rows = rows.get(&id).map(Vec::as_slice).unwrap_or_default();
    let decode = |(_, body): &(u32, Payload)| body.decode().map_err(|error| error.to_string());
    rows.iter().map(decode).collect()
}

fn one_row(leaf: &Leaf, script: &Script, stored: &[Row], calm: bool) -> Result<(), String> {
    attempts(leaf, script, calm)?;
    let key = script.key;
    let wanted: &[Row] = match leaf.state() {
        TaskState::Succeeded => &[Row { key, seq: 0 }],
        _ => &[],
    };
    same(stored, wanted)
}

fn own_rows(leaf: &Leaf, script: &Script, stored: &[Row], calm: bool) -> Result<(), String> {
    attempts(leaf, script, calm)?;
    if leaf.state() != TaskState::Succeeded {
        return Ok(());
    }
    let key = script.key;
    let wanted: Vec<Row> = (0..script.rows).map(|seq| Row { key, seq }).collect();
    same(stored, &wanted)
}

fn same(stored: &[Row], wanted: &[Row]) -> Result<(), String> {
    if stored == wanted {
        return Ok(());
    }
    Err(format!(
        "has {} rows, and they should be {wanted:?}",
        stored.len()
    ))
}

/// A task that made it did what its script says; in the calm it took no more attempts.
fn attempts(leaf: &Leaf, script: &Script, calm: bool) -> Result<(), String> {
    let status = &leaf.task.head.status;
    let made_it = leaf.state() == TaskState::Succeeded;
    if made_it && script.end != End::Fine {
        return Err(format!(
            "succeeded, and should have ended as {:?}",
            script.end
        ));
    }
    if made_it && status.attempt <= script.fails {
        return Err(format!(
            "succeeded in attempt {}, which fails",
            status.attempt
        ));
    }
    let policy = leaf.task.head.options.retry;
    let wanted = script.attempts(policy.max_failures);
    // One that runs short of time hands back a cursor, as often as it is asked.
    let calm = calm && leaf.task.head.options.limits.total.is_none();
    if calm && status.attempt > wanted {
        return Err(format!(
            "took {} attempts instead of {wanted}",
            status.attempt
        ));
    }
    let gives_up = script.fails >= policy.max_failures;
    let failed = leaf.state() == TaskState::Failed;
    // What a carrier forgot is tried again, and no failure is counted.
    if calm && made_it && gives_up {
        return Err(format!(
            "succeeded, and may fail {} times only",
            policy.max_failures
        ));
    }
    if calm && failed && script.end == End::Fine && !gives_up {
        return Err(format!("failed: {:?}", status.error));
    }
    Ok(())
}

/// What became of its targets: as many are done as its script, or its part up to where it was
/// stopped, accounts for; the others are dropped for what it ended as.
fn covered(leaf: &Leaf) -> Result<(), String> {
    let task = &leaf.task;
    let (targets, status) = (task.head.targets, &task.head.status);
    let (class, done) = match &*task.head.kind {
        _ if leaf.state() == TaskState::Succeeded => match &*task.head.kind {
            Find::KIND => ("found", targets),
            Spread::KIND => ("spread", targets),
            _ => ("done", targets),
        },
        Probe::KIND | Raw::KIND | Note::KIND => {
            let stop = status.cursor.as_ref().map(Payload::decode::<Stop>);
            let stop = stop.transpose().map_err(|error| error.to_string())?;
            let done = script(task)?.done_before(stop.map_or(0, |stop| stop.at));
            ("done", done)
        }
        // Its targets are counted when it returns, and its children may keep it from its end.
        Spread::KIND => ("spread", leaf.outcomes.get("spread")),
        _ => ("done", 0),
    };
    let dropped = match leaf.state() {
        TaskState::Timeout => "dropped_timeout",
        TaskState::Disabled => "dropped_disabled",
        _ if leaf.outcomes.get("out_of_scope") > 0 => "out_of_scope",
        _ => "dropped_failed",
    };
    let wanted = Coverage::from_iter([(class, done), (dropped, targets - done.min(targets))]);
    let strayed = dropped == "out_of_scope" && script(task)?.end != End::OutOfScope;
    if leaf.outcomes == wanted && !strayed {
        return Ok(());
    }
    Err(format!(
        "is {} with {:?} and should have {wanted:?}",
        leaf.state(),
        leaf.outcomes
    ))
}

/// A cursor of a script, as workers hand it back.
#[derive(Deserialize)]
struct Stop {
    at: u32,
}

/// A condition says what was written, and its sequence heeds it.
fn chosen(model: &Model, leaf: &Leaf, rows: &Rows) -> Result<(), String> {
    if leaf.state() != TaskState::Succeeded {
        return Ok(());
    }
    let head = &leaf.task.head;
    let Choose { then } = payload(&leaf.task)?;
    let wanted = Some(Arm::from(then));
    let said: Vec<Arm> = decoded(rows, head.id)?;
    let node = model.containers.get(&head.container);
    let inside = node.into_iter().flat_map(|node| &node.containers);
    let mut arms = inside
        .filter_map(|id| model.containers.get(id).map(|node| &node.row))
        .filter(|row| (head.ordinal + 1..=head.ordinal + 2).contains(&row.position));
    let strayed =
        arms.any(|row| row.arm.is_some() && row.arm != wanted && row.started_at.is_some());
    if said.first().copied() == wanted && !strayed {
        return Ok(());
    }
    Err(format!(
        "said {said:?} and should have said {wanted:?}, or the other arm has run"
    ))
}

/// What it says of its findings is what came of them: each of them new once, in one report.
fn findings(model: &Model, leaf: &Leaf, rows: &Rows) -> Result<(), String> {
    if leaf.state() != TaskState::Succeeded {
        return Ok(());
    }
    let find: Find = payload(&leaf.task)?;
    let id = leaf.task.head.id;
    let said = match decoded::<Changes>(rows, id)?.as_slice() {
        [said] => *said,
        other => return Err(format!("reported {other:?}")),
    };
    let found = model.findings.of(id);
    if said.total() == find.sights() && said.inserted == found {
        return Ok(());
    }
    Err(format!(
        "reported {said:?} of {} sights, and was the first to see {found}",
        find.sights()
    ))
}

/// A generator that has ended well has all of its children, and no others.
fn children(shared: &Shared, model: &Model, leaf: &Leaf, rows: &Rows) -> Result<(), String> {
    let head = &leaf.task.head;
    let spread: Spread = payload(&leaf.task)?;
    let Some(node) = model.containers.get(&head.container) else {
        return Err("stands in no container".to_owned());
    };
    let ids = node.children.iter().filter_map(|id| model.tasks.get(id));
    let mut ordinals: Vec<u32> = ids.map(|child| child.task.head.ordinal).collect();
    ordinals.sort_unstable();
    let all: Vec<u32> = (0..spread.children).collect();
    // Those that its first attempt made beyond came in time, or did not.
    let beyond = ordinals.partition_point(|at| *at < spread.children);
    let prefix = ordinals.iter().all(|at| *at < spread.made());
    let right = match leaf.state() {
        TaskState::Succeeded => prefix && ordinals[..beyond] == all,
        _ => prefix,
    };
    if leaf.state() == TaskState::Succeeded && beyond < ordinals.len() {
        shared.chaos.passed(Path::ChildrenLeftOver);
    }
    let said: Vec<u32> = decoded(rows, head.id)?;
    if leaf.state() == TaskState::Succeeded && said != [spread.children] {
        return Err(format!("returned {said:?}"));
    }
    if right {
        return Ok(());
    }
    Err(format!(
        "is {} with {} of {} children",
        leaf.state(),
        ordinals.len(),
        spread.children
    ))
}

/// An aggregator has seen all that its container has brought, to the last row.
async fn total(
    shared: &Shared,
    model: &Model,
    leaf: &Leaf,
    rows: &Rows,
) -> Result<Result<(), String>, StoreError> {
    if leaf.state() != TaskState::Succeeded {
        return Ok(Ok(()));
    }
    let head = &leaf.task.head;
    let Ok(Total { of }) = payload(&leaf.task) else {
        return Ok(Err("its payload is not its own".to_owned()));
    };
    let Some(Dataset { container, .. }) = shared.store.dataset(head.collection, &of).await? else {
        return Ok(Err(format!("there is no `{of}`")));
    };
    let found = match decoded::<Sum>(rows, head.id).as_deref() {
        Ok([sum]) => *sum,
        other => return Ok(Err(format!("its rows are {other:?}"))),
    };
    let inside = model
        .tasks
        .values()
        .filter(|leaf| leaf.task.head.container == container)
        .filter(|leaf| leaf.task.head.role != Role::Generator);
    let mut wanted = Sum::default();
    let mut by_state = BTreeMap::<TaskState, u32>::new();
    for leaf in inside {
        *by_state.entry(leaf.state()).or_default() += 1;
        let Ok(rows) = decoded::<Row>(rows, leaf.task.head.id) else {
            continue;
        };
        rows.into_iter().for_each(|row| wanted.add(row));
    }
    if found == wanted {
        return Ok(Ok(()));
    }
    Ok(Err(format!(
        "saw {} rows of `{of}`, which has {}; its tasks are {by_state:?}",
        found.rows, wanted.rows
    )))
}

async fn note_value(shared: &Shared, task: &Task) -> Result<Option<u32>, StoreError> {
    let Ok(script) = script(task) else {
        return Ok(None);
    };
    let key = Note(script).value_key();
    let value = shared.store.value(task.head.collection, &key).await?;
    Ok(value.and_then(|value| value.decode().ok()))
}
