//! The process that is killed: an engine, and a run that is submitted once.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use sortie::core::WorkerKind;
use sortie::prelude::*;

use crate::leash::Leash;
use crate::workflow::{registry, workflow};

/// How the process is told what it is.
pub(crate) const FOLDER: &str = "SORTIE_CRASH_FOLDER";
pub(crate) const LIFE: &str = "SORTIE_CRASH_LIFE";

/// What the process says: that its engine has started, ...
pub(crate) const STARTED: &str = "started";
/// ... and how many children have ended.
pub(crate) const ENDED: &str = "ended ";

/// The file that says that the run is over.
pub(crate) fn marker(folder: &Path) -> PathBuf {
    folder.join("over")
}

/// The folder and the number of the life, if this process was started to be killed.
pub(crate) fn told() -> Option<(PathBuf, u32)> {
    let folder = std::env::var_os(FOLDER)?.into();
    let life = std::env::var(LIFE).unwrap().parse().unwrap();
    Some((folder, life))
}

pub(crate) async fn live(folder: &Path, life: u32) {
    die_with_the_parent();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let engine = Engine::embedded(registry())
        .at(folder)
        .resource(Leash(life))
        // So few at once that a life is about as long as its share of the work.
        .concurrency(WorkerKind::External, 4)
        .concurrency(WorkerKind::Internal, 2)
        .start()
        .await
        .unwrap();
    // The test runner may have begun a line.
    println!("\n{STARTED}");
    let run = match engine.runs(1).await.unwrap().pop() {
        Some((_, run)) => run,
        None => engine.submit(workflow()).await.unwrap(),
    };
    let mut progress = pin!(run.progress(Duration::from_millis(10)));
    while let Some(report) = progress.next().await {
        let report = report.unwrap();
        println!(
            "{ENDED}{}",
            report.container("scan").unwrap().children.done()
        );
    }
    engine.shutdown().await;
    std::fs::write(marker(folder), "").unwrap();
}

/// Should the test itself be stopped, nobody would kill what waits for ever.
fn die_with_the_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
}
