//! The main job on the functions of a deployment: the manager and the External workers on Lambda,
//! SQS between them, the state in PostgreSQL, large payloads in S3.
//!
//! ```text
//! eval "$(lab/cloud/stack up)"
//! cargo run --release --features full --example localstack_robots
//! lab/cloud/stack down
//! ```
//!
//! On AWS it is the same command with the variables of that deployment and without
//! `AWS_ENDPOINT_URL`; the lab is out of reach from there, so bring a list (`--domains`).
//!
//! `--chaos` kills functions at random, sends messages twice and restarts the database meanwhile;
//! the result must be the same.

mod args;
mod chaos;
mod job;
mod output;
mod repeater;
mod results;
#[path = "../robots/truth.rs"]
mod truth;

use std::process::ExitCode;

use clap::Parser as _;
use sortie::aws::Settings;

use args::Args;
use chaos::Chaos;
use job::Job;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match scan(&Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn scan(args: &Args) -> anyhow::Result<bool> {
    let client = sortie::aws::client(sortie::defs::registry(), &Settings::from_env()).await?;
    let job = Job::new(args).await?;
    let workflow = job.workflow(args, &client).await?;
    let mut chaos = if args.chaos {
        Some(Chaos::begin().await?)
    } else {
        None
    };
    let run = client.submit(workflow).await?;
    eprintln!("run {}: {} names", run.id(), job.list.len());
    if let Some(chaos) = &mut chaos {
        chaos.restart_database(run.clone())?;
    }
    let report = output::follow(args, &run).await?;
    let faults = match chaos {
        Some(chaos) => Some(chaos.end().await?),
        None => None,
    };
    for trouble in run.troubles(5).await? {
        let error = trouble.error.as_deref().unwrap_or("no reason given");
        eprintln!(
            "failed: {} after {} attempts: {error}",
            trouble.kind, trouble.attempts
        );
    }
    let verdict = results::collect(&job, &client, &run, &args.out).await?;
    Ok(output::end(args, &job, &report, &verdict, faults.as_ref()))
}
