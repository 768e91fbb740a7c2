//! IPv4 packets (RFC 791).

use std::net::Ipv4Addr;

use super::checksum::Sum;
use super::error::{Layer, Malformed};

const MIN_HEADER: usize = 20;

/// A packet, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4<'a> {
    /// Who sent it, as it says.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// The identification field.
    pub id: u16,
    /// Hops that it could still have gone.
    pub ttl: u8,
    /// What it carries; see [`protocol`](super::protocol).
    pub protocol: u8,
    /// What it carries, without the padding of the frame.
    pub payload: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// Reads a packet and verifies its header.
    ///
    /// # Errors
    ///
    /// Any [`Malformed`] of this layer; [`Malformed::Fragment`] for fragments, the first included.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (packet, header, total) = Self::read(bytes)?;
        let total = bytes
            .get(header.len()..total)
            .ok_or(Malformed::Truncated(Layer::Ipv4))?;
        if Sum::ZERO.bytes(header).checksum() != 0 {
            return Err(Malformed::Checksum(Layer::Ipv4));
        }
        // More fragments, or an offset.
        if let [_, _, _, _, _, _, high, low, ..] = header
            && (high & 0x3f, *low) != (0, 0)
        {
            return Err(Malformed::Fragment);
        }
        Ok(Self {
            payload: total,
            ..packet
        })
    }

    /// Reads the start of a packet that an ICMP error quotes. Routers change the header before
    /// they quote it, and cut it off behind, so neither its checksum nor its length is looked at;
    /// the payload is what there is of it.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`], [`Malformed::Version`] and [`Malformed::Length`].
    pub fn parse_quoted(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(bytes).map(|(packet, _, _)| packet)
    }

    /// The packet with all that follows the header as its payload, the header, and the total length.
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8], usize), Malformed> {
        let fixed: &[u8; MIN_HEADER] = bytes
            .first_chunk()
            .ok_or(Malformed::Truncated(Layer::Ipv4))?;
        let found = fixed[0] >> 4;
        if found != 4 {
            return Err(Malformed::Version { expected: 4, found });
        }
        let header_len = usize::from(fixed[0] & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
        if header_len < MIN_HEADER || total < header_len {
            return Err(Malformed::Length(Layer::Ipv4));
        }
        let (header, payload) = bytes
            .split_at_checked(header_len)
            .ok_or(Malformed::Truncated(Layer::Ipv4))?;
        let packet = Self {
            source: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]),
            destination: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]),
            id: u16::from_be_bytes([fixed[4], fixed[5]]),
            ttl: fixed[8],
            protocol: fixed[9],
            payload,
        };
        Ok((packet, header, total))
    }
}
