//! A socket that sees every frame of a namespace, and what is read of a frame.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt,
};

use super::error::BedError;
use super::namespace::Namespace;

/// Room for frames that were not taken yet, in bytes as the kernel counts them.
const BUFFER: usize = 256 << 20;

/// TCP and both versions of ICMP, as IP numbers them.
const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Sees every frame on every interface of a namespace, those that leave included.
pub(super) struct Tap(OwnedFd);

impl Tap {
    pub(super) fn open(side: &Namespace) -> Result<Self, BedError> {
        let opened = side.enter(|| -> nix::Result<OwnedFd> {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let kind = SockType::Raw;
            let fd = socket(AddressFamily::Packet, kind, flags, SockProtocol::EthAll)?;
            setsockopt(&fd, sockopt::RcvBufForce, &BUFFER)?;
            setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
            Ok(fd)
        });
        let failed = |error: nix::Error| BedError::Tap(error.into());
        opened.map(Self).map_err(failed)
    }

    pub(super) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Waits for a frame, at most so long; in steps of a millisecond.
    pub(super) fn wait(&self, most: Duration) -> io::Result<bool> {
        let most = PollTimeout::try_from(most).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, most) {
            Ok(ready) => Ok(ready > 0),
            Err(nix::Error::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// What tells one packet of a scan from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) protocol: u8,
    /// Source and destination; of an error, those of the packet that it quotes.
    pub(super) ports: [u16; 2],
    /// The flags of TCP; of an error, 0.
    pub(super) flags: u8,
}

impl Packet {
    /// The flag of a segment that opens a connection, and nothing else.
    pub(super) const SYN: u8 = 2;

    /// Reads a frame. `None` for what is neither TCP nor an error of ICMP, and for IPv6 with
    /// extension headers, which nobody here sends.
    pub(super) fn of(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(14..)?;
        let (from, to, protocol, rest) = addresses(ip)?;
        let (ports, flags) = match protocol {
            TCP => (ports(rest)?, *rest.get(13)?),
            ICMP if rest.first() == Some(&3) => (quoted(rest)?, 0),
            ICMPV6 if rest.first() == Some(&1) => (quoted(rest)?, 0),
            _ => return None,
        };
        Some(Self {
            from,
            to,
            protocol,
            ports,
            flags,
        })
    }

    pub(super) fn is_syn(&self) -> bool {
        self.protocol == TCP && self.flags == Self::SYN
    }
}

/// Whence, whither, what is inside, and where it starts.
fn addresses(ip: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    let v4 = |at: usize| Some(Ipv4Addr::from(*ip.get(at..)?.first_chunk::<4>()?));
    let v6 = |at: usize| Some(Ipv6Addr::from(*ip.get(at..)?.first_chunk::<16>()?));
    match ip.first()? >> 4 {
        4 => {
            let header = usize::from(ip.first()? & 0x0f) * 4;
            Some((
                v4(12)?.into(),
                v4(16)?.into(),
                *ip.get(9)?,
                ip.get(header..)?,
            ))
        }
        6 => Some((v6(8)?.into(), v6(24)?.into(), *ip.get(6)?, ip.get(40..)?)),
        _ => None,
    }
}

fn ports(segment: &[u8]) -> Option<[u16; 2]> {
    let [a, b, c, d] = *segment.first_chunk()?;
    Some([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
}

/// The ports of the packet that an error quotes.
fn quoted(message: &[u8]) -> Option<[u16; 2]> {
    let (_, _, _, rest) = addresses(message.get(8..)?)?;
    ports(rest)
}

/// Fills in the checksum of a TCP segment: a kernel leaves it to hardware, of which a virtual link
/// has none, and a packet socket does not hand that on.
pub(super) fn fill_checksum(frame: &mut [u8]) {
    let Some(Packet {
        from,
        to,
        protocol: TCP,
        ..
    }) = Packet::of(frame)
    else {
        return;
    };
    let (start, len) = match (frame.get(14), frame.get(16..18), frame.get(18..20)) {
        (Some(first), Some(total), Some(payload)) => match first >> 4 {
            4 => {
                let header = usize::from(first & 0x0f) * 4;
                (14 + header, be16(total).saturating_sub(header))
            }
            _ => (54, be16(payload)),
        },
        _ => return,
    };
    let Some(segment) = frame.get_mut(start..start + len).filter(|s| s.len() >= 20) else {
        return;
    };
    segment[16..18].fill(0);
    let pseudo = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum(&from.octets()) + sum(&to.octets()),
        _ => return,
    };
    // At most 64 Ki words, so nothing overflows.
    let mut total = pseudo + u32::from(TCP) + len as u32 + sum(segment);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    segment[16..18].copy_from_slice(&(!(total as u16)).to_be_bytes());
}

fn be16(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | usize::from(byte))
}

fn sum(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    };
    bytes.chunks(2).map(word).sum()
}
