//! The robots scan, engine and all, against a lab of fast sites in a process of its own; beside
//! it, in turns, a bare hyper client loop that sends the same requests.
//!
//! The loop resolves each name with the same resolver and sends one GET; a second loop is given
//! every address beforehand. Both keep nothing. The scan also holds names and addresses against
//! the scope, classifies, parses and stores what comes. Prints one JSON object.
//! `cargo bench --bench fetch_rate`; environment: `SITES` (60000), `ROUNDS` (5). Ratios are medians
//! over the rounds.

use std::io::{BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use futures_util::stream::{self, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use lab::{Lab, LabConfig, LabInfo, Mix};
use sortie::core::WorkerKind;
use sortie::prelude::*;
use sortie::robots::{RobotsGenerator, RobotsOptions, SCAN, Targets};
use sortie::scanners::http::Scheme;
use sortie::scanners::resolve::Resolver;
use sortie::scanners::scope::{Scope, ScopeSpec};
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SOCKETS: u16 = 128;
const TASKS_AT_ONCE: usize = 4;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if std::env::var_os("SORTIE_BENCH_LAB").is_some() {
        return runtime.block_on(serve());
    }
    let number = |name, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (sites, rounds) = (number("SITES", 60_000), number("ROUNDS", 5));
    let (mut lab, info) = start_lab()?;
    let names: Vec<String> = (0..sites as u64).map(Lab::name).collect();
    let (mut ours, mut theirs, mut without_dns) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        theirs.push(runtime.block_on(with_hyper(&info, &names, true))?);
        without_dns.push(runtime.block_on(with_hyper(&info, &names, false))?);
        ours.push(runtime.block_on(with_sortie(&info, &names))?);
    }
    drop(lab.stdin.take());
    lab.wait()?;
    // Each round is held against its own neighbour, because the machine's speed drifts.
    let ratio = |theirs: &[f64]| {
        let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    let line = serde_json::json!({
        "bench": "fetch_rate",
        "sites": sites,
        "sockets": usize::from(SOCKETS) * TASKS_AT_ONCE,
        "sortie_per_second": ours,
        "hyper_per_second": theirs,
        "hyper_without_dns_per_second": without_dns,
        "ratio": ratio(&theirs),
        "ratio_without_dns": ratio(&without_dns),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// The other process: a lab until its standard input ends.
async fn serve() -> anyhow::Result<()> {
    let lab = Lab::start(LabConfig::with_mix(Mix::fast())).await?;
    println!("{}", serde_json::to_string(&lab.info())?);
    let ended = || std::io::stdin().read_line(&mut String::new());
    tokio::task::spawn_blocking(ended).await??;
    Ok(())
}

fn start_lab() -> anyhow::Result<(Child, LabInfo)> {
    let mut lab = Command::new(std::env::current_exe()?)
        .env("SORTIE_BENCH_LAB", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut out = BufReader::new(lab.stdout.take().context("the lab has no output")?);
    let info = LabInfo::read(&mut out)?;
    Ok((lab, info))
}

async fn with_sortie(info: &LabInfo, names: &[String]) -> anyhow::Result<f64> {
    let engine = Engine::embedded(sortie::defs::registry())
        .in_memory()
        .concurrency(WorkerKind::External, TASKS_AT_ONCE)
        .start()
        .await?;
    let list = Targets::parse(names.join("\n").as_bytes())?;
    let mut scope = list.scope();
    scope.allow_nets.extend(&info.scope_nets);
    let options = RobotsOptions {
        resolver: Some(info.resolver),
        http_port: info.http_port,
        https_port: info.https_port,
        schemes: vec![Scheme::Http],
        concurrency: SOCKETS,
        ..RobotsOptions::default()
    };
    let targets = Targets::store(&list, &**engine.objects()).await?;
    let generator = RobotsGenerator {
        chunk: u32::try_from(names.len().div_ceil(TASKS_AT_ONCE))?,
        options,
        ..targets.into()
    };
    let workflow =
        Workflow::new("bench")
            .scope(scope.to_json())
            .generate(SCAN, generator, |scans| scans);
    let started = Instant::now();
    let run = engine.submit(workflow).await?;
    let report = run.wait().await?;
    let seconds = started.elapsed().as_secs_f64();
    let good = report.ledger.outcomes.get("rules") + report.ledger.outcomes.get("not_found");
    ensure!(
        good == names.len() as u64,
        "not all sites answered: {:?}",
        report.ledger
    );
    engine.shutdown().await;
    Ok(names.len() as f64 / seconds)
}

async fn with_hyper(info: &LabInfo, names: &[String], dns: bool) -> anyhow::Result<f64> {
    let lookup = Arc::new(Lookup::new(info)?);
    let first = names.first().context("no names")?;
    let known = lookup.address(first).await?;
    let started = Instant::now();
    // As many tasks as the scan has, so that both use both cores.
    let parts = names
        .chunks(names.len().div_ceil(TASKS_AT_ONCE))
        .map(<[String]>::to_vec);
    let parts = parts.map(|part| {
        let lookup = Arc::clone(&lookup);
        tokio::spawn(async move {
            let fetches = stream::iter(part).map(|name| {
                let lookup = Arc::clone(&lookup);
                async move {
                    let addr = if dns {
                        lookup.address(&name).await?
                    } else {
                        known
                    };
                    fetch(addr, name).await
                }
            });
            let mut answers = fetches.buffer_unordered(SOCKETS.into());
            let mut good = 0;
            while let Some(status) = answers.next().await {
                good += usize::from(matches!(status?, 200 | 404));
            }
            anyhow::Ok(good)
        })
    });
    let mut good = 0;
    for part in parts.collect::<Vec<_>>() {
        good += part.await??;
    }
    ensure!(
        good == names.len(),
        "{good} of {} sites answered",
        names.len()
    );
    Ok(names.len() as f64 / started.elapsed().as_secs_f64())
}

async fn fetch(addr: SocketAddr, name: String) -> anyhow::Result<u16> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = hyper::Request::get("/robots.txt")
        .header("Host", name)
        .header("User-Agent", "bench")
        .header("Connection", "close")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    Ok(status)
}

/// The resolver that the scan uses as well.
struct Lookup {
    resolver: Resolver,
    scope: Scope,
    port: u16,
}

impl Lookup {
    fn new(info: &LabInfo) -> anyhow::Result<Self> {
        let spec = ScopeSpec {
            allow_domains: vec!["test".to_owned()],
            allow_nets: info.scope_nets.clone(),
            ..ScopeSpec::default()
        };
        let resolver = Resolver::at(info.resolver)?;
        Ok(Self {
            resolver,
            scope: Scope::try_from(spec)?,
            port: info.http_port,
        })
    }

    async fn address(&self, name: &str) -> anyhow::Result<SocketAddr> {
        let name = self.scope.admit_name(name)?;
        let answers = self.resolver.resolve(&self.scope, &name).await?;
        let addr = answers.addrs.into_iter().next().context("no address")?;
        Ok(SocketAddr::new(addr.into_inner(), self.port))
    }
}
