//! No TCP segment, in a good IPv4 and a good IPv6 packet, makes the reader of answers panic; and
//! one that repeats the cookie is believed if it is an answer. The first byte says which try the
//! segment answers, and in its highest bit whether cookie and checksum are filled in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sortie_scanners::wire::{Sum, Tcp, TcpFlags, protocol};

include!("probe.in.rs");

fuzz_target!(|input: &[u8]| {
    let Some((&choice, segment)) = input.split_first() else {
        return;
    };
    if segment.len() > 1400 {
        return;
    }
    for (host, ours) in [
        (IpAddr::from(HOST_V4), IpAddr::from(OURS_V4)),
        (HOST_V6.into(), OURS_V6.into()),
    ] {
        let frame = |segment: &[u8]| match host {
            IpAddr::V4(v4) => packet_v4(v4, protocol::TCP, segment),
            IpAddr::V6(v6) => packet_v6(v6, protocol::TCP, segment),
        };
        let as_it_is = check(&frame(segment));
        if choice & 0x80 == 0 || segment.len() < 20 {
            continue;
        }
        let mut segment = segment.to_vec();
        let port = u16::from_be_bytes([segment[0], segment[1]]);
        let (attempt, cookie) = sent(choice & 0x7f, host, port);
        segment[2..4].copy_from_slice(&cookie.source_port.to_be_bytes());
        segment[8..12].copy_from_slice(&cookie.seq.wrapping_add(1).to_be_bytes());
        segment[16..18].fill(0);
        let sum = Sum::ZERO.pseudo_header(host, ours, protocol::TCP, segment.len());
        let sum = sum.bytes(&segment).checksum();
        segment[16..18].copy_from_slice(&sum.to_be_bytes());

        let valid = check(&frame(&segment));
        let Ok(read) = Tcp::parse(&segment) else {
            assert!(valid.is_err());
            continue;
        };
        let answers = read.flags.contains(TcpFlags::RST)
            || read.flags.contains(TcpFlags::SYN | TcpFlags::ACK);
        assert_eq!(valid.is_ok(), answers, "{as_it_is:?}, then {valid:?}");
        if let Ok(valid) = valid {
            assert_eq!((valid.addr, valid.port), (host, port));
            assert_eq!(PROBE.cookies().cookie(host, port, valid.attempt), cookie);
            assert!(valid.attempt == attempt || matches!(attempt, Attempt::Canary(_)));
        }
    }
});
