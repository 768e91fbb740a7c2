//! What a real interface takes and gives, on the bed of the lab: a bare loop around the link.
//!
//! Sends one prebuilt SYN over and over, from 1 and from 2 threads, into silence; and 1.3 million
//! SYNs to addresses that all answer, while one thread receives. Prints a line of JSON for each.
//! `cargo bench -p sortie-scanners --features packet --bench link`, as root.
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lab::bed::{Bed, Responder};
use sortie_scanners::link::{
    AfPacket, AfPacketOptions, Batch, Filter, Interception, Link, LinkInfo,
};
use sortie_scanners::scope::Scope;

const SLOTS: usize = 256;
const PORT: u16 = 61_000;

fn main() -> Result<(), Failure> {
    // `cargo test --benches` passes this, and wants no measuring.
    if std::env::args().any(|arg| arg == "--test") {
        return Ok(());
    }
    for (name, responder) in [
        ("silence", Responder::Silence),
        ("all_open", Responder::AllOpen),
    ] {
        if let Some(why) = Bed::missing(&responder) {
            eprintln!("skipped: {why}");
            return Ok(());
        }
        let bed = Bed::up(responder)?;
        // Off, with the kernel's RST for each answer; and in the driver, with the program's.
        for interception in [Interception::Off, Interception::Native] {
            measure(&bed, name, interception)?;
        }
    }
    Ok(())
}

fn measure(bed: &Bed, name: &str, interception: Interception) -> Result<(), Failure> {
    bed.near_program(false)?;
    if interception == Interception::Off {
        bed.near_program(true)?;
    }
    let link = bed.enter(|| open(interception))?;
    for threads in [1, 2] {
        for _ in 0..3 {
            let before = bed.reached()?;
            let run = bed.enter(|| run(&link, threads, 1_310_720))?;
            let line = serde_json::json!({
                "far_side": name,
                "interception": format!("{interception:?}"),
                "threads": threads,
                "sent_per_second": (run.sent as f64 / run.seconds).round(),
                "reached": bed.reached()? - before,
                "sent": run.sent,
                "answers": run.answers,
                "dropped": run.dropped,
            });
            println!("{line}");
        }
    }
    Ok(())
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn open(interception: Interception) -> Result<AfPacket, Failure> {
    let scope = Scope::builder()
        .allow_net("198.18.0.0/15".parse::<ipnet::IpNet>()?)
        .build()?;
    let options = AfPacketOptions {
        interception,
        ..AfPacketOptions::default()
    };
    let target = scope.admit_ip(IpAddr::from([198, 18, 0, 1]))?;
    Ok(AfPacket::toward(&[target], &options)?)
}

struct Run {
    sent: u64,
    seconds: f64,
    answers: u64,
    dropped: u64,
}

fn run(link: &dyn Link, threads: u64, count: u64) -> Result<Run, Failure> {
    let info = link.describe();
    let filter = Filter {
        v4: info.v4.map(|path| path.source),
        ..Filter::new(PORT..=PORT)
    };
    let mut receive = link.receive(&filter)?;
    let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut answers = 0;
    let started = Instant::now();
    let mut seconds = 0.0;
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..threads)
            .map(|_| {
                let mut transmit = link.transmit().unwrap();
                let (info, sent) = (&info, &sent);
                scope.spawn(move || {
                    let mut batch = Batch::new(SLOTS, 64);
                    for slot in 0..SLOTS {
                        batch.set(slot, &syn(info));
                    }
                    let mut left = count / threads;
                    while left > 0 {
                        let burst = left.min(SLOTS as u64) as usize;
                        let gone = transmit.send(&batch, 0..burst).unwrap() as u64;
                        left -= gone;
                        sent.fetch_add(gone, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let receiver = scope.spawn(|| {
            let mut answers = 0;
            loop {
                let over = done.load(Ordering::Acquire);
                let wait = Duration::from_millis(100);
                let came = receive.receive(wait, &mut |_, _| answers += 1).unwrap();
                if over && came == 0 {
                    return answers;
                }
            }
        });
        for sender in senders {
            sender.join().unwrap();
        }
        seconds = started.elapsed().as_secs_f64();
        done.store(true, Ordering::Release);
        answers = receiver.join().unwrap();
    });
    Ok(Run {
        sent: sent.into_inner(),
        seconds,
        answers,
        dropped: receive.counters()?.dropped,
    })
}

/// A SYN with an MSS option.
fn syn(info: &LinkInfo) -> Vec<u8> {
    let path = info.v4.expect("a way for IPv4");
    let target = Ipv4Addr::new(198, 18, 0, 1);
    let ip = [
        &[0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0][..],
        &path.source.octets(),
        &target.octets(),
    ]
    .concat();
    let tcp = [
        &PORT.to_be_bytes()[..],
        &[
            0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x60, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4,
        ],
    ]
    .concat();
    [&path.next_hop.0[..], &info.mac.0, &[8, 0], &ip, &tcp].concat()
}
