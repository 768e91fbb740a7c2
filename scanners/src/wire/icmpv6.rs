//! ICMPv6 messages (RFC 4443).

use std::net::IpAddr;

use super::checksum::Sum;
use super::error::{Layer, Malformed};
use super::protocol;

const HEADER: usize = 8;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmpv6<'a> {
    /// The type.
    pub kind: u8,
    /// The code, which refines the type.
    pub code: u8,
    /// What follows the header of 8 bytes: in an error, the start of the packet that it is about.
    pub payload: &'a [u8],
}

impl<'a> Icmpv6<'a> {
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 1;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;

    /// Reads a message, and verifies its checksum, which covers the addresses, too, if there are
    /// `addrs` (source and destination).
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`] and [`Malformed::Checksum`].
    pub fn parse(bytes: &'a [u8], addrs: Option<(IpAddr, IpAddr)>) -> Result<Self, Malformed> {
        let (header, payload) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(Malformed::Truncated(Layer::Icmpv6))?;
        if let Some((source, destination)) = addrs {
            let sum = Sum::ZERO.pseudo_header(source, destination, protocol::ICMPV6, bytes.len());
            if sum.bytes(bytes).checksum() != 0 {
                return Err(Malformed::Checksum(Layer::Icmpv6));
            }
        }
        Ok(Self {
            kind: header[0],
            code: header[1],
            payload,
        })
    }
}
