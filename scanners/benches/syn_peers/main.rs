//! The SYN scanner beside masscan and ZMap, on one machine, in turns.
//!
//! Run by hand, as root, with `masscan`, `zmap`, `clang`, `ip` and `ethtool` installed, on a machine
//! that does nothing else:
//!
//! ```text
//! cargo bench -p sortie-scanners --no-default-features --features packet --bench syn_peers -- \
//!     [silence] [all-open] [sparse] [--rounds N] [--only TOOL]
//! ```
//!
//! * `silence`: how many probes a second leave, nobody answering; beside it a bare loop that sends
//!   one prebuilt frame with as many threads.
//! * `all-open`: the highest rate at which 1,310,720 targets, all open, are found without one
//!   missing or invented (to the others one in ten thousand is forgiven); and the processor time of those runs.
//! * `sparse`: the same with 1 of 160 open, half of the rest closed and half silent.
//!
//! The far side is a program in the driver of the other end (`lab::bed`), the same for all. How fast
//! a tool sends is read from the counter of that end, between 1 % and 99 % of what reaches it: no
//! tool's own word is taken, and neither its start nor its cool-down counts. What it found is held
//! against what is known of each target. Each round takes the tools in turn; a line of JSON is
//! printed for each run, and one with the medians at the end.
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

mod bare;
mod climb;
mod far;
mod judge;
mod ours;
mod run;
mod tool;

use std::process::ExitCode;

use lab::bed::{Bed, Responder};
use serde_json::json;

use run::run;
use tool::Tool;

/// Whatever stops the bench.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<ExitCode, Failure> {
    if let Some(order) = ours::order() {
        return order.follow();
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` passes this, and wants no measuring.
    if args.iter().any(|arg| arg == "--test") {
        return Ok(ExitCode::SUCCESS);
    }
    let rounds = args.iter().position(|arg| arg == "--rounds");
    let rounds = rounds
        .and_then(|at| args.get(at + 1))
        .map_or(Ok(5), |text| text.parse())?;
    let only = args.iter().position(|arg| arg == "--only");
    let only = only.and_then(|at| args.get(at + 1)).map(String::as_str);
    let scenes = ["silence", "all-open", "sparse"];
    let named = |scene: &str| args.iter().any(|arg| arg == scene);
    let all = !scenes.into_iter().any(named);
    println!("{}", machine());
    for scene in scenes.into_iter().filter(|scene| all || named(scene)) {
        let responder = match scene {
            "silence" => Responder::Silence,
            "all-open" => Responder::AllOpen,
            _ => Responder::Sparse,
        };
        if let Some(why) = Bed::missing(&responder) {
            eprintln!("skipped: {why}");
            return Ok(ExitCode::FAILURE);
        }
        let bed = Bed::up(responder)?;
        tool::prepare(&bed)?;
        let mut tools = Tool::all(&bed);
        tools.retain(|tool| only.is_none_or(|only| only == tool.name()));
        match scene {
            "silence" => silence(&bed, &tools, rounds)?,
            _ => climb::highest_clean(&bed, &tools, scene, rounds)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Probes a second into silence, as fast as each goes.
fn silence(bed: &Bed, tools: &[Tool], rounds: usize) -> Result<(), Failure> {
    let mut rates = vec![Vec::new(); tools.len()];
    let mut bare = Vec::new();
    for round in 0..rounds {
        bare.push(bare::rate(bed)?);
        for (tool, rates) in tools.iter().zip(&mut rates) {
            let run = run(bed, *tool, tool::AS_FAST_AS_IT_GOES)?;
            println!("{}", run.line("silence", round));
            rates.push(run.sent_per_second);
        }
    }
    let mut medians: serde_json::Map<_, _> = tools
        .iter()
        .zip(rates)
        .map(|(tool, rates)| (tool.name().to_owned(), json!(median(rates).round())))
        .collect();
    medians.insert("bare loop".to_owned(), json!(median(bare).round()));
    println!(
        "{}",
        json!({"scene": "silence", "rounds": rounds, "median_sent_per_second": medians})
    );
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What the figures are of.
fn machine() -> serde_json::Value {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "cpu": model.map(|(_, name)| name),
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "tools": Tool::versions(),
    })
}
