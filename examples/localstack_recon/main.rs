//! A whole reconnaissance by all three kinds of workers: External and Internal ones on Lambda, and a
//! bare-metal worker as a process beside them, over SQS, PostgreSQL and S3.
//!
//! ```text
//! eval "$(lab/cloud/stack up)"
//! cargo run --release --features full --example localstack_recon
//! lab/cloud/stack down
//! ```
//!
//! What is looked at is the lab, which this process runs; ports are asked by connecting.

mod args;
mod bare_metal;
mod plan;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use lab::{Lab, LabConfig, LabPorts};
use serde_json::json;
use sortie::aws::Settings;
use sortie::defs::scan::Summary;
use sortie::prelude::*;

use args::Args;
use bare_metal::BareMetal;

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
    let client = sortie::aws::client(sortie::defs::registry(), &Settings::from_env()).await?;
    let lab = start_lab().await?;
    let worker = BareMetal::start()?;
    let run = client.submit(plan::workflow(&args.seeds, &lab)?).await?;
    let report = run.wait().await?;
    worker.end().await?;

    let mut families = BTreeMap::new();
    for family in plan::FAMILIES {
        let summary: Option<Summary> = run.result(&format!("{family}.outcomes")).await?;
        let summary = summary.unwrap_or_default();
        eprintln!(
            "{family} by {}: {}",
            summary.method,
            json!(summary.outcomes)
        );
        families.insert(family, summary);
    }
    for trouble in run.troubles(5).await? {
        let error = trouble.error.as_deref().unwrap_or("no reason given");
        eprintln!("failed: {}: {error}", trouble.kind);
    }
    let unaccounted = report.ledger.unaccounted() + report.ledger.overcounted();
    let forbidden = lab.forbidden_hits();
    eprintln!(
        "{}: {} targets, {unaccounted} unaccounted for, {forbidden} connections to forbidden addresses, {:.1} s",
        report.state, report.ledger.targets, report.seconds,
    );
    if args.json {
        let line = json!({
            "state": report.state,
            "targets": report.ledger.targets,
            "unaccounted": unaccounted,
            "families": families,
            "forbidden_connections": forbidden,
            "seconds": report.seconds,
        });
        println!("{line}");
    }
    Ok(report.state == TaskState::Succeeded && unaccounted == 0 && forbidden == 0)
}

/// The lab, with its search of certificates where the External worker was told that it is.
async fn start_lab() -> anyhow::Result<Lab> {
    const PORT: &str = "SORTIE_LAB_CT_PORT";
    let port = std::env::var(PORT).with_context(|| format!("`{PORT}` is not set"))?;
    let ports = LabPorts {
        ct: port.parse().with_context(|| format!("`{PORT}`"))?,
        ..LabPorts::default()
    };
    let config = LabConfig {
        ports,
        ..LabConfig::default()
    };
    Lab::start(config).await.context("cannot start the lab")
}
