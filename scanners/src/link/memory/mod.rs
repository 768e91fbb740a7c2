//! A link in memory: a far side, and what happens to frames on the way there and back.

mod ends;
mod impairment;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

pub use impairment::Impairment;
pub use wire::MemoryStats;

use super::{Clock, Filter, Link, LinkError, LinkInfo, Moment, Receive, Transmit, VirtualClock};
use ends::{MemoryReceive, MemoryTransmit};
use wire::Wire;

/// Whoever is at the other end. Closures `|now, frame, reply|` are far sides too.
pub trait FarSide: Send {
    /// A frame arrived at `now`. Each call of `reply` sends one back.
    fn answer(&mut self, now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8]));
}

impl<F: FnMut(Moment, &[u8], &mut dyn FnMut(&[u8])) + Send> FarSide for F {
    fn answer(&mut self, now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])) {
        self(now, frame, reply);
    }
}

/// How the network of a [`MemoryLink`] treats frames. The default is perfect and takes no time.
#[derive(Clone, Debug)]
pub struct MemoryNetwork {
    /// What every draw follows from: the same seed and the same calls give the same run.
    pub seed: u64,
    /// On the way to the far side.
    pub forth: Impairment,
    /// On the way back.
    pub back: Impairment,
    /// How many frames wait for a slow receiver before more are dropped and counted.
    pub ring: usize,
}

impl Default for MemoryNetwork {
    fn default() -> Self {
        Self {
            seed: 0,
            forth: Impairment::default(),
            back: Impairment::default(),
            ring: 1 << 16,
        }
    }
}

/// A link to a far side in the same process, in virtual time.
///
/// Time moves when the owner moves [`MemoryLink::clock`], or when a receiver waits: `receive` with
/// a timeout goes on to the next arrival, or to the end of the timeout, at once. Sending takes no
/// time. All ends of one link share one network, so with one thread a run is the same every time;
/// with several it is as ordered as they are.
///
/// ```
/// use std::time::Duration;
/// use sortie_scanners::link::{
///     Batch, Filter, Impairment, Link, LinkInfo, MacAddr, MemoryLink, MemoryNetwork, Moment,
/// };
///
/// // A far side that sends everything back, 10 ms away.
/// let network = MemoryNetwork {
///     forth: Impairment { delay: Duration::from_millis(10), ..Impairment::default() },
///     ..MemoryNetwork::default()
/// };
/// let link = MemoryLink::new(
///     LinkInfo::new("memory", MacAddr([2, 0, 0, 0, 0, 1])),
///     network,
///     |_: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| reply(frame),
/// );
/// let mut batch = Batch::new(1, 64);
/// let mut frame = [0; 60];
/// frame[12..14].copy_from_slice(&[0x81, 0x00]); // tagged frames pass every filter
/// batch.set(0, &frame);
///
/// let mut receive = link.receive(&Filter::new(0..=0))?;
/// assert_eq!(link.transmit()?.send(&batch, 0..1)?, 1);
/// let mut came = None;
/// receive.receive(Duration::from_secs(1), &mut |arrival, _| came = Some(arrival.at))?;
/// assert_eq!(came, Some(Moment::ZERO + Duration::from_millis(10)));
/// # Ok::<(), sortie_scanners::link::LinkError>(())
/// ```
#[derive(Clone)]
pub struct MemoryLink {
    info: LinkInfo,
    clock: VirtualClock,
    wire: Arc<Mutex<Wire>>,
}

impl MemoryLink {
    /// A link that describes itself as `info`, over `network`, to `far`.
    pub fn new(info: LinkInfo, network: MemoryNetwork, far: impl FarSide + 'static) -> Self {
        Self {
            info,
            clock: VirtualClock::default(),
            wire: Arc::new(Mutex::new(Wire::new(network, Box::new(far)))),
        }
    }

    /// The clock of this link, to move it.
    pub fn virtual_clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// When the next frame arrives, at either side, if one is under way.
    pub fn next_event(&self) -> Option<Moment> {
        lock(&self.wire).next_event()
    }

    /// What became of the frames so far.
    pub fn stats(&self) -> MemoryStats {
        lock(&self.wire).stats()
    }
}

impl Link for MemoryLink {
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError> {
        Ok(Box::new(MemoryTransmit {
            clock: self.clock.clone(),
            wire: Arc::clone(&self.wire),
        }))
    }

    /// All receiving ends of one link take from one store: open one.
    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError> {
        lock(&self.wire).listen(filter.clone());
        Ok(Box::new(MemoryReceive {
            clock: self.clock.clone(),
            wire: Arc::clone(&self.wire),
        }))
    }

    fn describe(&self) -> LinkInfo {
        self.info.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }
}

/// A far side that panicked leaves the wire as it was before that frame, so it may be used on.
fn lock(wire: &Mutex<Wire>) -> std::sync::MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}
