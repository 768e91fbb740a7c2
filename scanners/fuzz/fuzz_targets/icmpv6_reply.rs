//! No ICMPv6 message, nor chain of extension headers before one, makes the reader of answers panic.
//! The first byte is the next header; what follows is taken as it is, and once more as a message
//! whose checksum is right.
#![no_main]

use std::net::Ipv6Addr;

use libfuzzer_sys::fuzz_target;
use sortie_scanners::wire::{Sum, protocol};

include!("probe.in.rs");

const FROM: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
const TO: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

fuzz_target!(|input: &[u8]| {
    let Some((&next, payload)) = input.split_first() else {
        return;
    };
    check(&packet(next, payload));
    let mut message = payload.to_vec();
    if message.len() >= 4 {
        message[2..4].fill(0);
        let len = message.len();
        let sum = Sum::ZERO.pseudo_header(FROM.into(), TO.into(), protocol::ICMPV6, len);
        let sum = sum.bytes(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        check(&packet(protocol::ICMPV6, &message));
    }
});

fn packet(next: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    let header = [0x60, 0, 0, 0, len[0], len[1], next, 57];
    let (from, to) = (FROM.octets(), TO.octets());
    [&[0; 12], &[0x86, 0xdd][..], &header, &from, &to, payload].concat()
}
