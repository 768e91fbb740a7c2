//! Frames into a file that other programs read.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::link::Moment;

use super::{Tap, Way};

/// The magic number of the classic format with nanoseconds, written in our byte order.
const MAGIC: u32 = 0xa1b2_3c4d;
const VERSION: [u16; 2] = [2, 4];
const ETHERNET: u32 = 1;
/// The longest frame that the header promises.
const SNAP_LEN: usize = 65_535;

/// Writes frames in the classic pcap format, with nanoseconds, as Wireshark and tcpdump read it.
///
/// Times are of the link's clock, on top of what [`PcapTap::new`] was given. After the first error,
/// and past the limit, nothing more is written; [`PcapTap::finish`] tells.
///
/// ```
/// use std::time::Duration;
/// use sortie_scanners::link::{Moment, PcapTap, Tap, Way};
///
/// let tap = PcapTap::new(Vec::new(), Duration::ZERO, 1 << 20);
/// tap.frame(Way::Out, Moment::from_nanos(7), &[0; 60]);
/// let (file, left_out) = tap.finish()?;
/// assert_eq!(file.len(), 24 + 16 + 60);
/// assert_eq!(left_out, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PcapTap<W> {
    state: Mutex<State<W>>,
    epoch: Duration,
    limit: u64,
}

struct State<W> {
    writer: Option<W>,
    written: u64,
    left_out: u64,
    failed: Option<io::Error>,
}

impl<W: Write> PcapTap<W> {
    /// Writes at most `limit` bytes to `writer`, which should be buffered. `epoch` is the time
    /// since 1970 at which the link's clock showed zero; only readers care.
    pub fn new(writer: W, epoch: Duration, limit: u64) -> Self {
        let mut state = State {
            writer: Some(writer),
            written: 0,
            left_out: 0,
            failed: None,
        };
        let header = [
            &MAGIC.to_ne_bytes()[..],
            &VERSION.map(u16::to_ne_bytes).concat(),
            // Zone and accuracy: nobody fills them in.
            &[0; 8],
            &(SNAP_LEN as u32).to_ne_bytes(),
            &ETHERNET.to_ne_bytes(),
        ];
        state.write(&header.concat());
        Self {
            state: Mutex::new(state),
            epoch,
            limit,
        }
    }

    /// Flushes, and gives back the writer and the number of frames that were left out because of
    /// the limit. Frames that come later are left out as well.
    ///
    /// # Errors
    ///
    /// The first error of the writer, in whichever call it happened; `NotConnected` when this was
    /// called before.
    pub fn finish(&self) -> io::Result<(W, u64)> {
        let mut state = self.lock();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        let mut writer = state.writer.take().ok_or(io::ErrorKind::NotConnected)?;
        writer.flush()?;
        Ok((writer, state.left_out))
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        // A writer that panicked wrote half a record at worst, and is not the reader's fault.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> State<W> {
    fn write(&mut self, bytes: &[u8]) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        match writer.write_all(bytes) {
            Ok(()) => self.written += bytes.len() as u64,
            Err(error) => {
                self.failed = Some(error);
                self.writer = None;
            }
        }
    }
}

impl<W: Write + Send> Tap for PcapTap<W> {
    fn frame(&self, _: Way, at: Moment, frame: &[u8]) {
        let at = self.epoch + Duration::from_nanos(at.as_nanos());
        let kept = frame.get(..SNAP_LEN).unwrap_or(frame);
        // The format holds seconds until 2106.
        let fields = [
            at.as_secs() as u32,
            at.subsec_nanos(),
            kept.len() as u32,
            u32::try_from(frame.len()).unwrap_or(u32::MAX),
        ];
        let record = [&fields.map(u32::to_ne_bytes).concat(), kept].concat();
        let mut state = self.lock();
        if state.writer.is_none() || state.written + record.len() as u64 > self.limit {
            state.left_out += 1;
            return;
        }
        state.write(&record);
    }
}
