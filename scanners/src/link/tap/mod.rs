//! Listening in on a link.

mod pcap;
mod text;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub use pcap::PcapTap;
pub use text::TextTap;

use super::{
    Arrival, Batch, Clock, Filter, Link, LinkCounters, LinkError, LinkInfo, Moment, Receive,
    Transmit,
};

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// We sent it.
    Out,
    /// We received it.
    In,
}

/// Sees every frame of a [`Tapped`] link, from whichever thread sends or receives it.
pub trait Tap: Send + Sync {
    /// A frame was sent or received at `at`. Must not block for long: the link waits.
    fn frame(&self, way: Way, at: Moment, frame: &[u8]);
}

/// A link that shows every frame to a [`Tap`] and is otherwise the link inside.
///
/// Frames that the link inside did not take are not shown, and those that it received are shown
/// before they are handed over.
///
/// ```
/// use std::sync::Arc;
/// use sortie_scanners::link::{
///     Batch, Link, LinkInfo, MacAddr, MemoryLink, MemoryNetwork, Moment, Tapped, TextTap,
/// };
///
/// let far = |_: Moment, _: &[u8], _: &mut dyn FnMut(&[u8])| ();
/// let info = LinkInfo::new("memory", MacAddr::default());
/// let link = MemoryLink::new(info, MemoryNetwork::default(), far);
/// let tap = Arc::new(TextTap::new(Vec::new()));
/// let tapped = Tapped::new(link, Arc::clone(&tap));
///
/// let mut batch = Batch::new(1, 64);
/// batch.set(0, &[0xff; 14]);
/// tapped.transmit()?.send(&batch, 0..1)?;
/// let text = String::from_utf8(tap.finish()?)?;
/// assert_eq!(text, "0.000000000 > ethernet type 0xffff, 14 bytes\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tapped<L, T> {
    link: L,
    tap: Arc<T>,
}

impl<L: Link, T: Tap> Tapped<L, T> {
    /// Shows the frames of `link` to `tap`.
    pub fn new(link: L, tap: Arc<T>) -> Self {
        Self { link, tap }
    }
}

impl<L: Link, T: Tap + 'static> Link for Tapped<L, T> {
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError> {
        Ok(Box::new(TappedTransmit {
            inner: self.link.transmit()?,
            clock: self.link.clock(),
            tap: Arc::clone(&self.tap),
        }))
    }

    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError> {
        Ok(Box::new(TappedReceive {
            inner: self.link.receive(filter)?,
            tap: Arc::clone(&self.tap),
        }))
    }

    fn describe(&self) -> LinkInfo {
        self.link.describe()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.link.clock()
    }
}

struct TappedTransmit<T> {
    inner: Box<dyn Transmit>,
    clock: Arc<dyn Clock>,
    tap: Arc<T>,
}

impl<T: Tap> Transmit for TappedTransmit<T> {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<usize, LinkError> {
        let sent = self.inner.send(batch, range.clone())?;
        let now = self.clock.now();
        for frame in range.take(sent).map(|index| batch.slot(index)) {
            if !frame.is_empty() {
                self.tap.frame(Way::Out, now, frame);
            }
        }
        Ok(sent)
    }
}

struct TappedReceive<T> {
    inner: Box<dyn Receive>,
    tap: Arc<T>,
}

impl<T: Tap> Receive for TappedReceive<T> {
    fn receive(
        &mut self,
        timeout: Duration,
        each: &mut dyn FnMut(Arrival, &[u8]),
    ) -> Result<usize, LinkError> {
        self.inner.receive(timeout, &mut |arrival, frame| {
            self.tap.frame(Way::In, arrival.at, frame);
            each(arrival, frame);
        })
    }

    fn counters(&mut self) -> Result<LinkCounters, LinkError> {
        self.inner.counters()
    }
}
