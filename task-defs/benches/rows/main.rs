//! A million rows through each definition that reads rows: rows per second, and peak memory.
//!
//! `cargo bench -p sortie-task-defs --all-features --bench rows` prints one JSON object per line.
//! Each case runs in a process of its own, so that peak memory belongs to it alone. Rows are made
//! when they are read and dropped when they are written, so that no store counts.
//!
//! Environment: `CASES` (all), `ROWS` (`10000,1000000`), `RUNS` (3).

mod judged;
mod rig;

use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use sortie_task_defs::data::{
    Compression, Condition, Distinct, Filter, FilterByExpression, FilterByMembership,
    FilterByScope, GroupBy, Merge, Order, Partition, Pointer, Sample, Side, Split, ToFile, TopN,
};
use task_core::TaskDefinition;

use rig::Rig;

const CASES: &str = "none,filter,filter_by_expression,filter_by_scope,filter_by_membership,\
    distinct,sample,merge,partition,group_by,top_n,to_file:gzip,to_file:zstd,\
    judge:condition,judge:expression,judge:cel";

fn main() -> ExitCode {
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    if let Ok(case) = std::env::var("SORTIE_BENCH_CASE") {
        return match run_case(&case) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{case}: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let runs: u32 = variable("RUNS", "3").parse().unwrap_or(3);
    let mut failed = false;
    for case in variable("CASES", CASES).split(',') {
        for rows in variable("ROWS", "10000,1000000").split(',') {
            for _ in 0..runs {
                let status = std::env::current_exe().and_then(|exe| {
                    let case = format!("{rows}:{case}");
                    Command::new(exe).env("SORTIE_BENCH_CASE", case).status()
                });
                failed |= !status.is_ok_and(|status| status.success());
            }
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn run_case(case: &str) -> anyhow::Result<()> {
    let (rows, case) = case.split_once(':').unwrap_or(("10000", case));
    let rows = rows.parse()?;
    let (seconds, kept) = match case.strip_prefix("judge:") {
        Some(judge) => judged::measure(judge, rows)?,
        None => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(measure(case, rows))?,
    };
    let line = serde_json::json!({
        "bench": "rows",
        "case": case,
        "rows": rows,
        "kept": kept,
        "seconds": seconds,
        "rows_per_second": rows as f64 / seconds,
        "us_per_row": seconds * 1e6 / rows as f64,
        "peak_rss_mib": peak_rss_mib(),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

async fn measure(case: &str, rows: u32) -> anyhow::Result<(f64, u64)> {
    let folder = tempfile::tempdir()?;
    let rig = Rig::new(rows, folder.path());
    let from = || "rows".to_owned();
    let at = |place: &str| place.parse::<Pointer>();
    let file = |compression| -> anyhow::Result<ToFile> {
        Ok(ToFile {
            from: from(),
            name: "out".parse()?,
            compression,
        })
    };
    match case {
        // What it costs to read rows and write them again.
        "none" => {
            timed(
                &rig,
                Filter {
                    from: from(),
                    keep: Condition::AllOf(vec![]),
                },
            )
            .await
        }
        "filter" => {
            timed(
                &rig,
                Filter {
                    from: from(),
                    keep: judged::condition()?,
                },
            )
            .await
        }
        "filter_by_expression" => {
            let keep = judged::EXPRESSION.parse()?;
            timed(&rig, FilterByExpression { from: from(), keep }).await
        }
        "filter_by_scope" => {
            let scope = Some(serde_json::from_str(
                r#"{"allow_domains": ["3.example.com"]}"#,
            )?);
            timed(
                &rig,
                FilterByScope {
                    from: from(),
                    at: at("/domain")?,
                    keep: Side::In,
                    scope,
                },
            )
            .await
        }
        "filter_by_membership" => {
            let (at, among_at) = (at("/n")?, at("/n")?);
            let among = "others".to_owned();
            timed(
                &rig,
                FilterByMembership {
                    from: from(),
                    at,
                    keep: Side::In,
                    among,
                    among_at,
                },
            )
            .await
        }
        "distinct" => {
            timed(
                &rig,
                Distinct {
                    from: from(),
                    by: vec![at("/domain")?],
                },
            )
            .await
        }
        "sample" => {
            timed(
                &rig,
                Sample {
                    from: from(),
                    rows: u64::from(rows) / 10,
                    seed: 40,
                },
            )
            .await
        }
        "merge" => {
            timed(
                &rig,
                Merge {
                    from: vec![from()],
                    by: None,
                },
            )
            .await
        }
        "partition" => {
            let by = Split::Hash {
                at: at("/domain")?,
                parts: 256,
            };
            timed(&rig, Partition { from: from(), by }).await
        }
        "group_by" => {
            timed(
                &rig,
                GroupBy {
                    from: from(),
                    by: at("/outcome")?,
                },
            )
            .await
        }
        "top_n" => {
            let (by, order) = (at("/rules")?, Order::Largest);
            timed(
                &rig,
                TopN {
                    from: from(),
                    by,
                    rows: 10_000,
                    order,
                },
            )
            .await
        }
        "to_file:gzip" => timed(&rig, file(Compression::Gzip)?).await,
        "to_file:zstd" => timed(&rig, file(Compression::Zstd)?).await,
        other => anyhow::bail!("there is no case `{other}`"),
    }
}

async fn timed<T: TaskDefinition>(rig: &Rig, task: T) -> anyhow::Result<(f64, u64)> {
    let started = Instant::now();
    rig.run(&task).await?;
    Ok((started.elapsed().as_secs_f64(), rig.written()))
}

/// The peak of this process, from the kernel.
fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
