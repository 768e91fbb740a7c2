//! `syn` and `syn_lab`, on the lab's link with hosts behind it. Need root; say so where it is not
//! there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::process::Command;

use lab::bed::{Bed, Fate, Responder};
use serde_json::Value;

use crate::support::{Place, Running, alone, program, run};

const PORTS: [u16; 2] = [80, 81];

/// A bed where port 80 is open, and what reaches two nets is counted.
fn bed() -> Option<Bed> {
    bed_that_watches(&["198.18.1.0/24", "198.18.0.0/24"])
}

fn bed_that_watches(nets: &[&str]) -> Option<Bed> {
    let responder = Responder::Kernel {
        ports: vec![80],
        loss: 0,
        watched: nets.iter().map(|net| net.parse().unwrap()).collect(),
    };
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Bed::up(responder).unwrap())
}

fn syn(place: &Place, args: &str) -> Command {
    let mut command = Command::new(program("syn"));
    command.current_dir(place.path(".")).args(args.split(' '));
    command
}

type Found = BTreeMap<(IpAddr, u16), String>;

/// What was written; each target once.
fn read(text: &str) -> Found {
    let mut found = Found::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let addr = line["ip"].as_str().unwrap().parse().unwrap();
        let port = u16::try_from(line["port"].as_u64().unwrap()).unwrap();
        let state = line["state"].as_str().unwrap().to_owned();
        assert_eq!(
            found.insert((addr, port), state),
            None,
            "{addr} {port} twice"
        );
    }
    found
}

/// What is there, by the lab's word.
fn there(bed: &Bed, addrs: impl Iterator<Item = IpAddr>) -> Found {
    addrs
        .flat_map(|addr| PORTS.map(|port| (addr, port)))
        .filter_map(|(addr, port)| {
            let state = match bed.fate(addr, port)? {
                Fate::Open => "open",
                Fate::Closed => "closed",
                Fate::Unreachable => "unreachable",
                Fate::Silent => return None,
            };
            Some(((addr, port), state.to_owned()))
        })
        .collect()
}

fn hosts(third: u8) -> impl Iterator<Item = IpAddr> {
    (0..=255).map(move |last| [198, 18, third, last].into())
}

#[test]
fn a_scan_finds_what_is_there_and_leaves_alone_what_is_denied() {
    let _alone = alone();
    let Some(bed) = bed() else { return };
    let place = Place::new();
    place.write("deny.txt", "# ours\n198.18.1.0/24\n");
    let args = "198.18.0.0/23 2001:db8:1::-2001:db8:1::ff -p 80-81 --rate 10000 --deny deny.txt --out found";
    let ended = bed.enter(|| run(&mut syn(&place, args)));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = read(&std::fs::read_to_string(place.path("found")).unwrap());
    let v6 =
        (0..=255).map(|last| std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last).into());
    assert_eq!(found, there(&bed, hosts(0).chain(v6)));
    let [denied, scanned] = bed.watched().unwrap()[..] else {
        panic!("two nets are watched");
    };
    assert_eq!(denied, 0);
    assert!(scanned >= 512, "{scanned}");

    let document = std::fs::read_to_string(place.path("found.run.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["report"]["complete"], true);
    assert_eq!(document["report"]["targets"], 1024);
    let again = bed.enter(|| run(&mut syn(&place, args)));
    again.failed(&["found", "exists"]);
}

#[test]
fn a_scan_that_is_interrupted_goes_on_and_tells_each_target_once() {
    let _alone = alone();
    let Some(bed) = bed() else { return };
    let place = Place::new();
    let args = "198.18.0.0-198.18.3.255 -p 80,81 --rate 1000 --out found";
    let mut running = bed.enter(|| Running::start(&mut syn(&place, args)));
    let reached = |net: usize| bed.watched().unwrap()[net];
    running.until("the first probes", |_| reached(0) + reached(1) > 100);
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("--resume"), "{}", ended.stderr);
    let before: BTreeSet<_> = read(&std::fs::read_to_string(place.path("found")).unwrap())
        .into_keys()
        .collect();
    let ended = bed.enter(|| run(&mut syn(&place, &format!("{args} --resume"))));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = read(&std::fs::read_to_string(place.path("found")).unwrap());
    assert_eq!(found, there(&bed, (0..4).flat_map(hosts)));
    assert!(before.iter().all(|target| found.contains_key(target)));
}

#[test]
fn a_scan_that_is_killed_goes_on_and_sends_one_interval_twice_at_most() {
    const RATE: u64 = 500;
    let _alone = alone();
    let Some(bed) = bed_that_watches(&["198.18.0.0/22"]) else {
        return;
    };
    let reached = || bed.watched().unwrap()[0];
    let place = Place::new();
    let args = format!("198.18.0.0/22 -p 80,81 --rate {RATE} --checkpoint-every 1");
    let ended = bed.enter(|| run(&mut syn(&place, &format!("{args} --out whole"))));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let whole = reached();

    let mut running =
        bed.enter(|| Running::start(&mut syn(&place, &format!("{args} --out found"))));
    let mut last = (Vec::new(), 0);
    // Not just behind a checkpoint. A later moment than this a busy machine may never see.
    running.until("a moment between two checkpoints", |_| {
        let Ok(checkpoint) = std::fs::read(place.path("found.checkpoint")) else {
            return false;
        };
        // The file that a scan begins with: a length, no place yet, and a checksum.
        if checkpoint.len() <= 16 {
            return false;
        }
        if checkpoint != last.0 {
            last = (checkpoint, reached());
        }
        reached() > last.1 + RATE / 4
    });
    running.kill();
    let before = reached() - whole;
    assert!(before < whole, "it was killed half-way");
    let ended = bed.enter(|| run(&mut syn(&place, &format!("{args} --out found --resume"))));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = read(&std::fs::read_to_string(place.path("found")).unwrap());
    assert_eq!(found, there(&bed, (0..4).flat_map(hosts)));
    let twice = (reached() - whole).saturating_sub(whole);
    // Beside the probes, the kernel's resets of what answered twice are counted: one of four.
    assert!(
        twice <= RATE * 13 / 10,
        "{twice} more than without being killed"
    );
}

#[test]
fn without_privilege_connections_find_the_same_and_say_so() {
    let _alone = alone();
    let Some(bed) = bed() else { return };
    let place = Place::new();
    let args = "198.18.0.0/26 -p 80,81 --rate 1000 --connect";
    let ended = bed.enter(|| run(&mut syn(&place, args)));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("by connections"), "{}", ended.stderr);
    assert_eq!(read(&ended.stdout), there(&bed, hosts(0).take(64)));
}

#[test]
fn what_cannot_be_scanned_is_said_in_a_line() {
    let _alone = alone();
    // On the bed, so that nothing could leave the machine if it were scanned after all.
    let Some(bed) = bed() else { return };
    let place = Place::new();
    for (args, parts) in [
        ("nonsense -p 80", ["nonsense", "address"]),
        ("198.18.0.0/24 -p 80000", ["80000", "port"]),
        (
            "198.18.0.0/24 -p 80 --deny nosuch.txt",
            ["nosuch.txt", "No such file"],
        ),
        ("203.0.113.0/24 -p 80", ["no route", "203.0.113.0"]),
        (
            "198.18.0.0/24 -p 80 --interface nosuch0",
            ["nosuch0", "ip link"],
        ),
    ] {
        let ended = bed.enter(|| run(&mut syn(&place, args)));
        ended.failed(&parts);
    }
}

#[test]
fn the_lab_is_found_and_drawn() {
    let _alone = alone();
    if bed().is_none() {
        return;
    }
    let place = Place::new();
    let mut command = Command::new(program("syn_lab"));
    command
        .current_dir(place.path("."))
        .args(["--net", "198.18.0.0/22", "--rates", "1000,4000"]);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout.matches("100.00 %").count(),
        4,
        "{}",
        ended.stdout
    );
    let svg = std::fs::read_to_string(place.path("syn_lab.svg")).unwrap();
    assert_eq!(svg.matches("<polyline").count(), 2);
    assert_eq!(svg.matches("<circle").count(), 4);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
}

#[test]
fn the_shards_of_a_scan_are_all_of_it_and_share_nothing() {
    let _alone = alone();
    let Some(bed) = bed() else { return };
    let place = Place::new();
    let mut all = Found::new();
    for shard in 1..=3 {
        let args = format!("198.18.0.0/25 -p 80,81 --rate 2000 --seed 7 --shard {shard}/3");
        let ended = bed.enter(|| run(&mut syn(&place, &args)));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        for (target, state) in read(&ended.stdout) {
            assert_eq!(all.insert(target, state), None, "{target:?} twice");
        }
    }
    assert_eq!(all, there(&bed, hosts(0).take(128)));
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let _alone = alone();
    let Some(bed) = bed() else { return };
    let place = Place::new();
    let args = "198.18.0.0/23 -p 80,81 --rate 500 --seed 7 --shard 2/4 --dry-run";
    let ended = bed.enter(|| run(&mut syn(&place, args)));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for said in [
        "targets     1,024 (512 addresses, 2 ports",
        "of these    256 (shard 2 of 4)",
        "seed        7",
        "first       198.18.",
        "rate        500 probes a second",
        "probes      256 in the first pass; if nobody answers 512 in 2, and no more than 1,024 in 4",
        "time        6 seconds for one pass",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    assert_eq!(bed.watched().unwrap(), [0, 0]);
    for shard in ["0/4", "5/4", "3"] {
        let args = format!("198.18.0.0/23 -p 80 --seed 7 --shard {shard}");
        let ended = bed.enter(|| run(&mut syn(&place, &args)));
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("write I/N"), "{}", ended.stderr);
    }
    let ended = bed.enter(|| run(&mut syn(&place, "198.18.0.1 -p 80 --seed 7 --shard 2/2")));
    ended.failed(&["shard 2/2 is empty"]);
}

#[test]
fn a_dry_run_fails_on_what_a_run_would_fail_on() {
    let _alone = alone();
    let place = Place::new();
    place.write("there", "");
    place.write("deny.txt", "8.8.8.0/24");
    let net = "198.18.0.0/24 -p 80";
    for (args, parts) in [
        (
            format!("{net} --rate 0"),
            ["rate must be", "probes a second"],
        ),
        (
            format!("{net} --rate nan"),
            ["rate must be", "probes a second"],
        ),
        (format!("{net} --senders 0"), ["senders must be", "1 to 64"]),
        (
            format!("{net} --senders 65"),
            ["senders must be", "1 to 64"],
        ),
        (format!("{net} --out there"), ["there", "exists"]),
        ("4.0.0.0/6 -p 1-65535".to_owned(), ["chunk", "split it"]),
        ("::/0 -p 80".to_owned(), ["subnets", "65536"]),
        (
            "8.8.8.8 -p 80 --deny deny.txt".to_owned(),
            ["no addresses", "none is left"],
        ),
    ] {
        let dry = run(&mut syn(&place, &format!("{args} --dry-run")));
        dry.failed(&parts);
    }
}

/// NAT64, 6to4 and others: a gateway turns them into the IPv4 address that is in them.
#[test]
fn a_denied_address_is_not_reached_by_way_of_an_ipv6_one() {
    let _alone = alone();
    let place = Place::new();
    place.write("deny.txt", "8.8.8.8");
    let leads = "64:ff9b::808:808 2001:db8:1::5efe:808:808";
    let args = format!("{leads} 2001:db8:1::1 -p 80 --dry-run");
    let ended = run(&mut syn(&place, &args));
    assert!(ended.stdout.contains("3 addresses,"), "{}", ended.stdout);
    let ended = run(&mut syn(&place, &format!("{args} --deny deny.txt")));
    assert!(ended.stdout.contains("1 addresses,"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("2 addresses are left out"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("808"), "{}", ended.stdout);
}

#[test]
fn a_reserved_net_is_scanned_where_it_is_named_whatever_is_named_beside_it() {
    let _alone = alone();
    let place = Place::new();
    // A file of targets, given as one argument, has lines, blanks and comments.
    let file = "10.0.0.0/8 # ours, and\n11.0.0.0/8";
    for targets in [
        &["10.0.0.0/8", "11.0.0.0/8"][..],
        &["10.0.0.0/8,11.0.0.0/8"],
        &[file],
    ] {
        let ended = run(syn(&place, "-p 80 --dry-run").args(targets));
        assert!(
            ended.stdout.contains("33,554,432 addresses"),
            "{}",
            ended.stdout
        );
    }
    // Who names all names none of them.
    let ended = run(&mut syn(&place, "8.0.0.0/6 -p 80 --dry-run"));
    assert!(
        ended.stdout.contains("16,777,216 addresses are left out"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_reader_that_goes_away_ends_the_scan_without_a_panic() {
    let _alone = alone();
    let Some(bed) = bed() else { return };
    let place = Place::new();
    for args in [
        "198.18.0.0/24 -p 80 --dry-run",
        // It would take 68 minutes; one answer is a seventieth of what a buffer holds.
        "198.18.0.0/20 -p 80 --rate 1",
    ] {
        let mut child = bed.enter(|| {
            let mut command = syn(&place, args);
            command.stdout(std::process::Stdio::piped());
            command.stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        });
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(
            said.contains("Broken pipe") && !said.contains("panicked"),
            "{said}"
        );
    }
}

#[test]
fn who_interrupts_it_again_does_not_wait_for_what_hangs() {
    let _alone = alone();
    let place = Place::new();
    let made = Command::new("mkfifo").arg(place.path("deny")).status();
    assert!(made.unwrap().success());
    let args = "198.18.0.0/24 -p 80 --deny deny --dry-run";
    let mut running = Running::start(&mut syn(&place, args));
    // Nobody ever writes to it.
    running.until("somebody waits for Ctrl-C", |running| running.catches(2));
    loop {
        if !running.is_there() {
            break;
        }
        running.signal("INT");
    }
    assert_eq!(running.end().code, Some(130));
}
