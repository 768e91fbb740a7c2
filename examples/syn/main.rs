//! Which TCP ports are open: a SYN scan of real networks. Needs CAP_NET_RAW; `--connect` does without.
//!
//! `syn 198.51.100.0/24 -p 80,443 --rate 1000 --out found.ndjson`; `--help` says more. Only what is
//! named is scanned, and reserved ranges (RFC 6890) only where they are named themselves.

mod args;
mod follow;
mod plan;

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::Parser as _;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use sortie::scanners::connect::ConnectScan;
use sortie::scanners::link::{AfPacket, AfPacketOptions};
use sortie::scanners::output::Metadata;
use sortie::scanners::scope::{AddrSet, InScope, Scope};
use sortie::scanners::syn::SynScan;
use sortie::scanners::target::{TargetSet, parse_addrs};
use tokio::runtime::Handle;

use args::Args;
use follow::Follow;

#[tokio::main]
async fn main() -> ExitCode {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    // The scan has threads of its own; this one waits for Ctrl-C.
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
        // Whoever asks twice does not wait for a file or a reader that hangs. It is a death like
        // others: --resume goes on.
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
    let scan = tokio::task::spawn_blocking(move || scan(&Args::parse(), &asked));
    match scan.await {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            eprintln!("error: {}", told(&error));
            ExitCode::FAILURE
        }
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// The error and its causes; many name their cause themselves.
fn told(error: &anyhow::Error) -> String {
    error
        .chain()
        .skip(1)
        .fold(error.to_string(), |told, cause| {
            let cause = cause.to_string();
            match told.contains(&cause) {
                true => told,
                false => format!("{told}: {cause}"),
            }
        })
}

fn scan(args: &Args, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
    let denied = denied(args)?;
    let scope = scope(args, &denied)?;
    let targets = targets(args, &denied, &scope)?;
    if args.connect {
        return connect(args, targets, stop);
    }
    let chunk = plan::chunk(args, &targets)?;
    let mut scan = SynScan::new(targets.clone())
        .chunk(chunk.clone())
        .with(|config| *config = args.configure(config.clone()));
    if !args.resume {
        // The chunk of a scan that goes on is in its checkpoint.
        scan.check()?;
    }
    if args.dry_run {
        plan::print(args, &targets, &chunk)?;
        return Ok(ExitCode::SUCCESS);
    }
    let link = AfPacket::toward(&ways(&targets, &scope)?, &link_options(args))?;

    let (mut follow, checkpoint) = Follow::open(args, stop)?;
    anyhow::ensure!(
        checkpoint.is_some() || !args.resume,
        "the scan was killed as it began, and which part of the targets it was for, in which order, \
         is not known; remove its files and start it anew"
    );
    if let Some(checkpoint) = checkpoint {
        scan = scan.resume(checkpoint);
    }
    let report = scan.run(&link, &mut follow)?;
    let complete = report.complete;
    follow.close(complete)?;
    follow::tell(&report);
    if let Some(out) = &args.out {
        let document = Metadata::new(&targets, report).to_json();
        let path = args::beside(out, ".run.json");
        std::fs::write(&path, document).with_context(|| path.display().to_string())?;
    }
    Ok(ExitCode::from(if complete { 0 } else { 130 }))
}

/// The fallback, which says that it is one.
fn connect(args: &Args, targets: TargetSet, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
    let (mut follow, _) = Follow::open(args, stop)?;
    eprintln!("by connections, not by packets: slower, and seen in the logs of the targets");
    let scan = ConnectScan::new(targets).rate(args.rate).at_once(1024);
    // This thread may block: it is the scan's own.
    let report = Handle::current().block_on(scan.run(&mut follow))?;
    let complete = report.not_tried == 0;
    follow.close(complete)?;
    eprintln!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::from(if complete { 0 } else { 130 }))
}

/// What is never to be sent to.
fn denied(args: &Args) -> anyhow::Result<AddrSet> {
    let Some(path) = &args.deny else {
        return Ok(AddrSet::default());
    };
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse_addrs(&text).with_context(|| path.display().to_string())
}

/// What is named may be scanned; the deny list wins.
fn scope(args: &Args, denied: &AddrSet) -> anyhow::Result<Scope> {
    let mut scope = Scope::builder();
    // Each by itself: two neighbours together are one net, and may lie in no reserved range.
    for line in args.targets.iter().flat_map(|text| text.lines()) {
        let named = line.split_once('#').map_or(line, |(named, _)| named);
        for entry in named.split(|c: char| c == ',' || c.is_whitespace()) {
            for net in nets(&parse_addrs(entry)?) {
                scope = scope.allow_net(net);
            }
        }
    }
    // They are taken out of the targets, too. The scope knows IPv6 addresses that lead to them.
    for net in nets(denied) {
        scope = scope.deny_net(net);
    }
    Ok(scope.build()?)
}

fn nets(set: &AddrSet) -> impl Iterator<Item = IpNet> {
    let v4 = set.v4();
    let v4 = v4.flat_map(|(first, last)| Ipv4Subnets::new(first, last, 0));
    let v6 = set.v6();
    let v6 = v6.flat_map(|(first, last)| Ipv6Subnets::new(first, last, 0));
    v4.map(IpNet::from).chain(v6.map(IpNet::from))
}

fn targets(args: &Args, denied: &AddrSet, scope: &Scope) -> anyhow::Result<TargetSet> {
    let named = parse_addrs(&args.targets.join("\n"))?;
    let targets = TargetSet::builder()
        .addr_set(named.difference(denied))
        .ports(&args.ports)
        .build(scope)?;
    if targets.refused_addrs() > 0 {
        eprintln!(
            "{} addresses are reserved, or lead to denied ones, and are left out",
            targets.refused_addrs()
        );
    }
    Ok(targets)
}

/// Two addresses of each version of IP, or the only one, for the way out: the numbering goes address
/// by address and begins with IPv4.
fn ways(targets: &TargetSet, scope: &Scope) -> anyhow::Result<Vec<InScope<IpAddr>>> {
    let (len, ports) = (targets.len(), targets.ports().len() as u128);
    let ends = [0, ports, len.saturating_sub(ports + 1), len - 1];
    let admitted = ends
        .into_iter()
        .filter_map(|index| targets.get(index))
        .map(|target| scope.admit_ip(target.addr()));
    Ok(admitted.collect::<Result<_, _>>()?)
}

fn link_options(args: &Args) -> AfPacketOptions {
    AfPacketOptions {
        interface: args.interface.clone(),
        interception: args.intercept.into(),
        ..AfPacketOptions::default()
    }
}
