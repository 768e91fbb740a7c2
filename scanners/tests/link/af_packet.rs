//! A real interface, on the bed of the lab. Needs root; says so where it is not there.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use lab::bed::{Bed, Responder, SCAN_INTERFACE};
use sortie_scanners::link::{
    AfPacket, AfPacketOptions, Batch, Filter, Interception, Link as _, LinkError, MacAddr, Receive,
};
use sortie_scanners::scope::{InScope, Scope};

use crate::frames::{Answer, PORT, US, adds_up, answer, syn};

const FAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

/// A bed, or the reason why there is none, said aloud.
fn bed(responder: Responder) -> Option<Bed> {
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Bed::up(responder).unwrap())
}

fn target(addr: &str) -> InScope<IpAddr> {
    let addr: IpAddr = addr.parse().unwrap();
    let scope = Scope::builder().allow_net(addr).build().unwrap();
    scope.admit_ip(addr).unwrap()
}

fn toward(addrs: &[&str]) -> Result<AfPacket, LinkError> {
    let targets: Vec<_> = addrs.iter().map(|addr| target(addr)).collect();
    let options = AfPacketOptions {
        patience: Duration::from_millis(700),
        ring_bytes: 1 << 20,
        ..AfPacketOptions::default()
    };
    AfPacket::toward(&targets, &options)
}

fn filter() -> Filter {
    Filter {
        v4: Some(US),
        ..Filter::new(PORT..=PORT)
    }
}

/// Takes answers until there are `count`, or none came for a second.
fn take(receive: &mut dyn Receive, count: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    let end = Instant::now() + Duration::from_secs(10);
    while answers.len() < count && Instant::now() < end {
        let mut each = |_, frame: &[u8]| answers.push(answer(frame));
        receive.receive(Duration::from_secs(1), &mut each).unwrap();
    }
    answers.sort();
    answers
}

#[test]
fn the_way_is_found_in_the_routing_table() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    let info = bed.enter(|| toward(&["2001:db8:1::7", "198.18.0.1"]).unwrap().describe());
    assert_eq!(info.name, SCAN_INTERFACE);
    assert_eq!(info.mac, MacAddr([2, 0, 0, 0, 0, 1]));
    assert_eq!(info.mtu, 1500);
    let (v4, v6) = (info.v4.unwrap(), info.v6.unwrap());
    assert_eq!((v4.source, v4.next_hop), (US, FAR));
    assert_eq!(
        v6.source,
        "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap()
    );
    assert_eq!(v6.next_hop, FAR);
}

#[test]
fn a_next_hop_that_the_kernel_does_not_know_is_asked() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    for neighbour in ["192.0.2.2", "2001:db8::2"] {
        bed.run(Command::new("ip").args(["neigh", "del", neighbour, "dev", SCAN_INTERFACE]))
            .unwrap();
    }
    let info = bed.enter(|| toward(&["198.18.0.1", "2001:db8:1::7"]).unwrap().describe());
    assert_eq!(info.v4.unwrap().next_hop, FAR);
    assert_eq!(info.v6.unwrap().next_hop, FAR);
    // On the link itself the target is the next hop.
    let info = bed.enter(|| toward(&["192.0.2.2"]).unwrap().describe());
    assert_eq!(info.v4.unwrap().next_hop, FAR);
}

#[test]
fn what_stands_in_the_way_is_named() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    bed.enter(|| {
        assert!(matches!(toward(&[]), Err(LinkError::NoTarget)));
        assert!(matches!(
            toward(&["203.0.113.1"]),
            Err(LinkError::NoRoute(_))
        ));
        assert!(matches!(toward(&["192.0.2.1"]), Err(LinkError::Local(_))));
        assert!(matches!(
            toward(&["192.0.2.9"]),
            Err(LinkError::NoNeighbour { .. })
        ));
        assert!(matches!(
            toward(&["2001:db8::9"]),
            Err(LinkError::NoNeighbour { .. })
        ));
        // All frames would go to the first of them.
        for two in [["192.0.2.2", "192.0.2.3"], ["2001:db8::2", "2001:db8::3"]] {
            assert!(matches!(toward(&two), Err(LinkError::Neighbour(_))));
        }
        for name in ["nosuch0", "a-name-that-is-much-too-long-for-linux"] {
            let options = AfPacketOptions {
                interface: Some(name.to_owned()),
                ..AfPacketOptions::default()
            };
            let found = AfPacket::toward(&[target("198.18.0.1")], &options);
            assert!(
                matches!(found, Err(LinkError::NoInterface(_))),
                "{name}: {found:?}"
            );
        }
    });
}

#[test]
fn answers_of_every_kind_come_back() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    let (answers, counters, waited) = bed.enter(|| {
        let link = toward(&["198.18.0.1"]).unwrap();
        let mut receive = link.receive(&filter()).unwrap();
        let mut transmit = link.transmit().unwrap();
        let mut batch = Batch::new(4, 128);
        // Open, silent, unreachable, reset; see `Bed::fate`.
        for (slot, last) in [0, 8, 12, 14].into_iter().enumerate() {
            batch.set(
                slot,
                &syn(&link.describe(), Ipv4Addr::new(198, 18, 0, last)),
            );
        }
        let before = link.clock().now();
        assert_eq!(transmit.send(&batch, 0..4).unwrap(), 4);
        let mut at = Vec::new();
        let end = Instant::now() + Duration::from_secs(10);
        let mut answers = Vec::new();
        while answers.len() < 3 && Instant::now() < end {
            let mut each = |arrival: sortie_scanners::link::Arrival, frame: &[u8]| {
                answers.push(answer(frame));
                at.push(arrival.at);
            };
            receive.receive(Duration::from_secs(1), &mut each).unwrap();
        }
        let after = link.clock().now();
        assert!(at.iter().all(|&at| at <= after), "{at:?} {after:?}");
        // The system's clock is coarser than it looks, and set by others.
        let slack = Duration::from_millis(5);
        assert!(
            at.iter().all(|&at| at + slack >= before),
            "{at:?} {before:?}"
        );
        answers.sort();
        (answers, receive.counters().unwrap(), after - before)
    });
    let from = |last| Ipv4Addr::new(198, 18, 0, last);
    let expected = [
        Answer::Tcp {
            from: from(0),
            flags: 0x12,
        },
        Answer::Tcp {
            from: from(14),
            flags: 0x14,
        },
        Answer::Icmp(3),
    ];
    assert_eq!(answers, expected);
    assert_eq!((counters.admitted, counters.dropped), (3, 0));
    assert!(waited < Duration::from_secs(5), "{waited:?}");
}

#[test]
fn two_senders_at_once_lose_nothing_on_the_way_out() {
    const EACH: usize = 20_000;
    let Some(bed) = bed(Responder::Silence) else {
        return;
    };
    let before = bed.reached().unwrap();
    bed.enter(|| {
        let link = toward(&["198.18.0.1"]).unwrap();
        std::thread::scope(|scope| {
            for sender in 0..2 {
                let link = &link;
                scope.spawn(move || {
                    let mut transmit = link.transmit().unwrap();
                    let mut batch = Batch::new(EACH, 64);
                    for slot in 0..EACH {
                        let host = (sender * EACH + slot) as u16;
                        let [high, low] = host.to_be_bytes();
                        batch.set(
                            slot,
                            &syn(&link.describe(), Ipv4Addr::new(198, 18, high, low)),
                        );
                    }
                    let mut sent = 0;
                    while sent < EACH {
                        sent += transmit.send(&batch, sent..EACH).unwrap();
                    }
                });
            }
        });
    });
    let reached = bed.reached().unwrap() - before;
    // A few frames of the kernel's own may be among them.
    assert!(
        (2 * EACH as u64..2 * EACH as u64 + 50).contains(&reached),
        "{reached}"
    );
}

#[test]
fn nothing_that_we_send_comes_back_to_us() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    let answers = bed.enter(|| {
        let link = toward(&["198.18.0.1"]).unwrap();
        let mut receive = link.receive(&filter()).unwrap();
        let mut batch = Batch::new(1, 64);
        // It would pass the filter if it came back: to our address and port.
        let mut frame = syn(&link.describe(), US);
        frame[36..38].copy_from_slice(&PORT.to_be_bytes());
        batch.set(0, &frame);
        link.transmit().unwrap().send(&batch, 0..1).unwrap();
        batch.set(0, &syn(&link.describe(), Ipv4Addr::new(198, 18, 0, 0)));
        link.transmit().unwrap().send(&batch, 0..1).unwrap();
        take(receive.as_mut(), 1)
    });
    let from = Ipv4Addr::new(198, 18, 0, 0);
    assert_eq!(answers, [Answer::Tcp { from, flags: 0x12 }]);
}

#[test]
fn an_interface_that_goes_down_is_named() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    let link = bed.enter(|| toward(&["198.18.0.1"]).unwrap());
    let (mut transmit, mut receive) =
        bed.enter(|| (link.transmit().unwrap(), link.receive(&filter()).unwrap()));
    bed.run(Command::new("ip").args(["link", "set", SCAN_INTERFACE, "down"]))
        .unwrap();
    let mut batch = Batch::new(1, 64);
    batch.set(0, &syn(&link.describe(), Ipv4Addr::new(198, 18, 0, 0)));
    let sent = transmit.send(&batch, 0..1);
    assert!(
        matches!(&sent, Err(LinkError::Down(name)) if name == SCAN_INTERFACE),
        "{sent:?}"
    );
    let received = receive.receive(Duration::from_secs(5), &mut |_, _| ());
    assert!(matches!(&received, Err(LinkError::Down(_))), "{received:?}");
}

#[test]
fn without_the_privilege_the_error_names_the_remedy() {
    const CHILD: &str = "SORTIE_TEST_UNPRIVILEGED";
    if std::env::var_os(CHILD).is_some() {
        // A route is found and a neighbour given, so that the socket alone is in question.
        let options = AfPacketOptions {
            next_hop: Some(FAR),
            ..AfPacketOptions::default()
        };
        let link = AfPacket::toward(&[target("198.18.0.1")], &options).unwrap();
        let Err(error) = link.transmit().map(drop) else {
            panic!("opened without privilege");
        };
        assert!(matches!(error, LinkError::Forbidden));
        assert!(
            error.to_string().contains("setcap cap_net_raw+ep"),
            "{error}"
        );
        return;
    }
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "--exact",
            "af_packet::without_the_privilege_the_error_names_the_remedy",
        ])
        .env(CHILD, "1")
        .uid(65_534)
        .gid(65_534);
    bed.run(&mut child).unwrap();
}

#[test]
fn answers_are_taken_in_the_driver_and_reset_there() {
    let Some(bed) = bed(Responder::Sparse) else {
        return;
    };
    bed.near_program(false).unwrap();
    let (answers, counters) = bed.enter(|| {
        let options = AfPacketOptions {
            interception: Interception::Native,
            ..AfPacketOptions::default()
        };
        let link = AfPacket::toward(&[target("198.18.0.1")], &options).unwrap();
        let mut receive = link.receive(&filter()).unwrap();
        let mut batch = Batch::new(16, 64);
        for last in 0..16 {
            let addr = Ipv4Addr::new(198, 18, 0, last);
            batch.set(last.into(), &syn(&link.describe(), addr));
        }
        assert_eq!(link.transmit().unwrap().send(&batch, 0..16).unwrap(), 16);
        (take(receive.as_mut(), 8), receive.counters().unwrap())
    });
    let expected: Vec<_> = (0..8)
        .map(|last| Answer::Tcp {
            from: Ipv4Addr::new(198, 18, 0, last),
            flags: if last == 7 { 0x12 } else { 0x14 },
        })
        .collect();
    assert_eq!(answers, expected);
    assert_eq!((counters.admitted, counters.dropped), (8, 0));
}

#[test]
fn the_reset_of_the_driver_ends_the_connection_at_the_target() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    let target_addr = Ipv4Addr::new(198, 18, 0, 0);
    // The far side listens in too, as a host would.
    let options = AfPacketOptions {
        next_hop: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        ..AfPacketOptions::default()
    };
    let mut far = bed.enter_far(|| {
        let link = AfPacket::toward(&[target("192.0.2.1")], &options).unwrap();
        let seen = Filter {
            v4: Some(target_addr),
            ..Filter::new(80..=80)
        };
        link.receive(&seen).unwrap()
    });
    let answers = bed.enter(|| {
        let options = AfPacketOptions {
            interception: Interception::Generic,
            ..AfPacketOptions::default()
        };
        let link = AfPacket::toward(&[target("198.18.0.1")], &options).unwrap();
        let mut receive = link.receive(&filter()).unwrap();
        let mut batch = Batch::new(2, 64);
        // An error of ICMP goes the long way, and comes all the same.
        batch.set(0, &syn(&link.describe(), target_addr));
        batch.set(1, &syn(&link.describe(), Ipv4Addr::new(198, 18, 0, 12)));
        assert_eq!(link.transmit().unwrap().send(&batch, 0..2).unwrap(), 2);
        take(receive.as_mut(), 2)
    });
    let from = target_addr;
    assert_eq!(
        answers,
        [Answer::Tcp { from, flags: 0x12 }, Answer::Icmp(3)]
    );

    let mut frames = Vec::new();
    let end = Instant::now() + Duration::from_secs(10);
    while frames.len() < 2 && Instant::now() < end {
        far.receive(Duration::from_secs(1), &mut |_, frame| {
            frames.push(frame.to_vec())
        })
        .unwrap();
    }
    let [_, reset] = &frames[..] else {
        panic!("a SYN and an RST, not {frames:x?}");
    };
    assert_eq!(reset.len(), 54);
    assert_eq!(
        answer(reset),
        Answer::Tcp {
            from: US,
            flags: 0x04
        }
    );
    assert_eq!(reset[38..42], [1, 2, 3, 5], "the number after our SYN's");
    assert!(adds_up(reset), "{reset:x?}");
}
