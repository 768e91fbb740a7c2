//! Links: how frames leave and come.
//!
//! A [`Link`] opens two ends that share nothing: [`Transmit`], one for each sending thread, and
//! [`Receive`], which one thread owns. Frames are Ethernet frames without the check sequence. A
//! sender fills the slots of a [`Batch`] and hands over a range of them; slots keep what was
//! written, so a template is laid down once and patched for each probe.
//!
//! | link | what it is |
//! |---|---|
//! | `AfPacket` | an Ethernet interface of this machine (Linux) |
//! | [`MemoryLink`] | two ends in one process, with seeded loss, delay, duplication and rate limits, in virtual time |
//! | [`Tapped`] | any link, with a [`Tap`] on it: every frame into a pcap file, or as a line of text |
//! | [`Faulty`] | any link, with the faults of an interface and of hostile hosts |
//!
//! Time comes from the link too ([`Link::clock`]): arrivals are stamped by the clock that paces the
//! sender, which is the machine's for a real link and a [`VirtualClock`] for one in memory.

#[cfg(target_os = "linux")]
mod af_packet;
mod batch;
mod clock;
mod dice;
mod error;
mod faulty;
mod filter;
mod info;
mod memory;
mod tap;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub use af_packet::{AfPacket, AfPacketOptions, Interception};
pub use batch::Batch;
pub use clock::{Clock, Moment, MonotonicClock, VirtualClock};
pub use error::LinkError;
pub use faulty::{Faults, Faulty};
pub use filter::Filter;
pub use info::{LinkCounters, LinkInfo, MacAddr, Path};
pub use memory::{FarSide, Impairment, MemoryLink, MemoryNetwork, MemoryStats};
pub use tap::{PcapTap, Tap, Tapped, TextTap, Way};

/// Sends; one per sending thread.
pub trait Transmit: Send {
    /// Sends the frames of `range`, a range of slots of `batch`, in order. Returns how many of the
    /// first went out; 0 is no error: the link is full, and the same range may be tried later.
    /// Slots of length 0, and slots past the end of the batch, are not sent and count as gone.
    ///
    /// # Errors
    ///
    /// [`LinkError::Down`] and [`LinkError::System`], when the first frame of the range could not
    /// be sent. What went out before is reported first, and the error by the next call.
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<usize, LinkError>;
}

/// Receives; owned by one thread.
pub trait Receive: Send {
    /// Waits up to `timeout` for frames and hands each to `each`, with how it came. Returns how
    /// many; 0 after the timeout. Does not wait for more once there is one. A frame lives for the
    /// call of `each` only, and is as hostile as whoever sent it.
    ///
    /// # Errors
    ///
    /// [`LinkError::Down`] and [`LinkError::System`].
    fn receive(
        &mut self,
        timeout: Duration,
        each: &mut dyn FnMut(Arrival, &[u8]),
    ) -> Result<usize, LinkError>;

    /// Frames that passed the filter, and those of them that were dropped for want of room, since
    /// this end was opened.
    ///
    /// # Errors
    ///
    /// [`LinkError::System`].
    fn counters(&mut self) -> Result<LinkCounters, LinkError>;
}

/// Opens both ends, and says whence and whither frames go.
pub trait Link: Send + Sync {
    /// Opens an end to send with.
    ///
    /// # Errors
    ///
    /// [`LinkError::Forbidden`] without the privilege, [`LinkError::System`] otherwise.
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError>;

    /// Opens an end that receives what `filter` admits. Open it before the first frame is sent:
    /// what comes earlier is lost.
    ///
    /// # Errors
    ///
    /// [`LinkError::Forbidden`] without the privilege, [`LinkError::System`] otherwise.
    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError>;

    /// Addresses and next hops: what a template needs.
    fn describe(&self) -> LinkInfo;

    /// The clock that stamps what arrives.
    fn clock(&self) -> Arc<dyn Clock>;
}

impl<L: Link + ?Sized> Link for Arc<L> {
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError> {
        (**self).transmit()
    }

    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError> {
        (**self).receive(filter)
    }

    fn describe(&self) -> LinkInfo {
        (**self).describe()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }
}

/// How a frame came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// When, by the clock of the link.
    pub at: Moment,
    /// The VLAN tag control information, where the system took the tag out of the frame.
    pub vlan: Option<u16>,
    /// Whether the checksums in the frame are those that were, or would be, on the wire. Not so for
    /// a frame of another stack on this machine that leaves them to hardware which is not there.
    pub checksum_ready: bool,
}

impl Arrival {
    /// An untagged arrival of a frame as it was on the wire.
    pub fn new(at: Moment) -> Self {
        Self {
            at,
            vlan: None,
            checksum_ready: true,
        }
    }
}
