//! Taps show everything that went over a link, and faults are what they say.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sortie_scanners::link::{
    Batch, Faults, Faulty, Filter, Impairment, Link, LinkInfo, MacAddr, MemoryLink, MemoryNetwork,
    Moment, PcapTap, Tap as _, Tapped, TextTap, Way,
};

use crate::frames::{PORT, US, syn};

const SECOND: Duration = Duration::from_secs(1);

/// A link to a host 10 ms away that swaps ports and addresses, and so answers our port.
fn mirror() -> MemoryLink {
    let far = |_: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| {
        let mut answer = frame.to_vec();
        answer[26..34].rotate_left(4);
        answer[34..38].rotate_left(2);
        reply(&answer);
    };
    let network = MemoryNetwork {
        forth: Impairment {
            delay: Duration::from_millis(10),
            ..Impairment::default()
        },
        ..MemoryNetwork::default()
    };
    MemoryLink::new(LinkInfo::new("memory", MacAddr::default()), network, far)
}

fn filter() -> Filter {
    Filter {
        v4: Some(US),
        ..Filter::new(PORT..=PORT)
    }
}

/// Sends `count` frames until the link has taken all, and returns what came in a second.
fn run(link: &dyn Link, count: usize) -> Vec<Vec<u8>> {
    let mut batch = Batch::new(count, 64);
    for slot in 0..count {
        let [high, low] = (slot as u16).to_be_bytes();
        batch.set(slot, &syn(&link.describe(), [198, 18, high, low].into()));
    }
    let mut receive = link.receive(&filter()).unwrap();
    let mut transmit = link.transmit().unwrap();
    let mut sent = 0;
    while sent < count {
        sent += transmit.send(&batch, sent..count).unwrap();
    }
    let mut came = Vec::new();
    receive
        .receive(SECOND, &mut |_, frame| came.push(frame.to_vec()))
        .unwrap();
    came
}

#[test]
fn a_line_of_text_tells_what_a_frame_is() {
    let tap = Arc::new(TextTap::new(Vec::new()));
    run(&Tapped::new(mirror(), Arc::clone(&tap)), 1);
    let text = String::from_utf8(tap.finish().unwrap()).unwrap();
    insta::assert_snapshot!(text, @r"
    0.000000000 > tcp 192.0.2.1 50000 198.18.0.0 80 S seq 16909060 ack 0
    0.010000000 < tcp 198.18.0.0 80 192.0.2.1 50000 S seq 16909060 ack 0
    ");
}

#[test]
fn a_capture_file_holds_both_ways_and_stops_at_its_limit() {
    let record = 16 + 54;
    let tap = Arc::new(PcapTap::new(Vec::new(), SECOND, 24 + 3 * record));
    run(&Tapped::new(mirror(), Arc::clone(&tap)), 2);
    let (file, left_out) = tap.finish().unwrap();
    assert_eq!((file.len() as u64, left_out), (24 + 3 * record, 1));
    let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_3c4d, "with nanoseconds");
    assert_eq!(word(20), 1, "Ethernet");
    let answer = 24 + 2 * record as usize;
    assert_eq!((word(answer), word(answer + 4)), (1, 10_000_000));
    assert_eq!((word(answer + 8), word(answer + 12)), (54, 54));
    assert!(tap.finish().is_err(), "it was finished before");
}

#[test]
fn a_disk_that_is_full_is_told_at_the_end() {
    let mut room = [0; 100];
    let tap = PcapTap::new(&mut room[..], Duration::ZERO, u64::MAX);
    tap.frame(Way::In, Moment::ZERO, &[0; 60]);
    tap.frame(Way::In, Moment::ZERO, &[0; 60]);
    assert_eq!(
        tap.finish().unwrap_err().kind(),
        std::io::ErrorKind::WriteZero
    );
}

proptest! {
    #[test]
    fn a_link_that_takes_little_at_a_time_still_takes_each_frame_once(
        seed: u64,
        full in 0.0..0.9,
        short in 0.0..1.0,
        count in 0_usize..100,
    ) {
        let memory = mirror();
        let faults = Faults { seed, full, short, ..Faults::default() };
        let came = run(&Faulty::new(memory.clone(), faults), count);
        prop_assert_eq!(memory.stats().sent, count as u64);
        prop_assert!(came == run(&mirror(), count));
    }

    #[test]
    fn faults_of_what_comes_are_a_matter_of_the_seed(
        seed: u64,
        cut in 0.0..1.0,
        flip in 0.0..1.0,
        twice in 0.0..1.0,
        lose in 0.0..1.0,
    ) {
        let faults = Faults { seed, cut, flip, twice, lose, ..Faults::default() };
        let first = run(&Faulty::new(mirror(), faults.clone()), 50);
        prop_assert!(first == run(&Faulty::new(mirror(), faults), 50));
        prop_assert!(first.len() <= 100);
    }

    #[test]
    fn any_bytes_make_a_line(frame in prop::collection::vec(any::<u8>(), 0..120), kind in 0..3) {
        let mut frame = frame;
        if let Some(at) = frame.get_mut(12..14) {
            at.copy_from_slice([&[8, 0], &[0x86, 0xdd], &[8, 6]][kind as usize]);
        }
        let tap = TextTap::new(Vec::new());
        tap.frame(Way::In, Moment::ZERO, &frame);
        let text = String::from_utf8(tap.finish().unwrap()).unwrap();
        prop_assert_eq!(text.matches('\n').count(), 1);
    }
}
