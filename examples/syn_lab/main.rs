//! A SYN scan of a small Internet on this machine, at growing rates: what is found, held against
//! what is there, as a table and as a drawing. Needs root, and sends nothing out of the machine.
//!
//! `cargo run --release --features packet --example syn_lab`; `-- --help` says more.

mod drawing;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use lab::bed::{Bed, Fate, Responder};
use sortie::scanners::engine::{Found, Report};
use sortie::scanners::link::{AfPacket, AfPacketOptions};
use sortie::scanners::scope::Scope;
use sortie::scanners::syn::{SynAnswer, SynScan};
use sortie::scanners::target::TargetSet;

/// Scans a link with a hundred thousand hosts behind it, which are known.
#[derive(Debug, Parser)]
#[command(name = "syn_lab")]
struct Args {
    /// Who answers
    #[arg(long, value_enum, default_value_t = Who::Kernel)]
    responder: Who,

    /// Probes a second, one scan each
    #[arg(long, value_delimiter = ',', value_name = "N,…",
          default_values_t = [10_000, 25_000, 50_000, 100_000, 200_000, 400_000])]
    rates: Vec<u32>,

    /// The targets, in 198.18.0.0/15
    #[arg(long, value_name = "NET", default_value = "198.18.0.0/17")]
    net: String,

    /// Where the drawing goes
    #[arg(long, value_name = "FILE", default_value = "syn_lab.svg")]
    svg: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Who {
    /// A kernel: half of the addresses open, the others silent, unreachable or closed
    Kernel,
    /// The same kernel behind a network that loses one packet in ten
    Lossy,
    /// A program in the driver: all open (needs clang)
    AllOpen,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let kernel = |loss| Responder::Kernel {
        ports: vec![80],
        loss,
        watched: Vec::new(),
    };
    let responder = match args.responder {
        Who::Kernel => kernel(0),
        Who::Lossy => kernel(10),
        Who::AllOpen => Responder::AllOpen,
    };
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("cannot be run here: {why}");
        return Ok(ExitCode::FAILURE);
    }
    let bed = Bed::up(responder)?;
    let scope = Scope::builder()
        .allow_net(args.net.parse::<ipnet::IpNet>()?)
        .build()?;
    let targets = TargetSet::builder()
        .addrs(&args.net)
        .ports("80")
        .build(&scope)?;
    let there = (0..targets.len()).filter_map(|index| targets.get(index));
    let expected = there
        .filter(|t| bed.fate(t.addr(), t.port()) == Some(Fate::Open))
        .count();
    let first = targets.get(0).context("no targets")?.addr();

    println!(
        "{:>9} {:>6} {:>9} {:>9} {:>9} {:>8}",
        "rate", "passes", "sent/s", "open", "expected", "found"
    );
    let mut lines = [
        ("one pass", Vec::new()),
        ("two passes, more where much is lost", Vec::new()),
    ];
    for rate in args.rates {
        for (passes, line) in (1..).zip(&mut lines) {
            let report = bed.enter(|| scan(&targets, &scope, first, rate, passes))?;
            let open = report.class("open");
            let sent = report.sent.passes[0] as f64 / report.sending.as_secs_f64();
            // The second pass comes a second after the first, and goes to the silent only.
            let speed = if passes == 1 {
                format!("{sent:.0}")
            } else {
                "–".to_owned()
            };
            let share = open as f64 / expected as f64;
            println!(
                "{rate:>9} {:>6} {speed:>9} {open:>9} {expected:>9} {:>6.2} %",
                report.passes,
                100.0 * share
            );
            line.1.push((f64::from(rate), share));
        }
    }
    let drawing = drawing::draw(&lines);
    std::fs::write(&args.svg, drawing).with_context(|| args.svg.display().to_string())?;
    println!("drawn in {}", args.svg.display());
    Ok(ExitCode::SUCCESS)
}

fn scan(
    targets: &TargetSet,
    scope: &Scope,
    first: IpAddr,
    rate: u32,
    passes: u8,
) -> anyhow::Result<Report> {
    let link = AfPacket::toward(&[scope.admit_ip(first)?], &AfPacketOptions::default())?;
    let report = SynScan::new(targets.clone())
        .rate(rate.into())
        .passes(passes)
        .with(|config| config.cooldown = Duration::from_millis(500))
        .run(&link, &mut |_: &Found<SynAnswer>| ())?;
    Ok(report)
}
