//! Answers taken in the driver, before the kernel makes anything of them (XDP).

mod assembler;
mod program;
mod sys;

use std::io;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use crate::link::{Arrival, Clock as _, Moment, MonotonicClock};

use program::{FRAME_AT, LEN_AT, compile};
use sys::{Attached, Ring, attach, monotonic_nanos};

/// Where answers are taken out of the interface.
///
/// The kernel's part in an answer costs several times as much as a probe: it makes a packet of it,
/// finds no connection, and sends an RST. A program of 90 instructions in the driver spares all of
/// it: it puts the answer into a ring and turns a SYN-ACK into its RST on the spot. What the program
/// does not know (ICMP, IPv6, IPv4 with options, fragments) goes the usual way, and is received
/// all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interception {
    /// Nowhere: answers are copied on their way through the kernel, which resets what it does not
    /// know. Needs CAP_NET_RAW alone.
    #[default]
    Off,
    /// Before the kernel's network code, for every driver. Needs CAP_NET_ADMIN and CAP_BPF, Linux
    /// 5.18, and an interface that has no such program yet.
    Generic,
    /// In the driver itself, where it can: that is where most is saved. A virtual Ethernet
    /// interface sends the RST only if its peer takes frames from drivers, so use
    /// [`Generic`](Self::Generic) there if in doubt.
    Native,
}

/// A program that takes answers, and the ring that it puts them into.
pub(super) struct Interceptor {
    /// Before the ring, so that nobody writes there any more.
    _attached: Attached,
    ring: Ring,
    clock: MonotonicClock,
    taken: u64,
}

impl Interceptor {
    pub(super) fn attach(
        interface: u32,
        native: bool,
        address: Ipv4Addr,
        ports: &RangeInclusive<u16>,
        ring_bytes: usize,
        clock: MonotonicClock,
    ) -> io::Result<Self> {
        let ring = Ring::new(ring_bytes)?;
        let program = compile(ring.descriptor(), address, ports);
        Ok(Self {
            _attached: attach(&program, interface, native)?,
            ring,
            clock,
            taken: 0,
        })
    }

    /// Hands over what is there; returns how many.
    pub(super) fn drain(&mut self, each: &mut dyn FnMut(Arrival, &[u8])) -> usize {
        let clock = self.clock;
        let mut epoch = None;
        let count = self.ring.drain(|record| {
            let epoch = *epoch
                .get_or_insert_with(|| monotonic_nanos().saturating_sub(clock.now().as_nanos()));
            if let Some((nanos, frame)) = read(record) {
                let at = Moment::from_nanos(nanos.saturating_sub(epoch));
                each(Arrival::new(at), frame);
            }
        });
        self.taken += count as u64;
        count
    }

    /// How many were handed over.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }
}

/// The time and the frame of a record.
fn read(record: &[u8]) -> Option<(u64, &[u8])> {
    let word = |at| Some(u64::from_ne_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let len = usize::try_from(word(LEN_AT)?).ok()?;
    Some((word(0)?, record.get(FRAME_AT..)?.get(..len)?))
}
