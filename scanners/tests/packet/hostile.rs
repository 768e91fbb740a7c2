//! What others may send is believed only if it can be proven.

use proptest::prelude::*;
use sortie_scanners::link::FarSide as _;
use sortie_scanners::link::{Batch, Filter, MemoryNetwork, Moment};
use sortie_scanners::probe::{
    Attempt, CookieKey, Cookies, IpVersion, Probe as _, Rejected, SourcePorts,
};
use sortie_scanners::syn::{SynHost, SynProbe, SynState, SynStyle};
use sortie_scanners::target::{Chunk, Target};

use crate::support::{info, link, run, scan, sixteenths, targets};

fn probe() -> SynProbe {
    let ports = SourcePorts::new(SourcePorts::DEFAULT, 2).unwrap();
    SynProbe::new(
        &info(),
        SynStyle::Windows,
        &CookieKey::fixed([7; 16]),
        ports,
    )
}

fn target(addr: &str) -> Target {
    let targets = targets(addr, "443");
    targets
        .chunk(&Chunk::all(&targets, 0))
        .unwrap()
        .get(0)
        .unwrap()
}

/// The answer of a port that is `state` to our probe of `addr`.
fn answer(probe: &SynProbe, addr: &str, state: SynState) -> Vec<u8> {
    let target = target(addr);
    let mut batch = Batch::new(1, 128);
    let len = probe.prepare(IpVersion::of(target.addr()), batch.slot_mut(0));
    batch.set_len(0, len);
    probe.patch(batch.slot_mut(0), &target, Attempt::Pass(0));
    let mut answers = Vec::new();
    let mut host = SynHost::new(|_| Some(state));
    host.answer(Moment::ZERO, batch.slot(0), &mut |frame| {
        answers.push(frame.to_vec())
    });
    answers.pop().unwrap()
}

const STATES: [SynState; 4] = [
    SynState::Open,
    SynState::Closed,
    SynState::Decoy,
    SynState::Unreachable(sortie_scanners::syn::Reason::Host),
];

#[test]
fn answers_are_proven_and_pass_the_filter_of_the_link() {
    let probe = probe();
    let filter: Filter = probe.filter();
    for addr in ["198.18.0.7", "2001:db8::7"] {
        for state in STATES {
            let frame = answer(&probe, addr, state);
            assert!(filter.admits(&frame), "{state} {addr}");
            let valid = probe.validate(&frame, true).unwrap();
            assert_eq!(valid.addr, addr.parse::<std::net::IpAddr>().unwrap());
            assert_eq!((valid.port, valid.attempt), (443, Attempt::Pass(0)));
            assert_eq!(probe.classify(&valid).state, state);
        }
    }
}

#[test]
fn an_answer_in_a_vlan_is_an_answer() {
    let probe = probe();
    let mut frame = answer(&probe, "198.18.0.7", SynState::Open);
    frame.splice(12..12, [0x81, 0x00, 0x00, 0x07]);
    assert!(probe.validate(&frame, true).is_ok());
}

#[test]
fn a_wrong_checksum_is_believed_only_where_the_system_left_it_open() {
    let probe = probe();
    for addr in ["198.18.0.7", "2001:db8::7"] {
        let mut frame = answer(&probe, addr, SynState::Open);
        let at = if addr.contains(':') { 14 + 40 } else { 14 + 20 } + 16;
        frame[at] ^= 0x55;
        assert!(matches!(
            probe.validate(&frame, true),
            Err(Rejected::Malformed(_))
        ));
        assert!(probe.validate(&frame, false).is_ok());
    }
}

#[test]
fn ten_million_forged_cookies_are_refused() {
    let key = CookieKey::fixed([7; 16]);
    let cookies = Cookies::new(&key, SourcePorts::new(SourcePorts::DEFAULT, 2).unwrap());
    let addr = "198.18.0.7".parse().unwrap();
    let right = cookies.cookie(addr, 443, Attempt::Pass(0));
    // Every number but the right one, spread over all there are; from the right port.
    let step = 0x9e37_79b9u32;
    let forged = (1..=10_000_000u32).map(|n| right.seq.wrapping_add(n.wrapping_mul(step)));
    let accepted = forged
        .filter(|&seq| {
            cookies
                .recognise(addr, 443, right.source_port, seq)
                .is_some()
        })
        .count();
    assert_eq!(accepted, 0);
    assert!(
        cookies
            .recognise(addr, 443, right.source_port, right.seq)
            .is_some()
    );
}

#[test]
fn all_ports_there_are_may_be_source_ports() {
    for passes in [1, 2, 3, 7] {
        let ports = SourcePorts::new(0..=u16::MAX, passes).unwrap();
        let count = u32::from(passes) + 1;
        let last = 65_536 / count * count - 1;
        assert_eq!(ports.range(), 0..=last as u16, "{passes}");
        let canary = ports.port(Attempt::Canary(0), 0);
        assert_eq!(ports.attempt(canary), Some(Attempt::Canary(0)));
    }
}

#[test]
fn keys_are_not_shown() {
    let key = CookieKey::fixed(*b"secret-secret-16");
    let ports = SourcePorts::new(SourcePorts::DEFAULT, 2).unwrap();
    let probe = SynProbe::new(&info(), SynStyle::Windows, &key, ports);
    let shown = format!("{key:?} {probe:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("115, 101, 99"),
        "{shown}"
    );
}

#[test]
fn a_storm_of_rubbish_changes_no_result() {
    let network = || MemoryNetwork {
        seed: 3,
        ..MemoryNetwork::default()
    };
    let quiet = run(
        &scan(targets("198.18.0.0/22", "80")),
        &link(network(), SynHost::new(sixteenths)),
    );
    let mut host = SynHost::new(sixteenths);
    let mut count = 0u32;
    let far = move |now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| {
        count += 1;
        host.answer(now, frame, &mut |answer| {
            let mut bent = answer.to_vec();
            let at = 14 + count as usize % (bent.len() - 14);
            bent[at] ^= 1 << (count % 8);
            reply(&bent);
            reply(&answer[..answer.len() - 1 - count as usize % 20]);
            reply(answer);
            reply(answer);
        });
        // Reflected, it looks like an answer from the target's port to itself.
        reply(frame);
    };
    let stormy = run(&scan(targets("198.18.0.0/22", "80")), &link(network(), far));
    let truth = |found: &[_]| {
        let mut all: Vec<_> = found
            .iter()
            .map(
                |found: &sortie_scanners::engine::Found<sortie_scanners::syn::SynAnswer>| {
                    (found.target, found.answer.state)
                },
            )
            .collect();
        all.sort_by_key(|(target, _)| *target);
        all
    };
    assert_eq!(truth(&quiet.1), truth(&stormy.1));
    assert!(stormy.0.received.malformed > 0 && stormy.0.received.duplicates > 0);
}

proptest! {
    #[test]
    fn no_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        prop_assert!(probe().validate(&bytes, true).is_err());
        prop_assert!(probe().validate(&bytes, false).is_err());
    }

    #[test]
    fn no_bent_answer_is_another_targets(
        state in prop::sample::select(STATES.to_vec()),
        v6: bool, bits in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let probe = probe();
        let addr = if v6 { "2001:db8::7" } else { "198.18.0.7" };
        let mut frame = answer(&probe, addr, state);
        for bit in bits {
            let bit = bit.index(frame.len() * 8);
            frame[bit / 8] ^= 1 << (bit % 8);
        }
        // Without checksums only the cookie stands between a lie and a result.
        if let Ok(valid) = probe.validate(&frame, false) {
            prop_assert_eq!(valid.addr, addr.parse::<std::net::IpAddr>().unwrap());
            prop_assert_eq!(valid.port, 443);
            prop_assert_eq!(valid.attempt, Attempt::Pass(0));
        }
    }

    #[test]
    fn cut_off_answers_are_refused(
        state in prop::sample::select(STATES.to_vec()), v6: bool, len in any::<prop::sample::Index>(),
    ) {
        let probe = probe();
        let frame = answer(&probe, if v6 { "2001:db8::7" } else { "198.18.0.7" }, state);
        prop_assert!(probe.validate(&frame[..len.index(frame.len())], true).is_err());
    }
}
