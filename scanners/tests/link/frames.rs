//! Frames to send, and what to read in those that come.

use std::net::Ipv4Addr;

use sortie_scanners::link::{LinkInfo, MacAddr};

/// Our side of every link here.
pub(crate) const US: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Where probes come from.
pub(crate) const PORT: u16 = 50_000;

/// A SYN by way of `info`, to port 80 of `target`.
pub(crate) fn syn(info: &LinkInfo, target: Ipv4Addr) -> Vec<u8> {
    let next_hop = info.v4.map_or(MacAddr::BROADCAST, |path| path.next_hop);
    let mut ip = [
        &[0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0][..],
        &US.octets(),
        &target.octets(),
    ]
    .concat();
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut tcp = [
        &PORT.to_be_bytes()[..],
        &[
            0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
        ],
    ]
    .concat();
    let sum = checksum(&[&ip[12..], &[0, 6, 0, 20], &tcp].concat());
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    [&next_hop.0[..], &info.mac.0, &[8, 0], &ip, &tcp].concat()
}

/// What an answer is: the flags of TCP, or the type of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Tcp { from: Ipv4Addr, flags: u8 },
    Icmp(u8),
}

pub(crate) fn answer(frame: &[u8]) -> Answer {
    let from = <[u8; 4]>::try_from(&frame[26..30]).unwrap().into();
    match frame[23] {
        6 => Answer::Tcp {
            from,
            flags: frame[47],
        },
        _ => Answer::Icmp(frame[34]),
    }
}

/// Whether both checksums of a plain TCP frame are right.
pub(crate) fn adds_up(frame: &[u8]) -> bool {
    let pseudo_header = [&frame[26..34], &[0, 6, 0, 20]].concat();
    checksum(&frame[14..34]) == 0 && checksum(&[&pseudo_header, &frame[34..54]].concat()) == 0
}

fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    !((sum & 0xffff) + (sum >> 16)) as u16
}
