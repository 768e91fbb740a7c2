//! No ICMPv6 message, nor chain of extension headers before one, makes the reader of answers panic.
//! The first byte is the next header, the second says which try is answered; what follows is taken
//! as it is, once more as a message whose checksum is right, and with the highest bit of the second
//! byte once more as an error that quotes a probe of ours, which must be believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::wire::{Icmpv6, Sum, protocol};

include!("probe.in.rs");

/// A router on the way.
const ROUTER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9);

/// The header of a message, and that of the packet that it quotes.
const HEADERS: usize = 8 + 40;

fuzz_target!(|input: &[u8]| {
    let Some((&[next, choice], payload)) = input.split_first_chunk() else {
        return;
    };
    if payload.len() > 1400 {
        return;
    }
    let _ = check(&packet_v6(ROUTER, next, payload));
    let mut message = payload.to_vec();
    if message.len() < 4 {
        return;
    }
    fill_checksum(&mut message);
    let _ = check(&packet_v6(ROUTER, protocol::ICMPV6, &message));
    if choice & 0x80 == 0 || message.len() < HEADERS + 8 {
        return;
    }
    let (_, quoted) = message.split_at_mut(8);
    quoted[0] = 0x60 | (quoted[0] & 0x0f);
    quoted[6] = protocol::TCP;
    quoted[8..24].copy_from_slice(&OURS_V6.octets());
    quoted[24..40].copy_from_slice(&HOST_V6.octets());
    let port = u16::from_be_bytes([quoted[42], quoted[43]]);
    let (_, cookie) = sent(choice & 0x7f, HOST_V6.into(), port);
    quoted[40..42].copy_from_slice(&cookie.source_port.to_be_bytes());
    quoted[44..48].copy_from_slice(&cookie.seq.to_be_bytes());
    fill_checksum(&mut message);
    let valid = check(&packet_v6(ROUTER, protocol::ICMPV6, &message));
    if matches!(message[0], Icmpv6::UNREACHABLE | Icmpv6::TIME_EXCEEDED) {
        let valid = valid.expect("a quoted probe of ours");
        assert_eq!((valid.addr, valid.port), (HOST_V6.into(), port));
    }
});

fn fill_checksum(message: &mut [u8]) {
    message[2..4].fill(0);
    let (from, to) = (ROUTER.into(), OURS_V6.into());
    let sum = Sum::ZERO.pseudo_header(from, to, protocol::ICMPV6, message.len());
    let sum = sum.bytes(message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
}
