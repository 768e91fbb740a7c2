//! Packets as bytes: views of what comes, templates of what goes.
//!
//! The views are read-only, borrow the frame, and take nothing on trust: a length that points past
//! the end, a version that is no version or a checksum that is wrong is [`Malformed`], never a
//! panic. A view holds decoded fields, so looking at one twice costs nothing.
//!
//! ```
//! use sortie_scanners::wire::{EtherType, Ethernet, Ipv4, Malformed};
//!
//! let frame = [0; 60];
//! let ethernet = Ethernet::parse(&frame)?;
//! assert_eq!(ethernet.kind, EtherType(0));
//! assert!(matches!(Ipv4::parse(ethernet.payload), Err(Malformed::Version { .. })));
//! # Ok::<(), Malformed>(())
//! ```

mod checksum;
mod error;
mod eth;
mod icmp;
mod icmpv6;
mod ipv4;
mod ipv6;
mod tcp;
mod template;
mod vlan;

pub use checksum::{Sum, update};
pub use error::{Layer, Malformed};
pub use eth::{EtherType, Ethernet};
pub use icmp::Icmp;
pub use icmpv6::Icmpv6;
pub use ipv4::Ipv4;
pub use ipv6::Ipv6;
pub use tcp::{Tcp, TcpFlags};
pub use template::{Fields, TcpHeader, TcpTemplate};

/// IP protocol numbers (IANA) that are read here.
pub mod protocol {
    /// ICMP, RFC 792.
    pub const ICMP: u8 = 1;
    /// TCP, RFC 9293.
    pub const TCP: u8 = 6;
    /// ICMPv6, RFC 4443.
    pub const ICMPV6: u8 = 58;
}

/// The `N` bytes at `at`, if there are that many.
fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
