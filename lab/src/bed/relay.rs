//! A network between the two sides, that takes its time and loses some.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, MsgFlags, recvfrom, sendto};

use super::error::BedError;
use super::namespace::Namespace;
use super::tap::{Packet, Tap, fill_checksum};

/// How a [`Bed::behind`](super::Bed::behind) treats what goes through.
///
/// Which packets are lost follows from the seed and from the packet: its addresses, ports and flags.
/// So a scan whose probes are the same loses the same, in whatever order they come; and a probe
/// that is sent again is lost again, unless it comes from another port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relay {
    /// How long a frame takes, each way; in steps of a millisecond, and longer on a busy machine.
    pub delay: Duration,
    /// The share of TCP segments and of ICMP errors that is lost, each way, from 0 to 1.
    pub loss: f64,
    /// What decides which.
    pub seed: u64,
}

/// The interfaces in the middle: towards the scanner, towards the far side.
pub(super) const INTERFACES: [&str; 2] = ["mid0", "mid1"];

/// Most frames that are under way; later ones are lost.
const MOST: usize = 1 << 17;

/// How soon it notices that it is to end.
const SOON: Duration = Duration::from_millis(20);

/// What the kernel calls a frame that leaves (`PACKET_OUTGOING`).
const OUTGOING: u8 = 4;

/// Carries frames until it is dropped.
pub(super) struct Running {
    stop: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Carries frames between the two interfaces of `middle`.
    pub(super) fn start(relay: Relay, middle: &Namespace) -> Result<Self, BedError> {
        let tap = Tap::open(middle)?;
        let ends = middle.enter(|| INTERFACES.map(address));
        let [Some(near), Some(far)] = ends else {
            return Err(BedError::Unreadable { program: "ip" });
        };
        let (stop, lost) = (Arc::default(), Arc::default());
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&lost));
        let carry = move || carry(relay, &tap, [near, far], &stopped, &count);
        Ok(Self {
            stop,
            lost,
            thread: Some(thread::spawn(carry)),
        })
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It ends by itself; had it panicked, the scan through it would have found nothing.
            let _ = thread.join();
        }
    }
}

fn address(interface: &str) -> Option<LinkAddr> {
    let mut all = getifaddrs().ok()?;
    all.find_map(|one| {
        let link = one.address.as_ref()?.as_link_addr().copied();
        link.filter(|_| one.interface_name == interface)
    })
}

struct Frame {
    due: Instant,
    to: LinkAddr,
    bytes: Vec<u8>,
}

fn carry(relay: Relay, tap: &Tap, ends: [LinkAddr; 2], stop: &AtomicBool, lost: &AtomicU64) {
    // All take as long, so they leave in the order in which they came.
    let mut waiting: VecDeque<Frame> = VecDeque::new();
    let mut buffer = vec![0; 1 << 16];
    while !stop.load(Ordering::Relaxed) {
        while let Ok((len, Some(from))) = recvfrom::<LinkAddr>(tap.fd(), &mut buffer) {
            let [near, far] = ends;
            let to = match from.ifindex() {
                index if index == near.ifindex() => far,
                index if index == far.ifindex() => near,
                _ => continue,
            };
            let Some(frame) = buffer.get_mut(..len).filter(|_| from.pkttype() != OUTGOING) else {
                continue;
            };
            let packet = Packet::of(frame);
            if packet.is_some_and(|packet| relay.loses(&packet)) || waiting.len() >= MOST {
                lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            fill_checksum(frame);
            waiting.push_back(Frame {
                due: Instant::now() + relay.delay,
                to,
                bytes: frame.to_vec(),
            });
        }
        let now = Instant::now();
        while let Some(frame) = waiting.pop_front_if(|frame| frame.due <= now) {
            // A link that is down, or full, loses it; so does a network.
            let _ = sendto(tap.fd(), &frame.bytes, &frame.to, MsgFlags::empty());
        }
        let next = waiting.front().map_or(SOON, |frame| frame.due - now);
        let _ = tap.wait(next.min(SOON));
    }
}

impl Relay {
    fn loses(&self, packet: &Packet) -> bool {
        let mut hash = mix(self.seed);
        for addr in [packet.from, packet.to] {
            let bits = match addr {
                std::net::IpAddr::V4(v4) => u128::from(v4.to_bits()),
                std::net::IpAddr::V6(v6) => v6.to_bits(),
            };
            hash = mix(mix(hash ^ bits as u64) ^ (bits >> 64) as u64);
        }
        let [source, destination] = packet.ports.map(u64::from);
        let what = u64::from(packet.protocol) << 8 | u64::from(packet.flags);
        hash = mix(hash ^ (what << 32 | source << 16 | destination));
        // The upper 53 bits are a number from 0 to 1.
        ((hash >> 11) as f64) < self.loss * (1u64 << 53) as f64
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
