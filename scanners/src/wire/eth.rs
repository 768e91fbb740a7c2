//! Ethernet frames (IEEE 802.3), without the check sequence.

use super::error::{Layer, Malformed};
use super::vlan;

/// What a frame carries: an EtherType (IEEE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
}

/// A frame. Up to two VLAN tags are stepped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet<'a> {
    /// What it carries.
    pub kind: EtherType,
    /// What follows the header; frames are padded to 60 bytes, so it may be longer than the packet.
    pub payload: &'a [u8],
}

impl<'a> Ethernet<'a> {
    /// Bytes before the payload of a frame without tags.
    pub const HEADER_LEN: usize = 14;

    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`].
    pub fn parse(frame: &'a [u8]) -> Result<Self, Malformed> {
        let (kind, start) =
            vlan::step_over(frame, 12).ok_or(Malformed::Truncated(Layer::Ethernet))?;
        Ok(Self {
            kind: EtherType(kind),
            payload: frame.get(start..).unwrap_or_default(),
        })
    }
}
