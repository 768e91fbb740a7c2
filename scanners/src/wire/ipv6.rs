//! IPv6 packets (RFC 8200).

use std::net::Ipv6Addr;

use super::bytes_at;
use super::error::{Layer, Malformed};

const HEADER: usize = 40;

/// Most extension headers that are stepped over. A reply to a probe has none as a rule.
const MAX_EXTENSIONS: usize = 4;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// A packet, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// Who sent it, as it says.
    pub source: Ipv6Addr,
    /// To whom.
    pub destination: Ipv6Addr,
    /// The flow label, 20 bits.
    pub flow: u32,
    /// Hops that it could still have gone.
    pub hop_limit: u8,
    /// What it carries behind the extension headers; see [`protocol`](super::protocol).
    pub protocol: u8,
    /// What it carries, without extension headers and the padding of the frame.
    pub payload: &'a [u8],
}

impl<'a> Ipv6<'a> {
    /// Reads a packet and steps over up to four extension headers.
    ///
    /// # Errors
    ///
    /// Any [`Malformed`] of this layer; [`Malformed::Length`] with more extension headers than
    /// that, too.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (packet, len) = Self::read(bytes)?;
        let mut payload = packet
            .payload
            .get(..len)
            .ok_or(Malformed::Truncated(Layer::Ipv6))?;
        let mut protocol = packet.protocol;
        for _ in 0..MAX_EXTENSIONS {
            match protocol {
                FRAGMENT => return Err(Malformed::Fragment),
                HOP_BY_HOP | ROUTING | DESTINATION => {}
                _ => break,
            }
            let [next, units]: [u8; 2] =
                bytes_at(payload, 0).ok_or(Malformed::Truncated(Layer::Ipv6))?;
            payload = payload
                .get((usize::from(units) + 1) * 8..)
                .ok_or(Malformed::Truncated(Layer::Ipv6))?;
            protocol = next;
        }
        match protocol {
            FRAGMENT => Err(Malformed::Fragment),
            HOP_BY_HOP | ROUTING | DESTINATION => Err(Malformed::Length(Layer::Ipv6)),
            _ => Ok(Self {
                protocol,
                payload,
                ..packet
            }),
        }
    }

    /// Reads the start of a packet that an ICMPv6 error quotes, which may be cut off. Our probes
    /// have no extension headers, so none are stepped over.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`] and [`Malformed::Version`].
    pub fn parse_quoted(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(bytes).map(|(packet, _)| packet)
    }

    /// The packet with all that follows the header as its payload, and the length of the payload.
    fn read(bytes: &'a [u8]) -> Result<(Self, usize), Malformed> {
        let (header, payload) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(Malformed::Truncated(Layer::Ipv6))?;
        let first = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let found = (first >> 28) as u8;
        if found != 6 {
            return Err(Malformed::Version { expected: 6, found });
        }
        let addr = |at| bytes_at(header, at).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from_octets);
        let packet = Self {
            source: addr(8),
            destination: addr(24),
            flow: first & 0x000f_ffff,
            hop_limit: header[7],
            protocol: header[6],
            payload,
        };
        let len = u16::from_be_bytes([header[4], header[5]]);
        Ok((packet, len.into()))
    }
}
