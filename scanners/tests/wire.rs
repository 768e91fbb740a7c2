//! Views and templates against another implementation, `pnet_packet`.
#![cfg(feature = "packet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::ipv4::{self, Ipv4Packet, MutableIpv4Packet};
use pnet_packet::ipv6::Ipv6Packet;
use pnet_packet::tcp::{self, TcpPacket};
use pnet_packet::{MutablePacket as _, Packet as _};
use proptest::prelude::*;
use sortie_scanners::link::MacAddr;
use sortie_scanners::wire::{
    EtherType, Ethernet, Fields, Icmp, Icmpv6, Ipv4, Ipv6, Layer, Malformed, Sum, Tcp, TcpFlags,
    TcpHeader, TcpTemplate, update,
};

fn header(source: IpAddr, options: Vec<u8>) -> TcpHeader {
    TcpHeader {
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        next_hop: MacAddr([2, 0, 0, 0, 0, 2]),
        source,
        ttl: 61,
        flags: TcpFlags::SYN,
        window: 64240,
        options,
    }
}

fn frame_v4(options: Vec<u8>, addr: Ipv4Addr, fields: Fields) -> Vec<u8> {
    let template = TcpTemplate::new(&header(Ipv4Addr::new(192, 0, 2, 1).into(), options));
    let mut slot = [0xaa; 128];
    let len = template.lay(&mut slot);
    // Twice: what was patched before must leave no trace.
    let other = Fields {
        source_port: 7,
        port: 8,
        seq: 9,
        id: 10,
    };
    template.patch_v4(&mut slot, Ipv4Addr::BROADCAST, other);
    template.patch_v4(&mut slot, addr, fields);
    slot[..len].to_vec()
}

fn fields() -> impl Strategy<Value = Fields> {
    any::<(u16, u16, u32, u16)>().prop_map(|(source_port, port, seq, id)| Fields {
        source_port,
        port,
        seq,
        id,
    })
}

fn options() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..50)
}

proptest! {
    #[test]
    fn a_patched_template_is_a_packet_that_pnet_agrees_with(
        options in options(), bits: u32, fields in fields(),
    ) {
        let addr = Ipv4Addr::from(bits);
        let frame = frame_v4(options.clone(), addr, fields);
        let ethernet = EthernetPacket::new(&frame).unwrap();
        prop_assert_eq!(ethernet.get_ethertype().0, 0x0800);
        let packet = Ipv4Packet::new(ethernet.payload()).unwrap();
        prop_assert_eq!(packet.get_checksum(), ipv4::checksum(&packet));
        prop_assert_eq!(packet.get_destination(), addr);
        prop_assert_eq!(packet.get_identification(), fields.id);
        prop_assert_eq!(usize::from(packet.get_total_length()), ethernet.payload().len());
        let segment = TcpPacket::new(packet.payload()).unwrap();
        let sum = tcp::ipv4_checksum(&segment, &packet.get_source(), &addr);
        prop_assert_eq!(segment.get_checksum(), sum);
        prop_assert_eq!(segment.get_sequence(), fields.seq);

        let ours = Ipv4::parse(Ethernet::parse(&frame).unwrap().payload).unwrap();
        prop_assert_eq!((ours.destination, ours.id, ours.ttl), (addr, fields.id, 61));
        let ours = Tcp::parse(ours.payload).unwrap();
        prop_assert_eq!(ours.source, segment.get_source());
        prop_assert_eq!(ours.destination, segment.get_destination());
        prop_assert_eq!(ours.window, 64240);
        prop_assert_eq!(ours.options, segment.get_options_raw());
        let kept = options.len().min(40);
        prop_assert_eq!(&ours.options[..kept], &options[..kept]);
    }

    #[test]
    fn the_same_holds_for_ipv6(options in options(), bits: u128, fields in fields()) {
        let addr = Ipv6Addr::from(bits);
        let source = "2001:db8::1".parse().unwrap();
        let template = TcpTemplate::new(&header(IpAddr::V6(source), options));
        let mut slot = [0; 128];
        let len = template.lay(&mut slot);
        template.patch_v6(&mut slot, addr, fields);
        let ethernet = EthernetPacket::new(&slot[..len]).unwrap();
        prop_assert_eq!(ethernet.get_ethertype().0, 0x86dd);
        let packet = Ipv6Packet::new(ethernet.payload()).unwrap();
        prop_assert_eq!(packet.get_destination(), addr);
        prop_assert_eq!(packet.get_flow_label(), u32::from(fields.id));
        prop_assert_eq!(packet.get_hop_limit(), 61);
        let segment = TcpPacket::new(packet.payload()).unwrap();
        let sum = tcp::ipv6_checksum(&segment, &source, &addr);
        prop_assert_eq!(segment.get_checksum(), sum);

        let ours = Ipv6::parse(ethernet.payload()).unwrap();
        prop_assert_eq!((ours.source, ours.destination), (source, addr));
        prop_assert!(Tcp::verify(ours.payload, source.into(), addr.into()).is_ok());
        prop_assert_eq!(Tcp::parse(ours.payload).unwrap().seq, fields.seq);
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_noticed(
        bits: u32, fields in fields(), bit in 0..(40usize * 8),
    ) {
        let mut frame = frame_v4(vec![], bits.into(), fields);
        frame[14 + bit / 8] ^= 1 << (bit % 8);
        let seen = Ipv4::parse(&frame[14..]).and_then(|packet| {
            Tcp::verify(packet.payload, packet.source.into(), packet.destination.into())
        });
        prop_assert!(seen.is_err(), "bit {bit}");
    }

    #[test]
    fn an_updated_checksum_is_the_one_computed_anew(
        mut bytes in prop::collection::vec(any::<u8>(), 2..100), at: prop::sample::Index, new: u16,
    ) {
        bytes.truncate(bytes.len() & !1);
        // A packet of zeros only has two right checksums, and none has it.
        bytes[0] |= 1;
        let at = at.index(bytes.len() / 2) * 2;
        let before = Sum::ZERO.bytes(&bytes).checksum();
        let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
        prop_assume!(bytes.iter().any(|&byte| byte != 0));
        prop_assert_eq!(update(before, old, new), Sum::ZERO.bytes(&bytes).checksum());
    }

    #[test]
    fn no_bytes_make_a_view_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), version: bool) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = *first & 0x0f | if version { 0x40 } else { 0x60 };
        }
        let _ = Ethernet::parse(&bytes);
        let _ = Ipv4::parse(&bytes);
        let _ = Ipv4::parse_quoted(&bytes);
        let _ = Ipv6::parse(&bytes);
        let _ = Ipv6::parse_quoted(&bytes);
        let _ = Tcp::parse(&bytes);
        let _ = Tcp::parse_quoted(&bytes);
        let _ = Icmp::parse(&bytes, true);
        let _ = Icmpv6::parse(&bytes, None);
    }

    #[test]
    fn every_cut_is_called_truncated(bits: u32, fields in fields(), len in 0..66usize) {
        let frame = frame_v4(vec![1; 12], bits.into(), fields);
        let frame = &frame[..len];
        let seen = Ethernet::parse(frame).and_then(|ethernet| Ipv4::parse(ethernet.payload));
        prop_assert!(matches!(seen, Err(Malformed::Truncated(_))), "{seen:?}");
    }
}

#[test]
fn padding_is_no_part_of_a_packet() {
    let mut frame = frame_v4(vec![], Ipv4Addr::LOCALHOST, Fields::default());
    assert_eq!(frame.len(), 54);
    frame.resize(60, 0xee);
    let packet = Ipv4::parse(&frame[14..]).unwrap();
    assert_eq!(packet.payload.len(), 20);
}

#[test]
fn two_vlan_tags_are_stepped_over_and_not_three() {
    let mut frame = frame_v4(vec![], Ipv4Addr::LOCALHOST, Fields::default());
    let v4 = EtherType::IPV4;
    for kind in [v4, v4, v4, EtherType(0x8100)] {
        assert_eq!(Ethernet::parse(&frame).unwrap().kind, kind);
        frame.splice(12..12, [0x81, 0x00, 0x00, 0x07]);
    }
}

#[test]
fn fragments_are_refused() {
    let mut frame = frame_v4(vec![], Ipv4Addr::LOCALHOST, Fields::default());
    // "More fragments" with offset 0, then a later one.
    for (flags, offset) in [(0b001, 0), (0b000, 185)] {
        let mut packet = MutableIpv4Packet::new(&mut frame[14..]).unwrap();
        packet.set_flags(flags);
        packet.set_fragment_offset(offset);
        let sum = ipv4::checksum(&packet.to_immutable());
        packet.set_checksum(sum);
        assert_eq!(Ipv4::parse(packet.packet_mut()), Err(Malformed::Fragment));
    }
    let mut packet = vec![0x60, 0, 0, 0, 0, 8, 44, 64];
    packet.extend([0; 40]);
    assert_eq!(Ipv6::parse(&packet), Err(Malformed::Fragment));
}

#[test]
fn extension_headers_are_stepped_over_up_to_a_limit() {
    let packet = |count: u8| {
        let mut packet = vec![0x60, 0, 0, 0, 0, count * 8 + 20, 0, 64];
        packet.extend([0; 32]);
        for nth in 1..=count {
            let next = if nth == count { 6 } else { 60 };
            packet.extend([next, 0, 1, 4, 0, 0, 0, 0]);
        }
        packet.extend([0; 20]);
        packet
    };
    let four = packet(4);
    let four = Ipv6::parse(&four).unwrap();
    assert_eq!((four.protocol, four.payload.len()), (6, 20));
    assert_eq!(Ipv6::parse(&packet(5)), Err(Malformed::Length(Layer::Ipv6)));
}

#[test]
fn flags_are_shown_by_name() {
    let flags = TcpFlags::SYN | TcpFlags::ACK;
    assert_eq!(format!("{flags:?}"), "SYN|ACK");
    assert!(flags.contains(TcpFlags::ACK) && !flags.contains(TcpFlags::RST));
}
