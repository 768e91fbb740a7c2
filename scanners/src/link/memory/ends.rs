//! The two ends of a link in memory.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::link::{
    Arrival, Batch, Clock as _, LinkCounters, LinkError, Receive, Transmit, VirtualClock,
};

use super::lock;
use super::wire::Wire;

pub(super) struct MemoryTransmit {
    pub(super) clock: VirtualClock,
    pub(super) wire: Arc<Mutex<Wire>>,
}

impl Transmit for MemoryTransmit {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<usize, LinkError> {
        let now = self.clock.now();
        let count = range.len();
        let mut wire = lock(&self.wire);
        for frame in range.map(|index| batch.slot(index)) {
            if !frame.is_empty() {
                wire.depart(now, frame);
            }
        }
        Ok(count)
    }
}

pub(super) struct MemoryReceive {
    pub(super) clock: VirtualClock,
    pub(super) wire: Arc<Mutex<Wire>>,
}

impl Receive for MemoryReceive {
    fn receive(
        &mut self,
        timeout: Duration,
        each: &mut dyn FnMut(Arrival, &[u8]),
    ) -> Result<usize, LinkError> {
        let end = self.clock.now() + timeout;
        loop {
            let now = self.clock.now();
            // The lock is not held while `each` runs: it may well send.
            let (arrived, next) = {
                let mut wire = lock(&self.wire);
                wire.settle(now);
                (wire.take(), wire.next_event())
            };
            if !arrived.is_empty() {
                for (at, frame) in &arrived {
                    each(Arrival::new(*at), frame);
                }
                return Ok(arrived.len());
            }
            match next {
                Some(next) if next <= end => self.clock.advance_to(next),
                _ => {
                    self.clock.advance_to(end);
                    return Ok(0);
                }
            }
        }
    }

    fn counters(&mut self) -> Result<LinkCounters, LinkError> {
        let stats = lock(&self.wire).stats();
        Ok(LinkCounters::new(
            stats.delivered + stats.overrun,
            stats.overrun,
        ))
    }
}
