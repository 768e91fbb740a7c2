//! Microseconds per row of each primitive, at 1,000 rows per transaction, with what one no-op
//! task needs of a store at the end. SQLite is durable and lies in the temporary folder, or in
//! the one that `SORTIE_BENCH_DIR` names.
//!
//! `cargo bench -p sortie-stores [-- transactions]`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use sortie_stores::{MemoryStore, SqliteStore};
use task_core::id::{CollectionId, ContainerId, MessageId, TaskId};
use task_core::payload::Payload;
use task_core::policy::{CompletionPolicy, TaskOptions};
use task_core::ports::data::Dataset;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Counters, OutboxRow, ResultRow, Store, Task, TaskHead, TaskStatus,
    TaskUpdate,
};
use task_core::route::WorkerKind;
use task_core::state::TaskState;
use task_core::time::Timestamp;
use task_core::workflow::{Mode, Role};
use uuid::Uuid;

/// Rows per transaction.
const BATCH: u32 = 1000;

/// Microseconds by primitive, in order of appearance.
#[derive(Default)]
struct Costs {
    order: Vec<&'static str>,
    micros: BTreeMap<&'static str, f64>,
}

impl Costs {
    fn add(&mut self, name: &'static str, since: Instant) {
        if !self.micros.contains_key(name) {
            self.order.push(name);
        }
        *self.micros.entry(name).or_default() += since.elapsed().as_secs_f64() * 1e6;
    }

    fn print(&self, title: &str, rows: f64) {
        println!("{title}");
        for name in &self.order {
            println!("  {name:36} {:8.3} µs/row", self.micros[name] / rows);
        }
        println!(
            "  {:36} {:8.3} µs/row",
            "all",
            self.micros.values().sum::<f64>() / rows
        );
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let transactions = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .next()
        .unwrap_or(50);
    run("memory", Arc::new(MemoryStore::new()), transactions).await;
    let folder = match std::env::var_os("SORTIE_BENCH_DIR") {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a temporary folder");
    let path = folder.path().join("bench.db");
    let store = SqliteStore::open(&path).await.expect("a store");
    run("sqlite", Arc::new(store), transactions).await;
    let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    println!(
        "  {:36} {:8}",
        "bytes per task on disk",
        bytes / u64::from(transactions * BATCH)
    );
    print_memory();
}

/// Takes tasks through their lives, a batch per transaction and step.
async fn run(title: &str, store: Arc<dyn Store>, transactions: u32) {
    let mut costs = Costs::default();
    let collection = CollectionId::from_uuid(Uuid::from_u128(1 << 90));
    let container = collection.container(0);
    let mut tx = store.begin().await.expect("begin");
    tx.insert_collections(&[collection_row(collection)])
        .await
        .expect("collections");
    tx.insert_containers(&[container_row(collection, container)])
        .await
        .expect("containers");
    tx.commit().await.expect("commit");

    macro_rules! time {
        ($name:literal, $step:expr) => {{
            let start = Instant::now();
            let result = $step.await.expect($name);
            costs.add($name, start);
            result
        }};
    }
    let before = cpu_micros();
    for batch in 0..transactions {
        let tasks: Vec<Task> = (batch * BATCH..(batch + 1) * BATCH)
            .map(|ordinal| task(collection, container, ordinal))
            .collect();
        let messages: Vec<MessageId> = (0..2 * BATCH).map(|n| message(batch, n)).collect();
        let ids: Vec<TaskId> = tasks.iter().map(|task| task.head.id).collect();
        let update = |state, due_at| -> Vec<TaskUpdate> {
            let attempt = 1;
            let status = TaskStatus {
                state,
                attempt,
                due_at,
                ..TaskStatus::NEW
            };
            ids.iter()
                .map(|id| TaskUpdate {
                    id: *id,
                    status: status.clone(),
                })
                .collect()
        };
        let now = Timestamp::from_millis(1_700_000_000_000 + u64::from(batch));

        let mut tx = time!("begin (1 of 2)", store.begin());
        time!("inbox (new)", tx.inbox(&messages[..1000], now));
        time!("insert_tasks", tx.insert_tasks(&tasks));
        let containers = time!("containers (1 per batch)", tx.containers(&[container]));
        time!("waiting", tx.waiting(&[(container, BATCH)]));
        time!("tasks", tx.tasks(&ids));
        let running = update(TaskState::Running, Some(now));
        time!("update_tasks (running)", tx.update_tasks(&running));
        let dispatches: Vec<OutboxRow> = ids
            .iter()
            .map(|id| OutboxRow {
                batch: (ids[0], 1),
                ..OutboxRow::alone(*id, 1, now)
            })
            .collect();
        time!("put_outbox", tx.put_outbox(&dispatches));
        time!(
            "update_containers (1 per batch)",
            tx.update_containers(&containers)
        );
        time!("commit (1 of 2)", tx.commit());

        let mut tx = time!("begin (2 of 2)", store.begin());
        time!("remove_outbox", tx.remove_outbox(&dispatches));
        time!("heads", tx.heads(&ids));
        let done = update(TaskState::Succeeded, None);
        time!("update_tasks (succeeded)", tx.update_tasks(&done));
        let results: Vec<ResultRow> = ids
            .iter()
            .map(|id| ResultRow {
                collection,
                container,
                task: *id,
                seq: 0,
                body: Payload::null(),
            })
            .collect();
        time!("put_data", tx.put_data(&results));
        time!("commit (2 of 2)", tx.commit());
    }
    costs.print(title, f64::from(transactions) * f64::from(BATCH));
    let cpu = (cpu_micros() - before) / (f64::from(transactions) * f64::from(BATCH));
    println!("  {:36} {cpu:8.3} µs/row", "processor time, bench included");

    let start = Instant::now();
    let mut after = None;
    let set = Dataset {
        container,
        task: None,
    };
    let mut count = 0;
    loop {
        let page = store.rows(set, after, 1000).await.expect("rows");
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        count += page.len();
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / count as f64;
    println!("  {:36} {micros:8.3} µs/row", "rows (pages of 1,000)");
    print_memory();
}

fn print_memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
    {
        println!("  {line}");
    }
}

/// Processor time of this process so far; the kernel counts it in hundredths of a second.
fn cpu_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        * 1e4
}

fn message(batch: u32, n: u32) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128((u128::from(batch) << 100) + u128::from(n)))
}

fn task(collection: CollectionId, container: ContainerId, ordinal: u32) -> Task {
    let payload = format!("{{\"name\":\"host{ordinal}.example\",\"n\":1234567}}");
    Task {
        head: TaskHead {
            id: collection.task(0).child(ordinal),
            collection,
            container,
            role: Role::Plain,
            ordinal,
            kind: "bench.noop".into(),
            route: WorkerKind::External,
            targets: 1,
            options: TaskOptions::default(),
            status: TaskStatus::NEW,
        },
        name: None,
        version: 1,
        payload: Payload::Inline(serde_json::value::RawValue::from_string(payload).expect("JSON")),
    }
}

fn collection_row(id: CollectionId) -> CollectionRow {
    CollectionRow {
        id,
        name: "bench".to_owned(),
        state: TaskState::Running,
        cancelled: false,
        scope: None,
        created_at: Timestamp::from_millis(0),
        deadline_at: None,
        finished_at: None,
    }
}

fn container_row(collection: CollectionId, id: ContainerId) -> ContainerRow {
    ContainerRow {
        id,
        collection,
        parent: None,
        position: 0,
        name: None,
        mode: Mode::Parallel,
        arm: None,
        generator: Some(collection.task(0)),
        policy: CompletionPolicy::ALL,
        max_in_flight: 1000,
        state: TaskState::Running,
        chosen: None,
        cursor: 0,
        expected: None,
        children: Counters::default(),
        targets: 0,
        outcomes: task_core::ledger::Coverage::new(),
        usage: task_core::ledger::Usage::default(),
        cut_off_at: None,
        started_at: None,
        finished_at: None,
    }
}
