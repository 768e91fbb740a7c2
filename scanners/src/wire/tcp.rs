//! TCP segments (RFC 9293).

use std::fmt;
use std::net::IpAddr;
use std::ops::BitOr;

use super::checksum::Sum;
use super::error::{Layer, Malformed};
use super::protocol;

const MIN_HEADER: usize = 20;

/// The control bits of a segment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Opens a connection.
    pub const SYN: Self = Self(0x02);
    /// Ends a connection at once.
    pub const RST: Self = Self(0x04);
    /// The acknowledgement number means something.
    pub const ACK: Self = Self(0x10);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let set = NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 >> bit & 1 == 1);
        let names: Vec<_> = set.map(|(_, name)| *name).collect();
        f.write_str(&names.join("|"))
    }
}

/// A segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// The port that it comes from.
    pub source: u16,
    /// The port that it goes to.
    pub destination: u16,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgement number.
    pub ack: u32,
    /// The control bits.
    pub flags: TcpFlags,
    /// The window, in bytes, unscaled.
    pub window: u16,
    /// The options, as they are.
    pub options: &'a [u8],
    /// The data.
    pub payload: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// Reads a segment.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`] and [`Malformed::Length`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let fixed: &[u8; MIN_HEADER] = bytes
            .first_chunk()
            .ok_or(Malformed::Truncated(Layer::Tcp))?;
        let header_len = usize::from(fixed[12] >> 4) * 4;
        if header_len < MIN_HEADER {
            return Err(Malformed::Length(Layer::Tcp));
        }
        let (header, payload) = bytes
            .split_at_checked(header_len)
            .ok_or(Malformed::Truncated(Layer::Tcp))?;
        Ok(Self {
            source: u16::from_be_bytes([fixed[0], fixed[1]]),
            destination: u16::from_be_bytes([fixed[2], fixed[3]]),
            seq: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ack: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            flags: TcpFlags(fixed[13]),
            window: u16::from_be_bytes([fixed[14], fixed[15]]),
            options: header.get(MIN_HEADER..).unwrap_or_default(),
            payload,
        })
    }

    /// The source port, destination port and sequence number of the first 8 bytes of a segment:
    /// all that an ICMP error is sure to quote (RFC 792).
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`].
    pub fn parse_quoted(bytes: &[u8]) -> Result<(u16, u16, u32), Malformed> {
        let [a, b, c, d, seq @ ..] = bytes
            .first_chunk::<8>()
            .ok_or(Malformed::Truncated(Layer::Tcp))?;
        let ports = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        Ok((ports.0, ports.1, u32::from_be_bytes(*seq)))
    }

    /// Verifies the checksum of the segment `bytes`.
    ///
    /// # Errors
    ///
    /// [`Malformed::Checksum`].
    pub fn verify(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Result<(), Malformed> {
        let sum = Sum::ZERO.pseudo_header(source, destination, protocol::TCP, bytes.len());
        match sum.bytes(bytes).checksum() {
            0 => Ok(()),
            _ => Err(Malformed::Checksum(Layer::Tcp)),
        }
    }
}
