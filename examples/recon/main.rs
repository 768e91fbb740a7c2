//! A whole reconnaissance, on the lab, with nothing but this project.
//!
//! Seed domains → certificate transparency → scope → DNS → ports → certificates → pages → models →
//! what is new → a webhook. `cargo run --release --example recon` runs it; run it again and it
//! reports only what has changed. `-- --help` says more.

mod args;
mod output;
mod place;
mod plan;
mod webhook;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use sortie::defs::control::notify::{Webhook, Webhooks};
use sortie::defs::source::Sources;
use sortie::prelude::*;

use args::Args;
use place::Place;
use webhook::Receiver;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match look(&Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the workflow once; whether it went well.
async fn look(args: &Args) -> anyhow::Result<bool> {
    let place = Place::open(&args.out)?;
    let lab = place.start_lab().await?;
    let receiver = Receiver::start().await?;
    let hook = Webhook::new(receiver.url(), webhook::SECRET);
    let engine = Engine::embedded(sortie::defs::registry())
        .at(place.state())
        .resource(Sources::new().base_url("source.crtsh", lab.ct_url()))
        .resource(Webhooks::new().with(plan::WEBHOOK, hook))
        .start()
        .await
        .with_context(|| format!("cannot start the engine in {}", place.state().display()))?;
    let run = engine.submit(plan::workflow(&args.seeds, &lab)?).await?;
    let report = run.wait().await?;
    let outcome = output::Outcome::gather(&engine, &run, report, &receiver, &lab).await?;
    engine.shutdown().await;
    outcome.print(args.json)?;
    Ok(outcome.is_good())
}
