//! No ICMP message in a good packet makes the reader of answers panic. The input is the type, the
//! code, a byte of choices, and what the message quotes; header and checksum are filled in. In the
//! highest bit of the choices it says whether the quoted packet is made ours, with the right
//! cookie: then an error must be believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::wire::{Icmp, Sum, protocol};

include!("probe.in.rs");

fuzz_target!(|input: &[u8]| {
    let Some((&[kind, code, choice], quoted)) = input.split_first_chunk() else {
        return;
    };
    if quoted.len() > 1400 {
        return;
    }
    let mut quoted = quoted.to_vec();
    let ours = choice & 0x80 != 0 && make_ours(&mut quoted, choice & 0x7f);
    let mut message = [&[kind, code, 0, 0, 0, 0, 0, 0], &quoted[..]].concat();
    let sum = Sum::ZERO.bytes(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    // From a router on the way, not from the host.
    let valid = check(&packet_v4(
        [203, 0, 113, 9].into(),
        protocol::ICMP,
        &message,
    ));
    if ours && matches!(kind, Icmp::UNREACHABLE | Icmp::TIME_EXCEEDED) {
        let valid = valid.expect("a quoted probe of ours");
        assert_eq!(valid.addr, IpAddr::from(HOST_V4));
    }
});

/// Makes of the start of a packet one of a probe of ours, if there is room; its header may have
/// options.
fn make_ours(quoted: &mut [u8], choice: u8) -> bool {
    let Some(&first) = quoted.first() else {
        return false;
    };
    let words = usize::from(first & 0x0f).max(5);
    let header = words * 4;
    if quoted.len() < header + 8 {
        return false;
    }
    quoted[0] = 0x40 | words as u8;
    // A length that is less than the header is refused.
    quoted[2] |= 0x01;
    quoted[9] = protocol::TCP;
    quoted[12..16].copy_from_slice(&OURS_V4.octets());
    quoted[16..20].copy_from_slice(&HOST_V4.octets());
    let port = u16::from_be_bytes([quoted[header + 2], quoted[header + 3]]);
    let (_, cookie) = sent(choice, HOST_V4.into(), port);
    quoted[header..header + 2].copy_from_slice(&cookie.source_port.to_be_bytes());
    quoted[header + 4..header + 8].copy_from_slice(&cookie.seq.to_be_bytes());
    true
}
