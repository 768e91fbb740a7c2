//! Which frames may be answers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Which frames a receiving end hands over: TCP to our addresses and ports, and the errors of ICMP
/// to our addresses. A real link has the kernel apply it, so that other traffic costs nothing.
///
/// It is coarse, and made to be fast: what passes is still to be proven an answer. A frame that
/// carries a VLAN tag inside is admitted unseen. Later fragments are refused, and so is IPv6 with
/// extension headers, which no answer to a SYN has.
///
/// ```
/// use sortie_scanners::link::Filter;
///
/// let filter = Filter { v4: Some("192.0.2.1".parse()?), ..Filter::new(40_000..=40_255) };
/// assert!(!filter.admits(b"too short to be anything"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Our IPv4 address; without one, no IPv4 is admitted.
    pub v4: Option<Ipv4Addr>,
    /// Our IPv6 address; without one, no IPv6 is admitted.
    pub v6: Option<Ipv6Addr>,
    /// The ports we send from.
    pub ports: RangeInclusive<u16>,
}

impl Filter {
    /// Admits nothing, until an address is given.
    pub fn new(ports: RangeInclusive<u16>) -> Self {
        Self {
            v4: None,
            v6: None,
            ports,
        }
    }

    /// Whether `frame` passes: the rule that the kernel's program is tested against.
    pub fn admits(&self, frame: &[u8]) -> bool {
        self.judge(frame).unwrap_or(false)
    }

    /// `None` when the frame ends too early.
    fn judge(&self, frame: &[u8]) -> Option<bool> {
        let kind = u16_at(frame, 12)?;
        let packet = frame.get(14..)?;
        Some(match kind {
            VLAN => true,
            IPV4 => {
                let ours = bytes_at::<4>(packet, 16)? == self.v4?.octets();
                let later_fragment = u16_at(packet, 6)? & 0x1fff != 0;
                let header = usize::from(*packet.first()? & 0x0f) * 4;
                ours && !later_fragment
                    && match *packet.get(9)? {
                        TCP => self.ports.contains(&u16_at(packet, header + 2)?),
                        // Destination unreachable, time exceeded, parameter problem (RFC 792).
                        ICMP => matches!(*packet.get(header)?, 3 | 11 | 12),
                        _ => false,
                    }
            }
            IPV6 => {
                let ours = bytes_at::<16>(packet, 24)? == self.v6?.octets();
                ours && match *packet.get(6)? {
                    TCP => self.ports.contains(&u16_at(packet, 42)?),
                    // The errors of RFC 4443, section 3.
                    ICMPV6 => matches!(*packet.get(40)?, 1..=4),
                    _ => false,
                }
            }
            _ => false,
        })
    }
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_be_bytes)
}
