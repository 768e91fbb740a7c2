//! What is printed: a bar while it runs, a table or a line of JSON when it is over.

use std::time::Duration;

use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use sortie::core::ports::store::Trouble;
use sortie::prelude::*;
use sortie::robots::{LambdaPrice, SCAN};

use crate::args::Args;
use crate::check::Verdict;
use crate::job::Job;

/// The memory at which a Lambda has one whole vCPU; what a scan over TLS asks for.
const LAMBDA_MIB: u32 = 1792;

/// Says what is about to run.
pub(crate) fn begin(args: &Args, job: &Job, resumed: bool) {
    let t = &job.targets;
    let word = if resumed { "resuming" } else { "scanning" };
    eprintln!(
        "{word} {} names ({} malformed, {} duplicates left out), {} sockets at once",
        t.names,
        t.malformed,
        t.duplicates,
        usize::from(args.concurrency) * usize::from(args.workers),
    );
}

/// Shows progress until the run is over.
pub(crate) async fn follow(args: &Args, run: &Run) -> anyhow::Result<Report> {
    let bar = ProgressBar::new(0);
    if args.json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = "{elapsed_precise} [{bar:40}] {pos}/{len} sites, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    let mut progress = std::pin::pin!(run.progress(Duration::from_millis(200)));
    while let Some(report) = progress.next().await {
        let report = report?;
        bar.set_length(report.ledger.targets);
        bar.set_position(report.ledger.outcomes.total());
        if report.state.is_terminal() {
            bar.finish();
            return Ok(report);
        }
    }
    anyhow::bail!("the run has gone")
}

/// Says how it went; whether it went well.
pub(crate) fn end(
    args: &Args,
    job: &Job,
    report: &Report,
    truth: Option<&Verdict>,
    failures: &[Trouble],
) -> anyhow::Result<bool> {
    let ledger = &report.ledger;
    let tasks = report
        .container(SCAN)
        .map_or(0, |scan| scan.children.created);
    let bytes = std::fs::metadata(job.file()).map_or(0, |file| file.len());
    let billed = Duration::from_millis(report.usage.wall_ms);
    let usd = LambdaPrice::X86.cost(LAMBDA_MIB, billed, tasks);
    let rate = ledger.targets as f64 / report.seconds.max(1e-3);
    let forbidden = truth.map_or(0, |truth| truth.forbidden);
    let mismatches = truth.map(|truth| truth.mismatches);
    let good = report.state == TaskState::Succeeded
        && ledger.unaccounted() == 0
        && ledger.overcounted() == 0
        && mismatches.unwrap_or(0) == 0
        && forbidden == 0;

    let mut outcomes: Vec<(&str, u64)> = ledger.outcomes.iter().collect();
    outcomes.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    for (class, n) in outcomes {
        eprintln!("{n:>10}  {class}");
    }
    eprintln!(
        "{:>10}  in all, {} unaccounted for",
        ledger.targets,
        ledger.unaccounted()
    );
    for failure in failures {
        let error = failure.error.as_deref().unwrap_or("no reason given");
        eprintln!(
            "failed: {} after {} attempts: {error}",
            failure.kind, failure.attempts
        );
    }
    if let Some(truth) = truth {
        eprintln!("{} differ from what the lab knows", truth.mismatches);
        truth
            .examples
            .iter()
            .for_each(|example| eprintln!("  {example}"));
        eprintln!("{forbidden} connections to forbidden addresses");
    }
    eprintln!(
        "{}: {tasks} tasks in {:.1} s, {rate:.0} sites/s, {bytes} bytes in {}",
        report.state,
        report.seconds,
        job.file().display(),
    );
    eprintln!(
        "on Lambda at list price: ${usd:.4} ({:.0} s in all at {LAMBDA_MIB} MiB)",
        billed.as_secs_f64(),
    );
    if args.json {
        let outcomes: serde_json::Map<String, serde_json::Value> = ledger
            .outcomes
            .iter()
            .map(|(class, n)| (class.to_owned(), n.into()))
            .collect();
        let line = json!({
            "targets": ledger.targets,
            "outcomes": outcomes,
            "unaccounted": ledger.unaccounted(),
            "tasks": tasks,
            "seconds": report.seconds,
            "targets_per_second": rate,
            "bytes_out": bytes,
            "estimated_usd": usd,
            "mismatches": mismatches,
            "forbidden_connections": truth.map(|truth| truth.forbidden),
            "state": report.state,
        });
        println!("{line}");
    }
    Ok(good)
}
