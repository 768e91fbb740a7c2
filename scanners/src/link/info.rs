//! What a link is, and what it counted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A hardware address of Ethernet (EUI-48).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whence and whither frames go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkInfo {
    /// The interface.
    pub name: String,
    /// Our hardware address.
    pub mac: MacAddr,
    /// The longest IP packet that fits, in bytes.
    pub mtu: u32,
    /// How IPv4 goes, if it does.
    pub v4: Option<Path<Ipv4Addr>>,
    /// How IPv6 goes, if it does.
    pub v6: Option<Path<Ipv6Addr>>,
    /// Whether a SYN-ACK that nobody waits for is reset without our doing: by the kernel, where the
    /// address we send from is one of its own, or by the link.
    pub resets: bool,
    /// The target that the way was found to, if it is on the link itself: frames go to that one,
    /// and to no other target.
    pub neighbour: Option<IpAddr>,
}

impl LinkInfo {
    /// A link that goes nowhere yet and resets nothing, with an MTU of 1,500 bytes.
    pub fn new(name: impl Into<String>, mac: MacAddr) -> Self {
        Self {
            name: name.into(),
            mac,
            mtu: 1500,
            v4: None,
            v6: None,
            resets: false,
            neighbour: None,
        }
    }
}

/// The way out for one version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<A> {
    /// The address to send from.
    pub source: A,
    /// The hardware address that every frame is sent to: the gateway's, or the target's own.
    pub next_hop: MacAddr,
}

/// What the receiving end counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkCounters {
    /// Frames that the filter admitted, those that were dropped included.
    pub admitted: u64,
    /// Of these, the ones dropped because the receiver was too slow to make room.
    pub dropped: u64,
}

impl LinkCounters {
    /// So many admitted, so many of them dropped.
    pub fn new(admitted: u64, dropped: u64) -> Self {
        Self { admitted, dropped }
    }
}
