//! Content codings (RFC 9110 §8.4.1), with a cap on what they unfold to.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};

use crate::http::error::Malformed;

/// How content is coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coding {
    /// As it is.
    #[default]
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers send in its place.
    Deflate,
    /// Something that was not asked for, or several codings in a row. Kept undecoded.
    Unsupported,
}

impl Coding {
    /// The coding after one more `Content-Encoding` header.
    pub(super) fn then(self, value: &[u8]) -> Self {
        let value = value.trim_ascii();
        let is = |name: &str| value.eq_ignore_ascii_case(name.as_bytes());
        match self {
            _ if value.is_empty() || is("identity") => self,
            Self::Identity if is("gzip") || is("x-gzip") => Self::Gzip,
            Self::Identity if is("deflate") => Self::Deflate,
            _ => Self::Unsupported,
        }
    }
}

/// Unfolds content into a buffer that never grows beyond its cap.
pub(super) enum Unfold {
    Identity(Capped),
    Gzip(Box<GzDecoder<Capped>>),
    Zlib(Box<ZlibDecoder<Capped>>),
    Deflate(Box<DeflateDecoder<Capped>>),
    /// Deflate before its first byte, which tells zlib from bare deflate.
    DeflateStart(Capped),
}

/// Whether the buffer wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    More,
    Nothing,
}

impl Unfold {
    pub(super) fn new(coding: Coding, cap: usize) -> Self {
        let out = Capped {
            bytes: Vec::new(),
            cap,
            full: false,
        };
        match coding {
            Coding::Identity | Coding::Unsupported => Self::Identity(out),
            Coding::Gzip => Self::Gzip(Box::new(GzDecoder::new(out))),
            Coding::Deflate => Self::DeflateStart(out),
        }
    }

    /// Makes room for `len` bytes that the peer announced, within the cap.
    pub(super) fn reserve(&mut self, len: u64) {
        // An announcement costs the peer nothing, so it is trusted for a small buffer only.
        const TRUSTED: usize = 64 * 1024;
        if let Self::Identity(out) = self {
            let len = usize::try_from(len).unwrap_or(TRUSTED);
            out.bytes.reserve(len.min(TRUSTED).min(out.cap));
        }
    }

    pub(super) fn push(&mut self, content: &[u8]) -> Result<Wants, Malformed> {
        if let (Self::DeflateStart(out), Some(first)) = (&mut *self, content.first()) {
            let out = std::mem::replace(out, Capped::empty());
            // The low bits of a zlib stream's first byte name the method, which is always 8. A
            // bare deflate stream that begins so would start with an invalid block.
            *self = if first & 0x0f == 8 {
                Self::Zlib(Box::new(ZlibDecoder::new(out)))
            } else {
                Self::Deflate(Box::new(DeflateDecoder::new(out)))
            };
        }
        let written = match self {
            Self::Identity(out) => write_all(out, content),
            Self::Gzip(decoder) => write_all(decoder, content),
            Self::Zlib(decoder) => write_all(decoder, content),
            Self::Deflate(decoder) => write_all(decoder, content),
            Self::DeflateStart(_) => Ok(Wants::More),
        };
        match written {
            Ok(wants) => Ok(wants),
            Err(_) if self.out().full => Ok(Wants::Nothing),
            Err(_) => Err(Malformed::ContentCoding),
        }
    }

    /// Ends content that is complete: what the decoder holds back comes out, and its checksum is
    /// checked.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        let finished = match self {
            Self::Identity(_) | Self::DeflateStart(_) => Ok(()),
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zlib(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
        };
        match finished {
            Err(_) if !self.is_full() => Err(Malformed::ContentCoding),
            _ => Ok(()),
        }
    }

    /// Ends content that was cut: what can be decoded comes out, and there is nothing to check.
    pub(super) fn abandon(&mut self) {
        let _ = match self {
            Self::Identity(_) | Self::DeflateStart(_) => Ok(()),
            Self::Gzip(decoder) => decoder.flush(),
            Self::Zlib(decoder) => decoder.flush(),
            Self::Deflate(decoder) => decoder.flush(),
        };
    }

    /// Whether there was more than the cap.
    pub(super) fn is_full(&self) -> bool {
        self.out().full
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        let out = match self {
            Self::Identity(out) | Self::DeflateStart(out) => out,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
        };
        std::mem::take(&mut out.bytes)
    }

    fn out(&self) -> &Capped {
        match self {
            Self::Identity(out) | Self::DeflateStart(out) => out,
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zlib(decoder) => decoder.get_ref(),
            Self::Deflate(decoder) => decoder.get_ref(),
        }
    }
}

/// Writes all of `content`; a decoder that takes nothing has seen the end of its stream.
fn write_all(to: &mut impl Write, mut content: &[u8]) -> io::Result<Wants> {
    while !content.is_empty() {
        match to.write(content)? {
            0 => return Ok(Wants::Nothing),
            used => content = content.get(used..).unwrap_or_default(),
        }
    }
    Ok(Wants::More)
}

/// A buffer that takes at most `cap` bytes and then fails.
pub(super) struct Capped {
    bytes: Vec<u8>,
    cap: usize,
    full: bool,
}

impl Capped {
    fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            cap: 0,
            full: false,
        }
    }
}

impl Write for Capped {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let room = self.cap - self.bytes.len();
        if from.len() > room {
            self.full = true;
            self.bytes.extend_from_slice(&from[..room]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
