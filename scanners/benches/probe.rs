//! What a probe costs before the kernel sees it, and an answer after: the pieces, and all of it.
//!
//! `cargo bench -p sortie-scanners --bench probe --no-default-features --features packet`
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use sortie_scanners::engine::{Answered, Pacer};
use sortie_scanners::link::{Arrival, Batch, FarSide as _, LinkInfo, MacAddr, Moment, Path};
use sortie_scanners::probe::{Attempt, CookieKey, Cookies, IpVersion, Probe as _, SourcePorts};
use sortie_scanners::scope::Scope;
use sortie_scanners::syn::{SynHost, SynProbe, SynState, SynStyle};
use sortie_scanners::target::{Chunk, Permutation, TargetSet};

const ROUNDS: usize = 5;

fn main() {
    // `cargo test --benches` passes this, and wants no measuring.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let scope = Scope::builder().allow_net("0.0.0.0/0".parse::<ipnet::IpNet>().unwrap());
    let scope = scope.build().unwrap();
    let internet = TargetSet::builder()
        .addrs("0.0.0.0/0")
        .ports("443")
        .build(&scope)
        .unwrap();
    let ports = TargetSet::builder()
        .addrs("0.0.0.0/0")
        .ports("1-1000")
        .build(&scope)
        .unwrap();
    let chunk = |set: &TargetSet| {
        let chunk = Chunk {
            seed: 1,
            lo: 0,
            hi: 1 << 24,
        };
        set.chunk(&chunk).unwrap()
    };
    let (internet, thousand) = (chunk(&internet), chunk(&ports));

    let mut info = LinkInfo::new("none", MacAddr::default());
    info.v4 = Some(Path {
        source: Ipv4Addr::new(192, 0, 2, 1),
        next_hop: MacAddr::default(),
    });
    let key = CookieKey::fixed([7; 16]);
    let sources = SourcePorts::new(SourcePorts::DEFAULT, 2).unwrap();
    let cookies = Cookies::new(&key, sources.clone());
    let probe = SynProbe::new(&info, SynStyle::Windows, &key, sources);

    let order = Permutation::new(3_702_257_663, 1);
    measure("permutation, 3.7e9 targets", |n| order.apply(u128::from(n)));
    let order = Permutation::new(3_702_257_663_000, 1);
    measure("permutation, 3.7e12 targets", |n| {
        order.apply(u128::from(n))
    });
    measure("cookie (SipHash-2-4)", |n| {
        cookies.cookie(IpAddr::V4((n as u32).into()), 443, Attempt::Pass(0))
    });
    measure("position to target, Internet, 1 port", |n| {
        internet.get(n % (1 << 24))
    });
    measure("position to target, Internet, 1,000 ports", |n| {
        thousand.get(n % (1 << 24))
    });

    let mut batch = Batch::new(64, 128);
    for slot in 0..64 {
        let len = probe.prepare(IpVersion::V4, batch.slot_mut(slot));
        batch.set_len(slot, len);
    }
    let target = internet.get(0).unwrap();
    measure("template patch with cookie", |n| {
        probe.patch(batch.slot_mut(n as usize % 64), &target, Attempt::Pass(0));
    });
    measure("a probe, all of it", |n| {
        let target = internet.get(n % (1 << 24)).unwrap();
        probe.patch(batch.slot_mut(n as usize % 64), &target, Attempt::Pass(0));
    });

    let answers: Vec<_> = (0..1024)
        .map(|n| answer(&probe, &mut batch, &internet, n))
        .collect();
    let arrival = Arrival::new(Moment::ZERO);
    measure("answer: validate", |n| {
        probe
            .validate(&answers[n as usize % 1024], arrival.checksum_ready)
            .unwrap()
    });
    let answered = Answered::new(1 << 24);
    measure("answer: validate, position, mark", |n| {
        let valid = probe.validate(&answers[n as usize % 1024], true).unwrap();
        answered.mark(internet.position(valid.addr, valid.port).unwrap())
    });
    let mut pacer = Pacer::new(1e6, Moment::ZERO);
    measure("pacer", |n| {
        let allowed = pacer.allowance(Moment::from_nanos(n * 1000));
        pacer.take(allowed);
    });
}

fn answer(
    probe: &SynProbe,
    batch: &mut Batch,
    targets: &sortie_scanners::target::ChunkTargets,
    position: u64,
) -> Vec<u8> {
    probe.patch(
        batch.slot_mut(0),
        &targets.get(position).unwrap(),
        Attempt::Pass(0),
    );
    let mut answer = Vec::new();
    let mut host = SynHost::new(|_| Some(SynState::Open));
    host.answer(Moment::ZERO, batch.slot(0), &mut |frame| {
        answer = frame.to_vec()
    });
    answer
}

/// Prints the median of some rounds, in nanoseconds a call.
fn measure<T>(what: &str, mut call: impl FnMut(u64) -> T) {
    let mut rounds = [0.0; ROUNDS];
    for round in &mut rounds {
        let start = Instant::now();
        let mut calls = 0u64;
        while start.elapsed() < Duration::from_millis(200) {
            for _ in 0..4096 {
                black_box(call(black_box(calls)));
                calls += 1;
            }
        }
        *round = start.elapsed().as_nanos() as f64 / calls as f64;
    }
    rounds.sort_by(f64::total_cmp);
    println!("{what:<44} {:>7.1} ns", rounds[ROUNDS / 2]);
}
