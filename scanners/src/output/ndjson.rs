//! A line of JSON for each target that answered.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde::Serialize;

use crate::engine::{Found, Observer, Progress};

/// Writes what is found as lines of JSON. A write that fails stops the scan;
/// [`finish`](Self::finish) says why.
///
/// `to` is written to once for each answer: give it something with a buffer. It is flushed as often
/// as the scan says where it is, ten times a second: whoever reads along sees answers as they come.
#[derive(Debug)]
pub struct Ndjson<W> {
    to: W,
    error: Option<io::Error>,
}

impl<W: Write> Ndjson<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, error: None }
    }

    /// Writes one line.
    pub(super) fn line(&mut self, value: &impl Serialize) {
        if self.error.is_none() {
            let written = serde_json::to_writer(&mut self.to, value).map_err(io::Error::from);
            self.error = written.and_then(|()| self.to.write_all(b"\n")).err();
        }
    }

    /// Flushes what is buffered.
    pub(super) fn flush(&mut self) -> io::Result<&mut W> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.to.flush().map(|()| &mut self.to),
        }
    }

    /// Whether a write failed.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Flushes, and gives back what was written to.
    ///
    /// # Errors
    ///
    /// That of the first write that failed.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.to)
    }
}

impl<A, W: Write> Observer<A> for Ndjson<W>
where
    Found<A>: Serialize,
{
    fn found(&mut self, found: &Found<A>) {
        self.line(found);
    }

    fn progress(&mut self, _progress: &Progress) -> ControlFlow<()> {
        if self.error.is_none() {
            self.error = self.to.flush().err();
        }
        match self.has_failed() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
