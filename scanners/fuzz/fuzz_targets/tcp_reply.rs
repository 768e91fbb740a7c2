//! No TCP segment, in a good IPv4 and a good IPv6 packet, makes the reader of answers panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::wire::{Sum, protocol};

include!("probe.in.rs");

fuzz_target!(|segment: &[u8]| {
    let Ok(len) = u16::try_from(segment.len() + 20) else {
        return;
    };
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
        protocol::TCP,
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
    check(&[&[0; 12], &[0x08, 0x00][..], &header, segment].concat());

    let mut header = vec![0x60, 0, 0, 0, 0, 0, protocol::TCP, 57];
    header[4..6].copy_from_slice(&(len - 20).to_be_bytes());
    header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    check(&[&[0; 12], &[0x86, 0xdd][..], &header, segment].concat());
});
