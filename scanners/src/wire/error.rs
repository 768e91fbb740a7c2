//! What is wrong with a packet.

use std::fmt;

/// A packet that cannot be read, and why. It says something about whoever sent it, or about the
/// way here; nobody on this side can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It ends before the header does, or before the length in the header.
    #[error("the {0} header is cut off")]
    Truncated(Layer),
    /// The version in the IP header is another.
    #[error("IP version {found} where {expected} was announced")]
    Version {
        /// What the layer below announced.
        expected: u8,
        /// What the header says.
        found: u8,
    },
    /// The header gives itself or its packet a length that cannot be.
    #[error("the {0} header has an impossible length")]
    Length(Layer),
    /// The checksum is wrong.
    #[error("the {0} checksum is wrong")]
    Checksum(Layer),
    /// It is a fragment; fragments are not put together again.
    #[error("it is a fragment")]
    Fragment,
}

/// A protocol layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// Ethernet, VLAN tags included.
    Ethernet,
    /// IPv4.
    Ipv4,
    /// IPv6, extension headers included.
    Ipv6,
    /// TCP.
    Tcp,
    /// ICMP.
    Icmp,
    /// ICMPv6.
    Icmpv6,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ethernet => "Ethernet",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Tcp => "TCP",
            Self::Icmp => "ICMP",
            Self::Icmpv6 => "ICMPv6",
        })
    }
}
