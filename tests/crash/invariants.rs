//! What must hold when the run is over.

use std::sync::Arc;
use std::time::Duration;

use sortie::core::manager::{FenceKey, Manager, ManagerConfig};
use sortie::core::message::{Message, ToManager};
use sortie::core::ports::data::DataStore as _;
use sortie::core::ports::runtime::{Runtime, TokioRuntime};
use sortie::core::ports::store::Store as _;
use sortie::core::ports::transport::Transport;
use sortie::core::{MessageId, Timestamp, WorkerKind};
use sortie::prelude::*;
use sortie::stores::SqliteStore;
use sortie::transports::memory::{MemoryConfig, MemoryTransport};

use crate::children::{TARGETS, writes};
use crate::history::History;
use crate::rows::every_row_is_there_once;
use crate::snapshot::Snapshot;
use crate::workflow::{CHILDREN, Sums, VALUE, registry};

const END_OF_TIME: Timestamp = Timestamp::from_millis(i64::MAX as u64);

pub(crate) async fn hold(history: &History) {
    let store = SqliteStore::open(history.database()).await.unwrap();
    let end = Snapshot::of(&store).await.expect("something was submitted");
    end.is_consistent();
    for before in history.snapshots() {
        end.keeps(before);
    }
    everything_ended_well(&end);
    // As often as it was dispatched: for a cursor or after a blow.
    let attempts = end.planned().map(|task| (&*task.kind, task.status.attempt));
    eprintln!("attempts: {:?}", attempts.collect::<Vec<_>>());
    every_row_is_there_once(&store, &end).await;
    let value = store.value(end.collection.id, VALUE).await.unwrap();
    let value: Sums = value.unwrap().decode().unwrap();
    assert_eq!(value, Sums::expected(), "the value of the collection");
    nothing_is_left_to_do(store).await;
    the_engine_says_so(history).await;
}

fn everything_ended_well(end: &Snapshot) {
    assert_eq!(end.collection.state, TaskState::Succeeded);
    assert!(end.collection.finished_at.is_some());
    assert_eq!(end.tasks.len(), CHILDREN as usize + 3);
    for task in end.tasks.values() {
        assert_eq!(task.status.state, TaskState::Succeeded, "{task:#?}");
    }
    for container in &end.containers {
        assert_eq!(container.state, TaskState::Succeeded, "{container:#?}");
    }
    let scan = end.container("scan");
    assert_eq!(scan.expected, Some(u64::from(CHILDREN)));
    assert_eq!(scan.children.succeeded, u64::from(CHILDREN));
}

/// Neither in the outbox, nor in any lease, nor for a tick.
async fn nothing_is_left_to_do(store: SqliteStore) {
    let store = Arc::new(store);
    let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::new());
    let carrier: Arc<dyn Transport> = Arc::new(MemoryTransport::new(
        Arc::clone(&runtime),
        MemoryConfig::default(),
    ));
    // The dispatches of killed attempts stay in the outbox until a tick finds them old enough.
    let mut config = ManagerConfig::new(FenceKey::new([0; 16]));
    config.outbox_grace = Duration::ZERO;
    config.tick_limit = usize::MAX;
    let manager = Manager::new(
        Arc::clone(&store) as _,
        Arc::clone(&carrier),
        Arc::clone(&runtime),
        Arc::new(registry()),
        config,
    );
    assert_eq!(manager.recover().await.unwrap(), 0, "tasks in flight");
    let tick = ToManager::new(MessageId::new(&*runtime), Message::Tick);
    manager.handle(vec![tick]).await.unwrap();
    for kind in WorkerKind::ALL {
        let (wait, hidden) = (Duration::ZERO, Duration::from_secs(60));
        let sent = carrier.receive(kind.queue(), 1, wait, hidden).await;
        assert!(sent.unwrap().is_empty(), "something was dispatched again");
    }
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.due_outbox(END_OF_TIME, 10).await.unwrap(), []);
    assert_eq!(tx.due_tasks(END_OF_TIME, 10).await.unwrap(), []);
}

/// What a user gets to see, after one more start.
async fn the_engine_says_so(history: &History) {
    let engine = Engine::embedded(registry()).at(history.folder());
    let engine = engine.start().await.unwrap();
    let (_, run) = engine.runs(1).await.unwrap().remove(0);
    let report = run.wait().await.unwrap();
    assert_eq!(report.state, TaskState::Succeeded);
    let scribes = (0..CHILDREN).filter(|child| writes(*child)).count() as u64;
    let probes = u64::from(CHILDREN) - scribes;
    let ledger = &report.ledger;
    assert_eq!(ledger.targets, probes * TARGETS + scribes);
    assert_eq!((ledger.unaccounted(), ledger.overcounted()), (0, 0));
    assert_eq!(ledger.outcomes.get("found"), probes * TARGETS);
    assert_eq!(ledger.outcomes.get("written"), scribes);
    assert_eq!(ledger.outcomes.len(), 2, "{ledger:?}");
    let sums = run.result::<Sums>("read").await.unwrap();
    assert_eq!(sums, Some(Sums::expected()), "what was read");
    assert_eq!(run.troubles(10).await.unwrap(), []);
    engine.shutdown().await;
}
