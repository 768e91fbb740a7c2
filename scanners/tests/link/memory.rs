//! The network in memory does what its numbers say, and the same each time.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use sortie_scanners::link::{
    Batch, Clock as _, Filter, Impairment, Link as _, LinkInfo, MacAddr, MemoryLink, MemoryNetwork,
    MemoryStats, Moment,
};

use crate::frames::{PORT, US, syn};

const SECOND: Duration = Duration::from_secs(1);

/// A link to a host that sends every frame back.
fn echo(network: MemoryNetwork) -> MemoryLink {
    let info = LinkInfo::new("memory", MacAddr([2, 0, 0, 0, 0, 1]));
    let far = |_: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| reply(frame);
    MemoryLink::new(info, network, far)
}

/// Frames that the filter below admits, each with its number in it.
fn numbered(count: u16) -> Batch {
    let info = LinkInfo::new("memory", MacAddr::default());
    let mut batch = Batch::new(count.into(), 64);
    for number in 0..count {
        let mut frame = syn(&info, US);
        // To our port, as an answer would be; where the numbers are, nobody looks.
        frame[36..38].copy_from_slice(&PORT.to_be_bytes());
        frame[..2].copy_from_slice(&number.to_be_bytes());
        batch.set(number.into(), &frame);
    }
    batch
}

fn filter() -> Filter {
    Filter {
        v4: Some(US),
        ..Filter::new(PORT..=PORT)
    }
}

/// Sends `count` frames at once and takes what comes in the next hour: when, and which.
fn run(link: &MemoryLink, count: u16) -> Vec<(Moment, u16)> {
    let mut receive = link.receive(&filter()).unwrap();
    let sent = link
        .transmit()
        .unwrap()
        .send(&numbered(count), 0..count.into());
    assert_eq!(sent.unwrap(), usize::from(count));
    let mut came = Vec::new();
    let mut each = |arrival: sortie_scanners::link::Arrival, frame: &[u8]| {
        came.push((arrival.at, u16::from_be_bytes([frame[0], frame[1]])));
    };
    while receive.receive(3600 * SECOND, &mut each).unwrap() > 0 {}
    came
}

#[test]
fn a_perfect_network_gives_everything_back_in_order_and_at_once() {
    let link = echo(MemoryNetwork::default());
    let came = run(&link, 1000);
    let expected: Vec<_> = (0..1000).map(|number| (Moment::ZERO, number)).collect();
    assert_eq!(came, expected);
}

#[test]
fn delays_of_both_ways_add_up() {
    let way = |ms| Impairment {
        delay: Duration::from_millis(ms),
        ..Impairment::default()
    };
    let link = echo(MemoryNetwork {
        forth: way(30),
        back: way(20),
        ..MemoryNetwork::default()
    });
    let came = run(&link, 1);
    assert_eq!(came, [(Moment::ZERO + Duration::from_millis(50), 0)]);
}

#[test]
fn a_share_is_lost_and_a_share_comes_twice() {
    let link = echo(MemoryNetwork {
        forth: Impairment {
            loss: 0.3,
            duplicate: 0.1,
            ..Impairment::default()
        },
        ..MemoryNetwork::default()
    });
    let came = run(&link, 10_000).len();
    // 10,000 × 0.7 × 1.1, within five standard deviations.
    assert!((7400..8000).contains(&came), "{came}");
}

#[test]
fn jitter_lets_frames_overtake_each_other() {
    let link = echo(MemoryNetwork {
        back: Impairment {
            jitter: SECOND,
            ..Impairment::default()
        },
        ..MemoryNetwork::default()
    });
    let came = run(&link, 100);
    assert!(came.is_sorted_by_key(|&(at, _)| at), "time goes on");
    assert!(!came.is_sorted_by_key(|&(_, number)| number));
    assert_eq!(came.len(), 100);
}

#[test]
fn a_slow_way_queues_and_then_drops() {
    let link = echo(MemoryNetwork {
        forth: Impairment {
            rate: NonZeroU32::new(1000),
            queue: 50,
            ..Impairment::default()
        },
        ..MemoryNetwork::default()
    });
    let came = run(&link, 200);
    assert_eq!(came.len(), 51, "one under way, fifty in the queue");
    let last = came.last().unwrap().0;
    assert_eq!(last, Moment::ZERO + Duration::from_millis(50));
}

#[test]
fn a_receiver_that_is_late_loses_what_the_ring_cannot_hold() {
    let link = echo(MemoryNetwork {
        ring: 10,
        ..MemoryNetwork::default()
    });
    let mut receive = link.receive(&filter()).unwrap();
    link.transmit().unwrap().send(&numbered(25), 0..25).unwrap();
    let mut came = 0;
    receive.receive(SECOND, &mut |_, _| came += 1).unwrap();
    let counters = receive.counters().unwrap();
    assert_eq!((came, counters.admitted, counters.dropped), (10, 25, 15));
}

#[test]
fn waiting_moves_the_clock_and_polling_does_not() {
    let link = echo(MemoryNetwork::default());
    let mut receive = link.receive(&filter()).unwrap();
    assert_eq!(receive.receive(Duration::ZERO, &mut |_, _| ()).unwrap(), 0);
    assert_eq!(link.virtual_clock().now(), Moment::ZERO);
    assert_eq!(receive.receive(SECOND, &mut |_, _| ()).unwrap(), 0);
    assert_eq!(link.virtual_clock().now(), Moment::ZERO + SECOND);
}

#[test]
fn what_the_filter_refuses_is_not_handed_over() {
    let link = echo(MemoryNetwork::default());
    let mut receive = link.receive(&Filter::new(PORT..=PORT)).unwrap();
    link.transmit().unwrap().send(&numbered(5), 0..5).unwrap();
    assert_eq!(receive.receive(SECOND, &mut |_, _| ()).unwrap(), 0);
    assert_eq!(link.stats().replied, 5);
}

#[test]
fn empty_slots_count_as_gone_but_are_not_sent() {
    let link = echo(MemoryNetwork::default());
    let mut batch = numbered(3);
    batch.set_len(1, 0);
    assert_eq!(link.transmit().unwrap().send(&batch, 0..5).unwrap(), 5);
    assert_eq!(link.stats().sent, 2);
}

fn impairments() -> impl Strategy<Value = Impairment> {
    (
        0.0..1.0,
        0.0..1.0,
        0_u64..1_000_000,
        0_u64..1_000_000,
        prop::option::of(1_u32..1_000_000),
        0_u32..200,
    )
        .prop_map(|(loss, duplicate, delay, jitter, rate, queue)| Impairment {
            loss,
            duplicate,
            delay: Duration::from_micros(delay),
            jitter: Duration::from_micros(jitter),
            rate: rate.and_then(NonZeroU32::new),
            queue,
        })
}

proptest! {
    #[test]
    fn one_seed_gives_one_run_and_every_frame_is_accounted_for(
        seed: u64,
        forth in impairments(),
        back in impairments(),
        ring in 0_usize..100,
        count in 0_u16..200,
    ) {
        let network = MemoryNetwork { seed, forth, back, ring };
        let (first, second) = (echo(network.clone()), echo(network));
        let came = run(&first, count);
        prop_assert_eq!(&came, &run(&second, count));
        let MemoryStats { sent, reached, replied, delivered, .. } = first.stats();
        prop_assert_eq!(sent, u64::from(count));
        prop_assert!(reached <= 2 * sent && replied == reached);
        prop_assert_eq!(delivered, came.len() as u64);
        prop_assert!(came.is_sorted_by_key(|&(at, _)| at));
    }
}
