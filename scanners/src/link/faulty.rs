//! A link that misbehaves, by a seed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::dice::Dice;
use super::{
    Arrival, Batch, Clock, Filter, Link, LinkCounters, LinkError, LinkInfo, Receive, Transmit,
};

/// How often a [`Faulty`] link misbehaves, each as the probability of a single call or frame.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// What every draw follows from.
    pub seed: u64,
    /// Sending takes none of the frames.
    pub full: f64,
    /// Sending takes only some of the frames.
    pub short: f64,
    /// A frame that comes is cut short.
    pub cut: f64,
    /// A bit of a frame that comes is turned over.
    pub flip: f64,
    /// A frame that comes is handed over twice.
    pub twice: f64,
    /// A frame that comes is not handed over.
    pub lose: f64,
}

/// A link that misbehaves as [`Faults`] say, and is otherwise the link inside. What a network does
/// to frames on their way is better told to a [`MemoryLink`](super::MemoryLink); this is for what
/// an interface and hostile hosts do.
#[derive(Debug)]
pub struct Faulty<L> {
    link: L,
    faults: Faults,
    /// Each end has draws of its own.
    opened: AtomicU64,
}

impl<L: Link> Faulty<L> {
    /// Adds `faults` to `link`.
    pub fn new(link: L, faults: Faults) -> Self {
        Self {
            link,
            faults,
            opened: AtomicU64::new(0),
        }
    }

    fn dice(&self) -> Dice {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        Dice::new(self.faults.seed).split(number)
    }
}

impl<L: Link> Link for Faulty<L> {
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError> {
        Ok(Box::new(FaultyTransmit {
            inner: self.link.transmit()?,
            faults: self.faults.clone(),
            dice: self.dice(),
        }))
    }

    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError> {
        Ok(Box::new(FaultyReceive {
            inner: self.link.receive(filter)?,
            faults: self.faults.clone(),
            dice: self.dice(),
            spoilt: Vec::new(),
        }))
    }

    fn describe(&self) -> LinkInfo {
        self.link.describe()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.link.clock()
    }
}

struct FaultyTransmit {
    inner: Box<dyn Transmit>,
    faults: Faults,
    dice: Dice,
}

impl Transmit for FaultyTransmit {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<usize, LinkError> {
        if self.dice.chance(self.faults.full) {
            return Ok(0);
        }
        let mut end = range.end;
        if self.dice.chance(self.faults.short) && !range.is_empty() {
            end = range.start + 1 + self.dice.below(range.len() as u64) as usize;
        }
        self.inner.send(batch, range.start..end)
    }
}

struct FaultyReceive {
    inner: Box<dyn Receive>,
    faults: Faults,
    dice: Dice,
    spoilt: Vec<u8>,
}

impl Receive for FaultyReceive {
    fn receive(
        &mut self,
        timeout: Duration,
        each: &mut dyn FnMut(Arrival, &[u8]),
    ) -> Result<usize, LinkError> {
        let Self {
            inner,
            faults,
            dice,
            spoilt,
        } = self;
        let mut count = 0;
        inner.receive(timeout, &mut |arrival, frame| {
            if dice.chance(faults.lose) {
                return;
            }
            spoilt.clear();
            spoilt.extend_from_slice(frame);
            if dice.chance(faults.cut) {
                spoilt.truncate(dice.below(frame.len() as u64) as usize);
            }
            if dice.chance(faults.flip) && !spoilt.is_empty() {
                let bit = dice.below(spoilt.len() as u64 * 8);
                if let Some(byte) = spoilt.get_mut((bit / 8) as usize) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            for _ in 0..1 + u8::from(dice.chance(faults.twice)) {
                each(arrival, spoilt);
                count += 1;
            }
        })?;
        Ok(count)
    }

    fn counters(&mut self) -> Result<LinkCounters, LinkError> {
        self.inner.counters()
    }
}
