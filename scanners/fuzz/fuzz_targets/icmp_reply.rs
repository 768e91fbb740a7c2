//! No ICMP message in a good packet makes the reader of answers panic. The message starts with the
//! type and the code; header and checksum are filled in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::wire::{Sum, protocol};

include!("probe.in.rs");

fuzz_target!(|input: &[u8]| {
    let (Some(&[kind, code]), Ok(len)) = (input.first_chunk(), u16::try_from(input.len() + 26))
    else {
        return;
    };
    let mut message = [&[kind, code, 0, 0, 0, 0, 0, 0], &input[2..]].concat();
    let sum = Sum::ZERO.bytes(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut header = vec![
        0x45,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        57,
        protocol::ICMP,
        0,
        0,
        198,
        18,
        0,
        7,
    ];
    header[2..4].copy_from_slice(&len.to_be_bytes());
    header.extend([192, 0, 2, 1]);
    let sum = Sum::ZERO.bytes(&header).checksum();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    check(&[&[0; 12], &[0x08, 0x00][..], &header, &message].concat());
});
