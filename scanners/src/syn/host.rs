//! A network that answers to SYNs, to test scans against.

use std::net::{IpAddr, SocketAddr};

use crate::link::{FarSide, MacAddr, Moment};
use crate::wire::{
    EtherType, Ethernet, Fields, Ipv4, Ipv6, Sum, Tcp, TcpFlags, TcpHeader, TcpTemplate, protocol,
};

use super::answer::{Reason, SynState};

/// The far side of a [`MemoryLink`](crate::link::MemoryLink): a network whose truth is known. Asks
/// `state` what the port of each SYN is, and answers as a host or router would; where that is
/// `None`, there is silence.
pub struct SynHost<F> {
    state: F,
}

impl<F: FnMut(SocketAddr) -> Option<SynState> + Send> SynHost<F> {
    /// A network where every port is what `state` says.
    pub fn new(state: F) -> Self {
        Self { state }
    }
}

impl<F: FnMut(SocketAddr) -> Option<SynState> + Send> FarSide for SynHost<F> {
    fn answer(&mut self, _now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])) {
        let Some(probe) = Probed::parse(frame) else {
            return;
        };
        let segment = |flags, window, options| probe.segment(flags, window, options);
        let ack = TcpFlags::ACK;
        match (self.state)(SocketAddr::new(probe.destination, probe.port)) {
            None => {}
            Some(SynState::Open) => {
                reply(&segment(TcpFlags::SYN | ack, 64240, vec![2, 4, 5, 0xb4]));
            }
            Some(SynState::Closed) => reply(&segment(TcpFlags::RST | ack, 0, Vec::new())),
            Some(SynState::Decoy) => reply(&segment(TcpFlags::SYN | ack, 0, Vec::new())),
            Some(SynState::Unreachable(reason)) => reply(&probe.error(reason)),
        }
    }
}

/// A SYN on its way.
struct Probed<'a> {
    packet: &'a [u8],
    source: IpAddr,
    destination: IpAddr,
    source_port: u16,
    port: u16,
    seq: u32,
}

impl<'a> Probed<'a> {
    fn parse(frame: &'a [u8]) -> Option<Self> {
        let ethernet = Ethernet::parse(frame).ok()?;
        let (source, destination, payload): (IpAddr, IpAddr, _) = match ethernet.kind {
            EtherType::IPV4 => {
                let packet = Ipv4::parse(ethernet.payload).ok()?;
                (
                    packet.source.into(),
                    packet.destination.into(),
                    packet.payload,
                )
            }
            EtherType::IPV6 => {
                let packet = Ipv6::parse(ethernet.payload).ok()?;
                (
                    packet.source.into(),
                    packet.destination.into(),
                    packet.payload,
                )
            }
            _ => return None,
        };
        Tcp::verify(payload, source, destination).ok()?;
        let segment = Tcp::parse(payload).ok()?;
        (segment.flags == TcpFlags::SYN).then_some(Self {
            packet: ethernet.payload,
            source,
            destination,
            source_port: segment.source,
            port: segment.destination,
            seq: segment.seq,
        })
    }

    /// The answer of the target itself.
    fn segment(&self, flags: TcpFlags, window: u16, options: Vec<u8>) -> Vec<u8> {
        let template = TcpTemplate::new(&TcpHeader {
            mac: MacAddr::default(),
            next_hop: MacAddr::default(),
            source: self.destination,
            ttl: 57,
            flags,
            window,
            options,
        });
        let mut frame = vec![0; template.frame_len()];
        template.lay(&mut frame);
        let fields = Fields {
            source_port: self.port,
            port: self.source_port,
            ..Fields::default()
        };
        let at = match self.source {
            IpAddr::V4(addr) => {
                template.patch_v4(&mut frame, addr, fields);
                34
            }
            IpAddr::V6(addr) => {
                template.patch_v6(&mut frame, addr, fields);
                54
            }
        };
        // Templates have no acknowledgement number: probes need none.
        let ack = self.seq.wrapping_add(1);
        if let Some(segment) = frame.get_mut(at..) {
            put(segment, 8, &ack.to_be_bytes());
            checksum(
                segment,
                16,
                Sum::ZERO.pseudo_header(
                    self.destination,
                    self.source,
                    protocol::TCP,
                    segment.len(),
                ),
            );
        }
        frame
    }

    /// The answer of a router before the target.
    fn error(&self, reason: Reason) -> Vec<u8> {
        match self.source {
            IpAddr::V4(source) => {
                let (kind, code) = match reason {
                    Reason::Network => (3, 0),
                    Reason::Host => (3, 1),
                    Reason::Protocol => (3, 2),
                    Reason::Port => (3, 3),
                    Reason::Prohibited => (3, 13),
                    Reason::HopLimit => (11, 0),
                    Reason::Other => (3, 4),
                };
                // As much as RFC 792 asks for: the header, and 8 bytes.
                let quoted = self.packet.get(..28).unwrap_or_default();
                let mut message = [&[kind, code, 0, 0, 0, 0, 0, 0], quoted].concat();
                checksum(&mut message, 2, Sum::ZERO);
                let [high, low] = (20 + message.len() as u16).to_be_bytes();
                let mut header = vec![0x45, 0, high, low, 0, 0, 0, 0, 60, protocol::ICMP, 0, 0];
                header.extend([203, 0, 113, 1]);
                header.extend(source.octets());
                checksum(&mut header, 10, Sum::ZERO);
                [&ethernet(EtherType::IPV4)[..], &header, &message].concat()
            }
            IpAddr::V6(source) => {
                let (kind, code) = match reason {
                    Reason::Network => (1, 0),
                    Reason::Host => (1, 3),
                    Reason::Port => (1, 4),
                    Reason::Prohibited => (1, 1),
                    Reason::HopLimit => (3, 0),
                    Reason::Protocol | Reason::Other => (1, 2),
                };
                let router = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
                let mut message = [&[kind, code, 0, 0, 0, 0, 0, 0], self.packet].concat();
                let len = message.len();
                checksum(
                    &mut message,
                    2,
                    Sum::ZERO.pseudo_header(router.into(), source.into(), protocol::ICMPV6, len),
                );
                let [high, low] = (len as u16).to_be_bytes();
                let mut header = vec![0x60, 0, 0, 0, high, low, protocol::ICMPV6, 60];
                header.extend(router.octets());
                header.extend(source.octets());
                [&ethernet(EtherType::IPV6)[..], &header, &message].concat()
            }
        }
    }
}

fn ethernet(kind: EtherType) -> [u8; Ethernet::HEADER_LEN] {
    let mut header = [0; Ethernet::HEADER_LEN];
    put(&mut header, 12, &kind.0.to_be_bytes());
    header
}

/// Fills in the checksum at `at`; `sum` is of what is not in `bytes`.
fn checksum(bytes: &mut [u8], at: usize, sum: Sum) {
    put(bytes, at, &[0, 0]);
    let sum = sum.bytes(bytes).checksum();
    put(bytes, at, &sum.to_be_bytes());
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + what.len()) {
        place.copy_from_slice(what);
    }
}
