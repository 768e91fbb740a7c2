//! nmap, which has been trusted for longer, says the same of 256 addresses and 1,000 ports, port by
//! port. Needs root and nmap; says so where they are not there.
//!
//! `cargo test -p sortie-scanners --no-default-features --features packet --test nmap -- --ignored`
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use lab::bed::{Bed, Responder};
use sortie_scanners::engine::Found;
use sortie_scanners::link::{AfPacket, AfPacketOptions};
use sortie_scanners::scope::Scope;
use sortie_scanners::syn::{SynAnswer, SynScan, SynState};
use sortie_scanners::target::TargetSet;

const NET: &str = "198.18.7.0/24";
const PORTS: &str = "1-1000";

/// The words of nmap: `open`, `closed`, and `filtered` for silence and errors of ICMP.
type States = BTreeMap<(IpAddr, u16), &'static str>;

#[test]
#[ignore = "takes a minute; needs root and nmap"]
fn nmap_says_the_same_of_every_port() {
    let responder = Responder::kernel([22, 80, 443, 444, 999]);
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return;
    }
    if Command::new("nmap").arg("--version").output().is_err() {
        eprintln!("skipped: there is no program `nmap`");
        return;
    }
    let bed = Bed::up(responder).unwrap();
    let (ours, theirs) = (ours(&bed), theirs(&bed));
    assert_eq!(ours.len(), 256 * 1000);
    assert_eq!(theirs.len(), 256 * 1000);
    let differing: Vec<_> = ours
        .iter()
        .filter(|(target, state)| theirs[*target] != **state)
        .collect();
    assert!(
        differing.is_empty(),
        "{} differ: {:?}",
        differing.len(),
        &differing[..10.min(differing.len())]
    );
    // Half of the addresses have five open ports each.
    assert_eq!(
        ours.values().filter(|state| **state == "open").count(),
        128 * 5
    );
}

fn ours(bed: &Bed) -> States {
    let scope = Scope::builder()
        .allow_net(NET.parse::<ipnet::IpNet>().unwrap())
        .build()
        .unwrap();
    let targets = TargetSet::builder()
        .addrs(NET)
        .ports(PORTS)
        .build(&scope)
        .unwrap();
    let all = (0..targets.len()).filter_map(|index| targets.get(index));
    let mut states: States = all
        .map(|target| ((target.addr(), target.port()), "filtered"))
        .collect();
    let first = scope.admit_ip([198, 18, 7, 0].into()).unwrap();
    bed.enter(|| {
        let link = AfPacket::toward(&[first], &AfPacketOptions::default()).unwrap();
        let mut observer = |found: &Found<SynAnswer>| {
            let state = match found.answer.state {
                SynState::Open => "open",
                SynState::Closed => "closed",
                _ => "filtered",
            };
            states.insert((found.target.addr(), found.target.port()), state);
        };
        SynScan::new(targets)
            .rate(40_000.0)
            .passes(3)
            .with(|config| config.cooldown = Duration::from_secs(1))
            .run(&link, &mut observer)
            .unwrap();
    });
    states
}

fn theirs(bed: &Bed) -> States {
    let mut command = Command::new("nmap");
    command.args([
        "-sS",
        "-n",
        "-Pn",
        "-p",
        PORTS,
        "--min-rate",
        "10000",
        "--max-retries",
        "3",
        "-oG",
        "-",
        NET,
    ]);
    let said = String::from_utf8(bed.run(&mut command).unwrap().stdout).unwrap();
    let mut states = States::new();
    for line in said
        .lines()
        .filter(|line| line.contains("Ports:") || line.contains("Ignored State:"))
    {
        let host = line.strip_prefix("Host: ").unwrap();
        let addr: IpAddr = host.split(' ').next().unwrap().parse().unwrap();
        // What is not listed is in the state that is named last: "Ignored State: closed (995)".
        let rest = line
            .split_once("Ignored State: ")
            .map(|(_, rest)| word(rest));
        for port in 1..=1000 {
            if let Some(rest) = rest {
                states.insert((addr, port), rest);
            }
        }
        let listed = line.split_once("Ports: ").map_or("", |(_, listed)| listed);
        let listed = listed.split('\t').next().unwrap();
        for entry in listed.split(", ").filter(|entry| !entry.is_empty()) {
            let (port, state) = entry.split_once('/').unwrap();
            states.insert((addr, port.parse().unwrap()), word(state));
        }
    }
    states
}

/// The state that `text` begins with.
fn word(text: &str) -> &'static str {
    let known = ["open", "closed", "filtered"];
    known
        .into_iter()
        .find(|state| text.starts_with(state))
        .unwrap()
}
