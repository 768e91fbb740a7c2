//! What is printed: a bar while it runs, a table or a line of JSON when it is over.

use std::time::Duration;

use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use sortie::prelude::*;
use sortie::robots::SCAN;

use crate::args::Args;
use crate::job::Job;
use crate::results::Verdict;

/// Shows progress until the run is over. A database that is away for a moment is asked again.
pub(crate) async fn follow(args: &Args, run: &Run) -> anyhow::Result<Report> {
    let bar = ProgressBar::new(0);
    if args.json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = "{elapsed_precise} [{bar:40}] {pos}/{len} sites, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    let mut failures = 0;
    loop {
        let mut progress = std::pin::pin!(run.progress(Duration::from_millis(500)));
        while let Some(report) = progress.next().await {
            let report = match report {
                Ok(report) => report,
                Err(error) if failures < 60 => {
                    failures += 1;
                    bar.println(format!("asking again: {error}"));
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            failures = 0;
            bar.set_length(report.ledger.targets);
            bar.set_position(report.ledger.outcomes.total());
            if report.state.is_terminal() {
                bar.finish();
                return Ok(report);
            }
        }
    }
}

/// Says how it went; whether it went well.
pub(crate) fn end(
    args: &Args,
    job: &Job,
    report: &Report,
    verdict: &Verdict,
    faults: Option<&Value>,
) -> bool {
    let ledger = &report.ledger;
    let names = job.list.len() as u64;
    let forbidden = job.lab.as_ref().map_or(0, lab::Lab::forbidden_hits);
    let good = report.state == TaskState::Succeeded
        && ledger.targets == names
        && ledger.unaccounted() == 0
        && ledger.overcounted() == 0
        && verdict.records == names
        && verdict.surplus + verdict.mismatches + forbidden == 0;
    let mut outcomes: Vec<(&str, u64)> = ledger.outcomes.iter().collect();
    outcomes.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    for (class, n) in &outcomes {
        eprintln!("{n:>10}  {class}");
    }
    let tasks = report
        .container(SCAN)
        .map_or(0, |scan| scan.children.created);
    let rate = ledger.targets as f64 / report.seconds.max(1e-3);
    eprintln!(
        "{:>10}  in all, {} unaccounted for; {} records, {} too many, {} differ from what the lab knows",
        ledger.targets,
        ledger.unaccounted(),
        verdict.records,
        verdict.surplus,
        verdict.mismatches,
    );
    for example in &verdict.examples {
        eprintln!("  {example}");
    }
    eprintln!(
        "{}: {tasks} tasks in {:.1} s, {rate:.0} sites/s, in {}",
        report.state,
        report.seconds,
        args.out.display(),
    );
    if let Some(faults) = faults {
        eprintln!("faults: {faults}");
    }
    if args.json {
        let outcomes: serde_json::Map<String, Value> = outcomes
            .into_iter()
            .map(|(class, n)| (class.to_owned(), n.into()))
            .collect();
        let line = json!({
            "targets": ledger.targets,
            "outcomes": outcomes,
            "unaccounted": ledger.unaccounted(),
            "records": verdict.records,
            "surplus": verdict.surplus,
            "mismatches": verdict.mismatches,
            "forbidden_connections": forbidden,
            "tasks": tasks,
            "seconds": report.seconds,
            "targets_per_second": rate,
            "faults": faults,
            "state": report.state,
        });
        println!("{line}");
    }
    good
}
