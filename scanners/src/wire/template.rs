//! TCP segments to be sent: laid down once, patched for each target.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::link::MacAddr;

use super::checksum::Sum;
use super::eth::{EtherType, Ethernet};
use super::protocol;
use super::tcp::TcpFlags;

const IPV4: usize = 20;
const IPV6: usize = 40;
const TCP: usize = 20;

/// What does not change from one segment to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// Our hardware address.
    pub mac: MacAddr,
    /// That of the next hop.
    pub next_hop: MacAddr,
    /// Our address; its version is that of the template.
    pub source: IpAddr,
    /// Hops that the packet may go.
    pub ttl: u8,
    /// The control bits.
    pub flags: TcpFlags,
    /// The window, in bytes.
    pub window: u16,
    /// The options: whole words, at most 40 bytes. What goes beyond that is cut off, and a word
    /// that is cut is filled up with the end of options (0).
    pub options: Vec<u8>,
}

/// What changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The port that the segment comes from.
    pub source_port: u16,
    /// The port that it goes to.
    pub port: u16,
    /// The sequence number.
    pub seq: u32,
    /// The identification of IPv4; with IPv6, the low 16 bits of the flow label.
    pub id: u16,
}

/// A frame with a TCP segment in it, and the sums of what in it does not change.
///
/// A slot that was [laid down](Self::lay) once is patched any number of times:
///
/// ```
/// use sortie_scanners::link::MacAddr;
/// use sortie_scanners::wire::{Ethernet, Fields, Ipv4, Tcp, TcpFlags, TcpHeader, TcpTemplate};
///
/// let template = TcpTemplate::new(&TcpHeader {
///     mac: MacAddr([2, 0, 0, 0, 0, 1]),
///     next_hop: MacAddr([2, 0, 0, 0, 0, 2]),
///     source: "192.0.2.1".parse()?,
///     ttl: 64,
///     flags: TcpFlags::SYN,
///     window: 64240,
///     options: vec![2, 4, 5, 0xb4],
/// });
/// let mut slot = [0; 128];
/// let len = template.lay(&mut slot);
/// for port in [80, 443] {
///     template.patch_v4(&mut slot, "198.18.0.9".parse()?, Fields { port, ..Fields::default() });
///     let packet = Ipv4::parse(Ethernet::parse(&slot[..len])?.payload)?;
///     Tcp::verify(packet.payload, packet.source.into(), packet.destination.into())?;
///     assert_eq!(Tcp::parse(packet.payload)?.destination, port);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TcpTemplate {
    frame: Vec<u8>,
    /// Of the IPv4 header, without identification and destination.
    header_sum: Sum,
    /// Of the pseudo header and the segment, without destination, ports and sequence number.
    segment_sum: Sum,
}

impl TcpTemplate {
    /// The longest frame that any template makes.
    pub const MAX_LEN: usize = Ethernet::HEADER_LEN + IPV6 + TCP + 40;

    /// Prepares a template.
    pub fn new(header: &TcpHeader) -> Self {
        let mut options = header.options.clone();
        options.truncate(40);
        options.resize(options.len().next_multiple_of(4), 0);
        let segment = segment(header, &options);
        let packet = match header.source {
            IpAddr::V4(source) => ipv4(source, header.ttl, segment.len()),
            IpAddr::V6(source) => ipv6(source, header.ttl, segment.len()),
        };
        let kind = match header.source {
            IpAddr::V4(_) => EtherType::IPV4,
            IpAddr::V6(_) => EtherType::IPV6,
        };
        let nowhere = match header.source {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let pseudo = Sum::ZERO.pseudo_header(header.source, nowhere, protocol::TCP, segment.len());
        Self {
            header_sum: Sum::ZERO.bytes(&packet),
            segment_sum: pseudo.bytes(&segment),
            frame: [
                &header.next_hop.0[..],
                &header.mac.0,
                &kind.0.to_be_bytes(),
                &packet,
                &segment,
            ]
            .concat(),
        }
    }

    /// Bytes in a frame.
    pub fn frame_len(&self) -> usize {
        self.frame.len()
    }

    /// Writes the template to the start of `slot` and returns its length. A slot that is too short
    /// is left as it is, and the length is 0.
    pub fn lay(&self, slot: &mut [u8]) -> usize {
        match slot.get_mut(..self.frame.len()) {
            Some(slot) => {
                slot.copy_from_slice(&self.frame);
                self.frame.len()
            }
            None => 0,
        }
    }

    /// Makes of `slot`, in which this template for IPv4 was laid, a segment to `addr`.
    #[inline]
    pub fn patch_v4(&self, slot: &mut [u8], addr: Ipv4Addr, fields: Fields) {
        let Some(packet) = slot
            .get_mut(Ethernet::HEADER_LEN..)
            .and_then(|packet| packet.first_chunk_mut::<{ IPV4 + TCP }>())
        else {
            return;
        };
        let addr = addr.to_bits();
        let sum = self.header_sum.word(fields.id).long(addr);
        packet[4..6].copy_from_slice(&fields.id.to_be_bytes());
        packet[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
        packet[16..20].copy_from_slice(&addr.to_be_bytes());
        let (_, segment) = packet.split_at_mut(IPV4);
        patch_segment(segment, self.segment_sum.long(addr), fields);
    }

    /// Makes of `slot`, in which this template for IPv6 was laid, a segment to `addr`.
    #[inline]
    pub fn patch_v6(&self, slot: &mut [u8], addr: Ipv6Addr, fields: Fields) {
        let Some(packet) = slot
            .get_mut(Ethernet::HEADER_LEN..)
            .and_then(|packet| packet.first_chunk_mut::<{ IPV6 + TCP }>())
        else {
            return;
        };
        packet[2..4].copy_from_slice(&fields.id.to_be_bytes());
        packet[24..40].copy_from_slice(&addr.octets());
        let (_, segment) = packet.split_at_mut(IPV6);
        patch_segment(segment, self.segment_sum.addr(addr.into()), fields);
    }
}

/// Ports, sequence number and checksum of the first 20 bytes of a segment.
#[inline]
fn patch_segment(segment: &mut [u8], sum: Sum, fields: Fields) {
    let Some(segment) = segment.first_chunk_mut::<TCP>() else {
        return;
    };
    let sum = sum
        .word(fields.source_port)
        .word(fields.port)
        .long(fields.seq);
    segment[0..2].copy_from_slice(&fields.source_port.to_be_bytes());
    segment[2..4].copy_from_slice(&fields.port.to_be_bytes());
    segment[4..8].copy_from_slice(&fields.seq.to_be_bytes());
    segment[16..18].copy_from_slice(&sum.checksum().to_be_bytes());
}

/// A segment without ports, numbers and checksum.
fn segment(header: &TcpHeader, options: &[u8]) -> Vec<u8> {
    let mut segment = vec![0; TCP];
    // At most 15 words.
    segment[12] = (((TCP + options.len()) / 4) as u8) << 4;
    segment[13] = header.flags.0;
    segment[14..16].copy_from_slice(&header.window.to_be_bytes());
    segment.extend(options);
    segment
}

/// A header without identification, destination and checksum.
fn ipv4(source: Ipv4Addr, ttl: u8, payload: usize) -> Vec<u8> {
    const DONT_FRAGMENT: u8 = 0x40;
    // At most 80 bytes.
    let total = (IPV4 + payload) as u16;
    let [high, low] = total.to_be_bytes();
    let mut header = vec![
        0x45,
        0,
        high,
        low,
        0,
        0,
        DONT_FRAGMENT,
        0,
        ttl,
        protocol::TCP,
        0,
        0,
    ];
    header.extend(source.octets());
    header.extend([0; 4]);
    header
}

/// A header without flow label and destination.
fn ipv6(source: Ipv6Addr, ttl: u8, payload: usize) -> Vec<u8> {
    // At most 60 bytes.
    let [high, low] = (payload as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, high, low, protocol::TCP, ttl];
    header.extend(source.octets());
    header.extend([0; 16]);
    header
}
