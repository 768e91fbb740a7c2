//! The two ends of a real interface.

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::link::{
    Arrival, Batch, Clock as _, Filter, LinkCounters, LinkError, Moment, MonotonicClock, Receive,
    Transmit,
};

use super::AfPacket;
use super::carrier::Carrier;
use super::intercept::{Interception, Interceptor};
use super::program::compile;
use super::sys::{ALL, Headers, PacketSocket, Ring};

/// Frames in one system call. More save nothing that can be measured.
const BURST: usize = 256;
/// Room for frames that wait for the driver.
const SEND_BUFFER: i32 = 4 << 20;

pub(super) struct Sender {
    socket: PacketSocket,
    headers: Headers,
    interface: String,
    carrier: Carrier,
}

impl Sender {
    pub(super) fn open(link: &AfPacket) -> Result<Self, LinkError> {
        let socket = open_socket()?;
        // Both only make it faster; a kernel that does neither sends all the same.
        let _ = socket.bypass_queue();
        let _ = socket.send_buffer(SEND_BUFFER);
        bind(&socket, link, 0)?;
        Ok(Self {
            socket,
            headers: Headers::new(BURST),
            interface: link.info.name.clone(),
            carrier: Carrier::open(link)?,
        })
    }
}

impl Transmit for Sender {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<usize, LinkError> {
        let mut next = range.start;
        while next < range.end {
            if batch.slot(next).is_empty() {
                next += 1;
                continue;
            }
            // The kernel refuses a frame without bytes, so a burst ends before one.
            let burst = next..range.end.min(next + BURST);
            let filled = burst.take_while(|&index| !batch.slot(index).is_empty());
            let filled = next..next + filled.count();
            match self.socket.send_batch(&mut self.headers, batch, filled) {
                Ok(0) => break,
                Ok(sent) => next += sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) => {
                    // So it is where the cable was pulled, for ever.
                    if next == range.start {
                        self.carrier.check()?;
                    }
                    break;
                }
                // Told by the next call, which meets it first.
                Err(_) if next > range.start => break,
                Err(source) => return Err(failed("sending frames", &self.interface, source)),
            }
        }
        Ok(next - range.start)
    }
}

/// Whether the system had no room for the frame now.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// An answer in the interceptor's ring wakes nobody; this is how long it waits at most.
const LOOK: Duration = Duration::from_millis(1);

/// A longer wait is cut to this: the clock of the system ends.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) struct Receiver {
    interceptor: Option<Interceptor>,
    /// Before the socket, so that the mapping goes first.
    ring: Ring,
    socket: PacketSocket,
    interface: String,
    carrier: Carrier,
    clock: MonotonicClock,
    counters: LinkCounters,
}

impl Receiver {
    pub(super) fn open(link: &AfPacket, filter: &Filter) -> Result<Self, LinkError> {
        let socket = open_socket()?;
        // A sender on the same interface would otherwise pay for a copy of each frame it sends.
        socket
            .ignore_outgoing()
            .map_err(system("leaving out our own frames (Linux 4.20 or newer)"))?;
        // The filter before the socket is bound: what does not pass is never queued.
        socket
            .attach(&compile(filter))
            .map_err(system("attaching the filter"))?;
        let ring = Ring::new(&socket, link.ring_bytes)
            .map_err(system("making the receive ring (is there memory for it?)"))?;
        // All protocols: a socket for one of them comes after rules that drop at ingress.
        bind(&socket, link, ALL)?;
        // Last, so that what it does not take finds the socket open.
        let interceptor = intercept(link, filter)?;
        Ok(Self {
            interceptor,
            ring,
            socket,
            interface: link.info.name.clone(),
            carrier: Carrier::open(link)?,
            clock: link.clock,
            counters: LinkCounters::default(),
        })
    }
}

impl Receive for Receiver {
    fn receive(
        &mut self,
        timeout: Duration,
        each: &mut dyn FnMut(Arrival, &[u8]),
    ) -> Result<usize, LinkError> {
        let end = Instant::now() + timeout.min(LONGEST);
        loop {
            let count = self.drain(each);
            let left = end.saturating_duration_since(Instant::now());
            if count > 0 {
                return Ok(count);
            }
            if left.is_zero() {
                // The socket is told once that the interface was set down, and never of a carrier
                // that is lost.
                self.carrier.check()?;
                return Ok(0);
            }
            let wait = match self.interceptor {
                Some(_) => left.min(LOOK),
                None => left,
            };
            self.socket
                .wait(wait)
                .map_err(|source| failed("waiting for frames", &self.interface, source))?;
        }
    }

    fn counters(&mut self) -> Result<LinkCounters, LinkError> {
        // Reading them sets the kernel's to zero.
        let (admitted, dropped) = self
            .socket
            .statistics()
            .map_err(system("reading the counters of the ring"))?;
        self.counters.admitted += u64::from(admitted);
        self.counters.dropped += u64::from(dropped);
        let taken = self.interceptor.as_ref().map_or(0, Interceptor::taken);
        let LinkCounters { admitted, dropped } = self.counters;
        Ok(LinkCounters::new(admitted + taken, dropped))
    }
}

impl Receiver {
    /// Takes the blocks that are ready, but no more than one round of the ring.
    fn drain(&mut self, each: &mut dyn FnMut(Arrival, &[u8])) -> usize {
        let mut count = match &mut self.interceptor {
            Some(interceptor) => interceptor.drain(each),
            None => 0,
        };
        let mut epoch = None;
        for _ in 0..self.ring.blocks() {
            let Some(block) = self.ring.next_block() else {
                break;
            };
            // Stamps are of the system's clock; both clocks are read once for all of them.
            let epoch = *epoch.get_or_insert_with(|| epoch_nanos(self.clock));
            for frame in block.frames() {
                let mut arrival =
                    Arrival::new(Moment::from_nanos(frame.nanos.saturating_sub(epoch)));
                arrival.vlan = frame.vlan;
                arrival.checksum_ready = frame.checksum_ready;
                each(arrival, frame.bytes);
                count += 1;
            }
        }
        count
    }
}

fn intercept(link: &AfPacket, filter: &Filter) -> Result<Option<Interceptor>, LinkError> {
    let native = match link.interception {
        Interception::Off => return Ok(None),
        Interception::Generic => false,
        Interception::Native => true,
    };
    let Some(address) = filter.v4 else {
        return Ok(None);
    };
    let (ports, bytes) = (&filter.ports, link.ring_bytes);
    Interceptor::attach(link.interface, native, address, ports, bytes, link.clock)
        .map(Some)
        .map_err(|source| LinkError::Interception {
            interface: link.info.name.clone(),
            source,
        })
}

/// Where the zero of `clock` is, in nanoseconds since 1970.
fn epoch_nanos(clock: MonotonicClock) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    since.saturating_sub(clock.now().as_nanos())
}

/// A socket that is not bound yet.
pub(super) fn open_socket() -> Result<PacketSocket, LinkError> {
    PacketSocket::open().map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => LinkError::Forbidden,
        _ => LinkError::System {
            what: "opening a packet socket",
            source,
        },
    })
}

fn bind(socket: &PacketSocket, link: &AfPacket, protocol: u16) -> Result<(), LinkError> {
    socket
        .bind(link.interface, protocol)
        .map_err(|source| failed("binding to the interface", &link.info.name, source))
}

pub(super) fn failed(what: &'static str, interface: &str, source: io::Error) -> LinkError {
    match source.raw_os_error() {
        Some(libc::ENETDOWN) => LinkError::Down(interface.to_owned()),
        Some(libc::ENODEV | libc::ENXIO) => LinkError::NoInterface(interface.to_owned()),
        _ => LinkError::System { what, source },
    }
}

pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> LinkError {
    move |source| LinkError::System { what, source }
}
