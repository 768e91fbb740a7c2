//! The program against the rule, on an interpreter of the few instructions that it uses.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;

/// What the kernel would keep of `frame`.
fn run(program: &[Instruction], frame: &[u8]) -> u32 {
    let load = |at: usize, len: usize| {
        let bytes = frame.get(at..at + len)?;
        Some(bytes.iter().fold(0, |sum, &b| sum << 8 | u32::from(b)))
    };
    let (mut pc, mut a, mut x) = (0, 0, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[pc];
        pc += 1;
        let at = k as usize;
        let loaded = match code {
            LD_W_ABS => load(at, 4),
            LD_H_ABS => load(at, 2),
            LD_B_ABS => load(at, 1),
            LD_H_IND => load(at + x, 2),
            LD_B_IND => load(at + x, 1),
            LDX_MSH => match load(at, 1) {
                Some(byte) => {
                    x = (byte as usize & 0xf) * 4;
                    Some(a)
                }
                None => None,
            },
            RET => return k,
            _ => {
                let holds = match code {
                    JEQ => a == k,
                    JGT => a > k,
                    JGE => a >= k,
                    JSET => a & k != 0,
                    _ => panic!("no such instruction: {code:#x}"),
                };
                pc += usize::from(if holds { jt } else { jf });
                Some(a)
            }
        };
        match loaded {
            Some(value) => a = value,
            None => return 0,
        }
    }
}

/// Frames that are nearly answers: every field that the filter looks at is right more often than
/// not, and they may end anywhere.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let kind =
        prop_oneof![4 => Just(0x0800_u16), 4 => Just(0x86dd), 1 => Just(0x8100), 1 => any::<u16>()];
    let protocol = prop_oneof![4 => Just(6_u8), 2 => Just(1), 2 => Just(58), 1 => any::<u8>()];
    let port = prop_oneof![6 => 39_990_u16..40_300, 1 => any::<u16>()];
    (
        kind,
        protocol,
        port,
        0_u8..15,
        prop_oneof![3 => Just(0_u16), 1 => any::<u16>()],
        any::<bool>(),
        0_usize..100,
    )
        .prop_map(|(kind, protocol, port, low, fragment, ours, len)| {
            let mut frame = vec![0; 100];
            frame[12..14].copy_from_slice(&kind.to_be_bytes());
            if kind == 0x0800 {
                frame[14] = 0x40 | low;
                frame[20..22].copy_from_slice(&fragment.to_be_bytes());
                frame[23] = protocol;
                frame[30..34].copy_from_slice(&[192, 0, 2, 1 + u8::from(!ours)]);
                let header = 14 + usize::from(low) * 4;
                if low >= 5 {
                    frame[header] = low;
                    frame[header + 2..header + 4].copy_from_slice(&port.to_be_bytes());
                }
            } else {
                frame[20] = protocol;
                frame[38..54].copy_from_slice(&ADDRESS.octets());
                frame[53] ^= u8::from(!ours);
                frame[54] = low % 8;
                frame[56..58].copy_from_slice(&port.to_be_bytes());
            }
            frame.truncate(if len < 50 { 100 } else { len });
            frame
        })
}

const ADDRESS: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const PORTS: RangeInclusive<u16> = 40_000..=40_255;

proptest! {
    #[test]
    fn the_kernels_program_decides_as_the_rule_does(
        frame in prop_oneof![frames(), prop::collection::vec(any::<u8>(), 0..80)],
        v4 in any::<bool>(),
        v6 in any::<bool>(),
    ) {
        let filter = Filter {
            v4: v4.then_some([192, 0, 2, 1].into()),
            v6: v6.then_some(ADDRESS),
            ports: PORTS,
        };
        let kept = run(&compile(&filter), &frame);
        prop_assert_eq!(kept != 0, filter.admits(&frame));
    }
}

#[test]
fn most_frames_of_the_generator_matter() {
    let filter = Filter {
        v4: Some([192, 0, 2, 1].into()),
        v6: Some(ADDRESS),
        ports: PORTS,
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let admitted = (0..1000)
        .map(|_| frames().new_tree(&mut runner).unwrap().current())
        .filter(|frame| filter.admits(frame))
        .count();
    assert!((100..900).contains(&admitted), "{admitted} of 1000");
}
