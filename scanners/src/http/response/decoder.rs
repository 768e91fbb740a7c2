//! Bytes in, a response out; no I/O.

use memchr::memchr_iter;

use crate::http::error::Malformed;

use super::body::BodyDecoder;
use super::head::Head;
use super::{Limits, Response};

/// Interim responses (1xx) that are skipped before the real one.
const MAX_INTERIM: usize = 8;
const MAGIC: &[u8] = b"HTTP/1.";

/// Decodes one response from bytes in any division.
///
/// ```
/// use sortie_scanners::http::{Limits, Progress, ResponseDecoder};
///
/// let mut decoder = ResponseDecoder::new(Limits::default());
/// assert_eq!(decoder.push(b"HTTP/1.1 200 OK\r\nContent-Le")?, Progress::Reading);
/// assert_eq!(decoder.push(b"ngth: 2\r\n\r\nok")?, Progress::Done);
/// let response = decoder.finish(true)?.expect("the head was complete");
/// assert_eq!((response.head.status, &response.body.bytes[..]), (200, &b"ok"[..]));
/// # Ok::<(), sortie_scanners::http::Malformed>(())
/// ```
pub struct ResponseDecoder {
    limits: Limits,
    head_bytes: Vec<u8>,
    /// Where in `head_bytes` the search for the end of the head goes on.
    searched: usize,
    interim: usize,
    head_left: usize,
    body: Option<(Head, BodyDecoder)>,
}

/// Whether more bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes, or the end of the connection.
    Reading,
    /// Nothing: the response is complete, or at its cap.
    Done,
}

impl ResponseDecoder {
    /// A decoder before the first byte.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            head_bytes: Vec::new(),
            searched: 0,
            interim: 0,
            head_left: limits.head,
            body: None,
        }
    }

    /// The head, once it is complete.
    pub fn head(&self) -> Option<&Head> {
        self.body.as_ref().map(|(head, _)| head)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when they are not a response within the limits; the decoder is of no use
    /// then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, Malformed> {
        if self.body.is_none() {
            self.head_bytes.extend_from_slice(bytes);
            let Some(rest) = self.read_heads()? else {
                return Ok(Progress::Reading);
            };
            return self.push_body(&rest);
        }
        self.push_body(bytes)
    }

    /// Ends the response at the end of the connection, or when [`Progress::Done`] was returned.
    /// `clean` tells an orderly close from a reset. `None` if the head was not complete.
    ///
    /// # Errors
    ///
    /// [`Malformed::ContentCoding`] when a complete body does not decode.
    pub fn finish(self, clean: bool) -> Result<Option<Response>, Malformed> {
        let Some((head, body)) = self.body else {
            return Ok(None);
        };
        Ok(Some(Response {
            head,
            body: body.finish(clean)?,
        }))
    }

    /// Parses heads until that of the final response; returns the bytes behind it.
    fn read_heads(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        loop {
            let seen = self.head_bytes.len().min(MAGIC.len());
            if self.head_bytes[..seen] != MAGIC[..seen] {
                return Err(Malformed::NotHttp);
            }
            let Some(end) = self.head_end() else {
                if self.head_bytes.len() > self.head_left {
                    return Err(Malformed::HeadTooLong);
                }
                return Ok(None);
            };
            if end > self.head_left {
                return Err(Malformed::HeadTooLong);
            }
            let head = Head::parse(&self.head_bytes[..end], self.limits.headers)?;
            let rest = self.head_bytes.split_off(end);
            if matches!(head.status, 100 | 102..=199) {
                self.interim += 1;
                if self.interim > MAX_INTERIM {
                    return Err(Malformed::TooManyInterim);
                }
                self.head_left -= end;
                self.searched = 0;
                self.head_bytes = rest;
                continue;
            }
            self.head_bytes = Vec::new();
            let body = BodyDecoder::new(&head, &self.limits);
            self.body = Some((head, body));
            return Ok(Some(rest));
        }
    }

    /// The end of the head: behind its first empty line. Each byte is searched once, or twice if
    /// it lay at the end of what had come.
    fn head_end(&mut self) -> Option<usize> {
        let bytes = &self.head_bytes;
        for at in memchr_iter(b'\n', &bytes[self.searched..]).map(|at| at + self.searched) {
            match bytes[at + 1..] {
                [b'\n', ..] => return Some(at + 2),
                [b'\r', b'\n', ..] => return Some(at + 3),
                _ => {}
            }
        }
        self.searched = bytes.len().saturating_sub(2);
        None
    }

    fn push_body(&mut self, bytes: &[u8]) -> Result<Progress, Malformed> {
        let Some((_, body)) = &mut self.body else {
            return Ok(Progress::Reading);
        };
        body.push(bytes)?;
        Ok(if body.is_done() {
            Progress::Done
        } else {
            Progress::Reading
        })
    }
}
