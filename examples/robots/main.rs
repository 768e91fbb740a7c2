//! The main job: robots.txt of a list of sites, fetched by External tasks, into one file.
//!
//! `cargo run --release --example robots` scans 10,000 sites of the lab; `-- --help` says more.

mod args;
mod check;
mod job;
mod output;
mod truth;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use sortie::core::WorkerKind;
use sortie::prelude::*;

use args::Args;
use job::Job;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match scan(&Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn scan(args: &Args) -> anyhow::Result<ExitCode> {
    let (job, list) = Job::open(args)?;
    let lab = job.start_lab().await?;
    let engine = Engine::embedded(sortie::defs::registry())
        .at(job.state())
        .concurrency(WorkerKind::External, args.workers.into())
        .start()
        .await
        .with_context(|| format!("cannot start the engine in {}", job.state().display()))?;
    let (job, run) = match (&list, job.run) {
        (Some(list), _) => job.submit(args, list, &engine, lab.as_ref()).await?,
        (None, Some(id)) => {
            let run = engine.run(id).await.with_context(|| {
                let state = job.state();
                format!(
                    "{} is damaged; start again without --resume",
                    state.display()
                )
            })?;
            (job, run)
        }
        // Killed right after it was submitted, the run is there but not yet written down.
        (None, None) => match engine.runs(1).await?.pop() {
            Some((_, run)) => (job, run),
            None => bail!("the scan was stopped before it began; leave out --resume"),
        },
    };
    output::begin(args, &job, list.is_none());
    let report = tokio::select! {
        report = output::follow(args, &run) => report?,
        _ = tokio::signal::ctrl_c() => {
            engine.shutdown().await;
            eprintln!("stopped; what is done is kept. Go on with --resume.");
            return Ok(ExitCode::from(130));
        }
    };
    let failures = run.troubles(5).await?;
    let truth = match &lab {
        Some(lab) if report.state == TaskState::Succeeded => Some(check::compare(&job, lab)?),
        _ => None,
    };
    engine.shutdown().await;
    let good = output::end(args, &job, &report, truth.as_ref(), &failures)?;
    if good {
        job.forget()?;
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
