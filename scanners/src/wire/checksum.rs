//! The Internet checksum (RFC 1071).

use std::net::IpAddr;

/// A sum of 16-bit words in one's complement, not yet folded. Order does not matter, so the parts
/// of a packet that never change can be summed once and for all.
///
/// ```
/// use sortie_scanners::wire::Sum;
///
/// // The example of RFC 1071, section 3.
/// let sum = Sum::ZERO.bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
/// assert_eq!(sum.checksum(), !0xddf2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// Adds bytes that start at an even place of the packet. An odd one at the end counts as the
    /// upper half of a word. At most 16 GiB may be added before the sum overflows.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let (longs, rest) = bytes.as_chunks::<4>();
        let sum = longs.iter().fold(self.0, |sum, long| {
            sum + u64::from(u32::from_be_bytes(*long))
        });
        let mut last = [0; 4];
        // The rest is shorter than a chunk.
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        Self(sum + u64::from(u32::from_be_bytes(last)))
    }

    /// Adds a word.
    pub const fn word(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// Adds two words.
    pub const fn long(self, long: u32) -> Self {
        Self(self.0 + long as u64)
    }

    /// Adds an address.
    pub fn addr(self, addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(v4) => self.long(v4.to_bits()),
            IpAddr::V6(v6) => self.bytes(&v6.octets()),
        }
    }

    /// Adds the pseudo header of TCP (RFC 9293 §3.1, RFC 8200 §8.1) or ICMPv6.
    pub fn pseudo_header(
        self,
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        len: usize,
    ) -> Self {
        // No packet is longer than the 32 bits that the field has.
        self.addr(source)
            .addr(destination)
            .word(protocol.into())
            .long(len as u32)
    }

    /// The checksum: folded to 16 bits and inverted. Over a packet whose checksum field is filled
    /// in, it is 0 if that is right.
    pub const fn checksum(self) -> u16 {
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        !(sum as u16)
    }
}

/// The checksum of a packet in which the word `old` became `new` (RFC 1624, equation 3).
///
/// ```
/// use sortie_scanners::wire::update;
///
/// // The example of RFC 1624, section 4, which its predecessor got wrong.
/// assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
/// ```
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    Sum::ZERO.word(!checksum).word(!old).word(new).checksum()
}
