//! An engine on SQLite: restarts in the same folder, after a shutdown and after SIGKILL.

use std::path::Path;
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, Instant};

use sortie::core::{CollectionId, WorkerKind};
use sortie::prelude::*;

/// How the child process is told what it is.
const FOLDER: &str = "SORTIE_TEST_FOLDER";
const TARGETS: u64 = 4;
const CHILDREN: u32 = 1500;

/// Covers its targets slowly enough to be caught in the middle.
#[derive(Serialize, Deserialize)]
struct Probe(u32);

impl TaskDefinition for Probe {
    const KIND: &'static str = "t.probe";
    type Requires = needs![];
    type Output = u32;

    fn targets(&self) -> u64 {
        TARGETS
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u32, TaskError> {
        let at = cx.cursor::<u64>()?.unwrap_or(0);
        cx.sleep(Duration::from_millis(4)).await;
        if at == 0 && self.0.is_multiple_of(5) {
            cx.cover("found", 1);
            return Err(TaskError::deadline(&1));
        }
        cx.cover("found", TARGETS - at);
        Ok(self.0)
    }
}

#[derive(Serialize, Deserialize)]
struct Probes;

impl TaskDefinition for Probes {
    const KIND: &'static str = "t.probes";
    type Requires = needs![QueueAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        for n in 0..CHILDREN {
            cx.queue().create(Probe(n)).await?;
            if n % 50 == 0 {
                cx.queue().flush().await?;
                cx.sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Sum;

impl TaskDefinition for Sum {
    const KIND: &'static str = "t.sum";
    type Requires = needs![TaskDataAccess];
    type Output = u64;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u64, TaskError> {
        let mut rows = cx.task_data().of::<u64>("scan").await?;
        let mut sum = 0;
        while let Some(row) = rows.next().await? {
            sum += row;
        }
        Ok(sum)
    }
}

async fn engine(folder: &Path) -> Engine {
    let tasks = registry![Probe, Probes, Sum];
    let engine = Engine::embedded(tasks)
        .at(folder)
        .concurrency(WorkerKind::External, 4);
    // The one before may still be dying.
    engine
        .grace(Duration::from_millis(200))
        .start()
        .await
        .unwrap()
}

fn steps() -> Workflow {
    Workflow::new("scan")
        .generate("scan", Probes, |c| c.max_in_flight(50))
        .aggregate("sum", Sum)
}

async fn finish(engine: &Engine, id: CollectionId) {
    let run = engine.run(id).await.unwrap();
    let report = tokio::time::timeout(Duration::from_secs(90), run.wait()).await;
    let report = report.expect("the run ends").unwrap();
    assert_eq!(report.state, TaskState::Succeeded);
    assert_eq!(report.ledger.targets, u64::from(CHILDREN) * TARGETS);
    assert_eq!(report.ledger.outcomes.total(), report.ledger.targets);
    assert_eq!(report.ledger.outcomes.get("found"), report.ledger.targets);
    let mut rows = run.rows::<u32>("scan").await.unwrap();
    for n in 0..CHILDREN {
        assert_eq!(
            rows.next().await.unwrap(),
            Some(n),
            "each row once, in order"
        );
    }
    assert_eq!(rows.next().await.unwrap(), None);
    let sum = u64::from(CHILDREN) * u64::from(CHILDREN - 1) / 2;
    assert_eq!(run.result::<u64>("sum").await.unwrap(), Some(sum));
}

/// Not a test of its own: the process that [`a_killed_engine_goes_on_in_the_same_folder`] kills.
#[tokio::test(flavor = "multi_thread")]
async fn child_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let engine = engine(Path::new(&folder)).await;
    if engine.runs(1).await.unwrap().is_empty() {
        engine.submit(steps()).await.unwrap();
    }
    std::future::pending::<()>().await;
}

fn spawn(folder: &Path) -> Process {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durable::child_process_that_is_killed"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_goes_on_in_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    // Each time a little later: while it starts, generates, scans.
    for (round, passed) in [80, 150, 300, 500].into_iter().enumerate() {
        let mut process = spawn(folder.path());
        let state = folder.path().join("state.sqlite");
        let started = Instant::now();
        while !state.exists() {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "round {round} does not start"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Where exactly the blow falls does not matter, as long as it is in the middle.
        tokio::time::sleep(Duration::from_millis(passed)).await;
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let engine = engine(folder.path()).await;
    let (name, run) = engine.runs(9).await.unwrap().remove(0);
    assert_eq!(name, "scan");
    let report = run.report().await.unwrap();
    assert_eq!(
        report.state,
        TaskState::Running,
        "the blows fell in the middle"
    );
    finish(&engine, run.id()).await;
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_was_shut_down_goes_on_in_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = engine(folder.path()).await;
    let id = first.submit(steps()).await.unwrap().id();
    let run = first.run(id).await.unwrap();
    let started = Instant::now();
    while run
        .report()
        .await
        .unwrap()
        .container("scan")
        .unwrap()
        .children
        .succeeded
        < 20
    {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "nothing is scanned"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(run);
    first.shutdown().await;
    let second = engine(folder.path()).await;
    finish(&second, id).await;
    let failed = second.run(id).await.unwrap().troubles(10).await.unwrap();
    assert_eq!(failed, []);
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_engine_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = engine(folder.path()).await;
    let second = Engine::embedded(registry![Probe])
        .at(folder.path())
        .start()
        .await;
    assert!(matches!(second, Err(EngineError::InUse(_))));
    first.shutdown().await;
    engine(folder.path()).await.shutdown().await;
}
