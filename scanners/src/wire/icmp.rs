//! ICMP messages (RFC 792).

use super::checksum::Sum;
use super::error::{Layer, Malformed};

const HEADER: usize = 8;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp<'a> {
    /// The type.
    pub kind: u8,
    /// The code, which refines the type.
    pub code: u8,
    /// What follows the header of 8 bytes: in an error, the start of the packet that it is about.
    pub payload: &'a [u8],
}

impl<'a> Icmp<'a> {
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;

    /// Reads a message, and verifies its checksum if `verify` is set.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`] and [`Malformed::Checksum`].
    pub fn parse(bytes: &'a [u8], verify: bool) -> Result<Self, Malformed> {
        let (header, payload) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(Malformed::Truncated(Layer::Icmp))?;
        if verify && Sum::ZERO.bytes(bytes).checksum() != 0 {
            return Err(Malformed::Checksum(Layer::Icmp));
        }
        Ok(Self {
            kind: header[0],
            code: header[1],
            payload,
        })
    }
}
