//! Frames as lines to read.

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use crate::link::Moment;

use super::{Tap, Way};

/// Writes a line for each frame: when (seconds), which way, and what it is, as far as it can be
/// told. For eyes, not for programs: the form may change.
pub struct TextTap<W> {
    state: Mutex<io::Result<W>>,
}

impl<W: Write> TextTap<W> {
    /// Writes to `writer`, until that fails.
    pub fn new(writer: W) -> Self {
        Self {
            state: Mutex::new(Ok(writer)),
        }
    }

    /// Flushes and gives back the writer; lines that come later go nowhere.
    ///
    /// # Errors
    ///
    /// The first error of the writer; `NotConnected` when this was called before.
    pub fn finish(&self) -> io::Result<W> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = Err(io::ErrorKind::NotConnected.into());
        let mut writer = std::mem::replace(&mut *state, ended)?;
        writer.flush()?;
        Ok(writer)
    }
}

impl<W: Write + Send> Tap for TextTap<W> {
    fn frame(&self, way: Way, at: Moment, frame: &[u8]) {
        let arrow = match way {
            Way::Out => '>',
            Way::In => '<',
        };
        let nanos = at.as_nanos();
        let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let line = format!("{seconds}.{rest:09} {arrow} {}\n", Summary(frame));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(writer) = &mut *state
            && let Err(error) = writer.write_all(line.as_bytes())
        {
            *state = Err(error);
        }
    }
}

/// A frame in a few words.
struct Summary<'a>(&'a [u8]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = ipv4(self.0, f).or_else(|| ipv6(self.0, f));
        if let Some(result) = told {
            return result;
        }
        match bytes_at::<2>(self.0, 12) {
            Some([high, low]) => write!(f, "ethernet type 0x{high:02x}{low:02x}")?,
            None => f.write_str("no frame")?,
        }
        write!(f, ", {} bytes", self.0.len())
    }
}

fn ipv4(frame: &[u8], f: &mut fmt::Formatter<'_>) -> Option<fmt::Result> {
    if bytes_at(frame, 12)? != [8, 0] {
        return None;
    }
    let source = Ipv4Addr::from(bytes_at::<4>(frame, 26)?);
    let destination = Ipv4Addr::from(bytes_at::<4>(frame, 30)?);
    let at = 14 + usize::from(*frame.get(14)? & 0x0f) * 4;
    Some(match *frame.get(23)? {
        6 => tcp(f, &source, &destination, frame.get(at..at + 14)?),
        1 => {
            let [kind, code] = bytes_at(frame, at)?;
            write!(f, "icmp {source} {destination} type {kind} code {code}")
        }
        other => write!(f, "ip protocol {other} {source} {destination}"),
    })
}

fn ipv6(frame: &[u8], f: &mut fmt::Formatter<'_>) -> Option<fmt::Result> {
    if bytes_at(frame, 12)? != [0x86, 0xdd] {
        return None;
    }
    let source = Ipv6Addr::from(bytes_at::<16>(frame, 22)?);
    let destination = Ipv6Addr::from(bytes_at::<16>(frame, 38)?);
    Some(match *frame.get(20)? {
        6 => tcp(f, &source, &destination, frame.get(54..68)?),
        58 => {
            let [kind, code] = bytes_at(frame, 54)?;
            write!(f, "icmpv6 {source} {destination} type {kind} code {code}")
        }
        other => write!(f, "ipv6 next header {other} {source} {destination}"),
    })
}

fn tcp(
    f: &mut fmt::Formatter<'_>,
    source: &dyn fmt::Display,
    destination: &dyn fmt::Display,
    segment: &[u8],
) -> fmt::Result {
    let word = |at| bytes_at(segment, at).map_or(0, u32::from_be_bytes);
    let ports = word(0);
    write!(
        f,
        "tcp {source} {} {destination} {} ",
        ports >> 16,
        ports & 0xffff
    )?;
    let flags = word(10) & 0xff;
    for (bit, letter) in "FSRPAUEC".chars().enumerate() {
        if flags >> bit & 1 == 1 {
            write!(f, "{letter}")?;
        }
    }
    write!(f, " seq {} ack {}", word(4), word(8))
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
