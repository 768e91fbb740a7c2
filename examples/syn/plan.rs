//! What would be scanned: which part, in which order, how fast.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{HumanCount, HumanDuration};
use sortie::scanners::engine::EngineConfig;
use sortie::scanners::target::{Chunk, TargetSet};

use crate::args::Args;

/// One of several parts of equal size: `2/3` is the second of three.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shard {
    number: u32,
    of: u32,
}

impl FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = "write I/N, with I from 1 to N: 2/3 is the second of three";
        let (number, of) = text.split_once('/').ok_or(invalid)?;
        let (number, of) = (number.parse(), of.parse());
        match (number, of) {
            (Ok(number), Ok(of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(invalid),
        }
    }
}

/// The part that is to be scanned: machines that are given the same targets and the same seed, and
/// each another part, scan each target once between them.
pub(crate) fn chunk(args: &Args, targets: &TargetSet) -> anyhow::Result<Chunk> {
    // A hasher's key is as hard to foresee as is needed here.
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(()));
    let all = Chunk::all(targets, seed);
    let Some(Shard { number, of }) = args.shard else {
        return Ok(all);
    };
    all.part(number - 1, of).with_context(|| {
        format!(
            "shard {number}/{of} is empty: there are {} targets",
            targets.len()
        )
    })
}

/// Prints what a scan would send, and sends nothing.
pub(crate) fn print(args: &Args, targets: &TargetSet, chunk: &Chunk) -> anyhow::Result<()> {
    if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
        anyhow::bail!("{} exists, and no output is overwritten", out.display());
    }
    // Not by `println!`, which panics where nobody reads to the end.
    let mut to = std::io::stdout().lock();
    let count = |count: u128| HumanCount(u64::try_from(count).unwrap_or(u64::MAX));
    let (addrs, ports) = (targets.addrs(), targets.ports().len() as u128);
    writeln!(
        to,
        "targets     {} ({} addresses, {} ports; {} addresses are left out)",
        count(targets.len()),
        count(addrs),
        count(ports),
        count(targets.refused_addrs())
    )?;
    if let Some(Shard { number, of }) = args.shard {
        writeln!(
            to,
            "of these    {} (shard {number} of {of})",
            count(chunk.len())
        )?;
    }
    writeln!(to, "seed        {}", chunk.seed)?;
    let order = targets.chunk(chunk)?;
    let first = order.positions().take(10).filter_map(|at| order.get(at));
    let first: Vec<_> = first.map(|target| target.to_string()).collect();
    writeln!(to, "first       {}", first.join(" "))?;

    let config = args.configure(EngineConfig::default());
    let most = config.most_passes();
    writeln!(
        to,
        "rate        {} probes a second from {} threads",
        args.rate, args.senders
    )?;
    writeln!(
        to,
        "probes      {} in the first pass; if nobody answers {} in {}, and no more than {} in {most}; \
         besides these up to one in a hundred, to measure loss",
        count(chunk.len()),
        count(chunk.len() * u128::from(args.passes)),
        args.passes,
        count(chunk.len() * u128::from(most)),
    )?;
    let seconds = chunk.len() as f64 / args.rate;
    let took = |passes: u8| {
        let sending = Duration::try_from_secs_f64(seconds * f64::from(passes));
        let pauses = config.retry_after * u32::from(passes.saturating_sub(1));
        let all = sending.unwrap_or(Duration::MAX).saturating_add(pauses);
        HumanDuration(all.saturating_add(config.cooldown))
    };
    writeln!(
        to,
        "time        {} for one pass, {} for {}, no more than {} for {most}{}",
        took(1),
        took(args.passes),
        args.passes,
        took(most),
        if args.adapt {
            ", at the full rate; longer at the lower ones of --adapt"
        } else {
            ""
        }
    )?;
    Ok(())
}
