//! Whether frames can leave an interface at all.

use std::time::{Duration, Instant};

use crate::link::LinkError;

use super::AfPacket;
use super::netlink::Netlink;

/// How often the kernel is asked at most.
const EVERY: Duration = Duration::from_millis(50);

/// Knows whether an interface is up, with a carrier.
///
/// A cable that is pulled is no error of a send: past the queueing discipline the frame is dropped
/// as if a queue were full (ENOBUFS). Only an interface that is set down gives ENETDOWN, and that
/// once. So the kernel is asked.
pub(super) struct Carrier {
    netlink: Netlink,
    index: u32,
    interface: String,
    down: bool,
    asked: Option<Instant>,
}

impl Carrier {
    pub(super) fn open(link: &AfPacket) -> Result<Self, LinkError> {
        Ok(Self {
            netlink: Netlink::open()?,
            index: link.interface,
            interface: link.info.name.clone(),
            down: false,
            asked: None,
        })
    }

    /// Refuses a link that is down, or was 50 ms ago.
    pub(super) fn check(&mut self) -> Result<(), LinkError> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= EVERY) {
            self.asked = Some(Instant::now());
            match self.netlink.interface(self.index) {
                Ok(interface) => self.down = !interface.carrier,
                Err(error @ LinkError::NoInterface(_)) => return Err(error),
                // It was not told that it is down.
                Err(_) => self.down = false,
            }
        }
        match self.down {
            true => Err(LinkError::Down(self.interface.clone())),
            false => Ok(()),
        }
    }
}
