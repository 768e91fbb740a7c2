//! What must be true when all is at rest: the store against the model, and both against sense.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use task_core::ports::data::RowKey;
use task_core::ports::store::StoreError;
use task_core::workflow::Role;
use task_core::{CollectionId, Payload, TaskId, TaskState, Timestamp};

use super::forger::FORGED;
use super::generated;
use super::keeper::Shared;
use super::model::{Leaf, Model};
use super::recon;
use super::report::ready;
use super::site::{LOOK, TICK};

/// As late as it gets.
const EVER: Timestamp = Timestamp::from_millis(i64::MAX as u64);

/// Whether nothing waits to be sent.
pub(super) fn is_drained(shared: &Shared) -> bool {
    let outbox = async {
        let mut tx = shared.store.begin().await?;
        tx.due_outbox(EVER, 1).await
    };
    // While a manager has a transaction open, its end must be awaited.
    let outbox = outbox.now_or_never();
    outbox.is_some_and(|outbox| outbox.is_ok_and(|outbox| outbox.is_empty()))
}

/// Everything, once.
pub(super) fn check(shared: &Shared, id: CollectionId, generated: bool) -> Result<(), String> {
    let model = shared.model();
    let calm = shared.chaos.faults().is_none();
    all_over(&model, calm)?;
    ready(against_the_store(shared, &model, id))
        .map_err(|error| format!("the store: {error}"))??;
    let rows = ready(rows(shared, &model)).map_err(|error| format!("the store: {error}"))?;
    effects(&model, &rows)?;
    ready(recon::check(shared, &model)).map_err(|error| format!("the recon store: {error}"))??;
    if generated {
        let verdict = generated::check(shared, &model, &rows, calm);
        ready(verdict).map_err(|error| format!("the store: {error}"))??;
    }
    Ok(())
}

fn all_over(model: &Model, calm: bool) -> Result<(), String> {
    for (id, row) in &model.collections {
        in_time(
            &format!("collection {id}"),
            row.finished_at,
            row.deadline_at,
            calm,
        )?;
    }
    for (id, leaf) in &model.tasks {
        if !leaf.state().is_terminal() {
            return Err(format!("task {id} is still {}", leaf.state()));
        }
    }
    for (id, node) in &model.containers {
        if !node.row.state.is_terminal() {
            return Err(format!("container {id} is still {}", node.row.state));
        }
        in_time(
            &format!("container {id}"),
            node.row.finished_at,
            node.row.cut_off_at,
            calm,
        )?;
        let (counted, targets) = (node.row.outcomes.total(), node.row.targets);
        // A container that was never activated has its targets dropped by whoever closed it.
        if counted != targets {
            return Err(format!(
                "container {id} accounts for {counted} of {targets} targets in the end"
            ));
        }
    }
    Ok(())
}

/// A time limit holds as soon as a manager ticks; in a storm it may take some to come back.
fn in_time(
    what: &str,
    finished: Option<Timestamp>,
    limit: Option<Timestamp>,
    calm: bool,
) -> Result<(), String> {
    let (Some(finished), Some(limit)) = (finished, limit) else {
        return Ok(());
    };
    let late = finished.since(limit);
    let allowed = if calm {
        TICK + LOOK
    } else {
        Duration::from_secs(600)
    };
    if late <= allowed {
        return Ok(());
    }
    Err(format!("{what} ended {late:?} after its time limit"))
}

/// What the store holds is what was committed.
async fn against_the_store(
    shared: &Shared,
    model: &Model,
    id: CollectionId,
) -> Result<Result<(), String>, StoreError> {
    let store = &shared.store;
    for row in store.containers(id).await? {
        if model.containers.get(&row.id).map(|node| &node.row) != Some(&row) {
            return Ok(Err(format!(
                "container {} is not as it was committed",
                row.id
            )));
        }
    }
    let ids: Vec<TaskId> = model.tasks.keys().copied().collect();
    let mut tx = store.begin().await?;
    let heads = tx.heads(&ids).await?;
    if heads.len() != ids.len() {
        return Ok(Err(format!(
            "{} of {} tasks are stored",
            heads.len(),
            ids.len()
        )));
    }
    for head in heads {
        let known = model.tasks.get(&head.id).map(Leaf::state);
        if known != Some(head.status.state) {
            return Ok(Err(format!(
                "task {} is {} in the store and {known:?} by what was committed",
                head.id, head.status.state
            )));
        }
    }
    if let Some(row) = tx.due_outbox(EVER, 1).await?.first() {
        return Ok(Err(format!("task {} is still in the outbox", row.task)));
    }
    if let Some(head) = tx.due_tasks(EVER, 1).await?.first() {
        return Ok(Err(format!("task {} is still due", head.id)));
    }
    Ok(Ok(()))
}

/// All rows that are stored, by task.
pub(super) type Rows = BTreeMap<TaskId, Vec<(u32, Payload)>>;

async fn rows(shared: &Shared, model: &Model) -> Result<Rows, StoreError> {
    let mut all = Rows::new();
    for task in model.tasks.values().map(|leaf| &leaf.task.head) {
        let dataset = task_core::ports::data::Dataset {
            container: task.container,
            task: Some(task.id),
        };
        let mut after: Option<RowKey> = None;
        loop {
            let page = shared.store.rows(dataset, after, 1000).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for row in page {
                let body = whole(shared, row.body).await?;
                all.entry(task.id).or_default().push((row.key.seq, body));
            }
        }
    }
    Ok(all)
}

/// A payload with what lies in the object store.
async fn whole(shared: &Shared, body: Payload) -> Result<Payload, StoreError> {
    let failed = |error: task_core::PayloadError| StoreError::Backend(error.into());
    let objects = Some(&*shared.objects);
    let json = body.resolve(u64::MAX, objects).await.map_err(failed)?;
    Ok(Payload::Inline(json.into_owned()))
}

/// Each effect once: the rows of a task are those of its attempts, without gaps, and no forged one.
fn effects(model: &Model, rows: &Rows) -> Result<(), String> {
    for (id, leaf) in &model.tasks {
        let stored = rows.get(id).map(Vec::as_slice).unwrap_or_default();
        if let Some((seq, _)) = stored.iter().find(|(_, body)| is_forged(body)) {
            return Err(format!("row {seq} of task {id} is forged"));
        }
        if !leaf.rows.is_empty() {
            let (there, wrote) = (stored.len(), leaf.rows.len());
            if there != wrote {
                return Err(format!("task {id} wrote {wrote} rows and has {there}"));
            }
            if let Some((at, (seq, _))) = (0..).zip(stored).find(|(at, (seq, _))| at != seq) {
                return Err(format!("row {at} of task {id} is at place {seq}"));
            }
            if !leaf.rows.is_sorted() {
                return Err(format!(
                    "the rows of task {id} are of mixed attempts: {:?}",
                    leaf.rows
                ));
            }
        } else if leaf.state() != TaskState::Succeeded && !stored.is_empty() {
            let head = &leaf.task.head;
            if head.role == Role::Generator {
                // It had returned; what was closed is the wait for its children.
                continue;
            }
            return Err(format!(
                "task {id} ({}) is {} and has {} rows",
                head.kind,
                leaf.state(),
                stored.len()
            ));
        }
    }
    Ok(())
}

fn is_forged(body: &Payload) -> bool {
    matches!(body, Payload::Inline(raw) if raw.get().contains(FORGED))
}
