//! The body: framing outside, content coding inside.

use crate::http::error::Malformed;

use super::chunked::Chunked;
use super::coding::{Unfold, Wants};
use super::head::{Framing, Head};
use super::{Body, Limits};

/// How many bytes on the wire may be spent on one byte of the cap. Codings and chunks that unfold
/// to less are not worth their traffic.
const WIRE_PER_BYTE: u64 = 8;

pub(super) struct BodyDecoder {
    frame: Frame,
    unfold: Unfold,
    wire_left: u64,
    truncated: bool,
}

enum Frame {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

impl BodyDecoder {
    pub(super) fn new(head: &Head, limits: &Limits) -> Self {
        let mut unfold = Unfold::new(head.coding, limits.body);
        let frame = match head.framing {
            Framing::None | Framing::Length(0) => Frame::Done,
            Framing::Length(length) => {
                unfold.reserve(length);
                Frame::Length(length)
            }
            Framing::Chunked => Frame::Chunked(Chunked::new()),
            Framing::UntilClose => Frame::UntilClose,
        };
        let wire_left = (limits.body as u64)
            .saturating_mul(WIRE_PER_BYTE)
            .saturating_add(4096);
        Self {
            frame,
            unfold,
            wire_left,
            truncated: false,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.frame, Frame::Done)
    }

    pub(super) fn push(&mut self, input: &[u8]) -> Result<(), Malformed> {
        let allowed = usize::try_from(self.wire_left).unwrap_or(usize::MAX);
        let over = input.len() > allowed;
        let mut input = if over { &input[..allowed] } else { input };
        self.wire_left -= input.len() as u64;
        while !input.is_empty() && !self.is_done() {
            input = self.run(input)?;
        }
        if over && !self.is_done() {
            self.truncated = true;
            self.frame = Frame::Done;
        }
        Ok(())
    }

    /// Uses one run of content and returns what is behind it.
    fn run<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let (content, rest) = match &mut self.frame {
            Frame::Done => return Ok(&[]),
            Frame::UntilClose => (input, &input[input.len()..]),
            Frame::Length(left) => {
                let run = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                let (content, rest) = input.split_at(run);
                *left -= run as u64;
                if *left == 0 {
                    self.frame = Frame::Done;
                }
                (content, rest)
            }
            Frame::Chunked(chunked) => {
                let step = chunked.step(input)?;
                if step.done {
                    self.frame = Frame::Done;
                }
                (step.content, &input[step.used..])
            }
        };
        if !content.is_empty() && self.unfold.push(content)? == Wants::Nothing {
            self.frame = Frame::Done;
        }
        Ok(rest)
    }

    /// Ends the body, because it is done or because the connection is; `clean` is an orderly
    /// close.
    pub(super) fn finish(mut self, clean: bool) -> Result<Body, Malformed> {
        let cut = match self.frame {
            Frame::Done => false,
            Frame::UntilClose => !clean,
            Frame::Length(_) | Frame::Chunked(_) => true,
        };
        if cut || self.truncated {
            self.unfold.abandon();
        } else if !self.unfold.is_full() {
            self.unfold.finish()?;
        }
        let truncated = self.truncated || self.unfold.is_full();
        Ok(Body {
            bytes: self.unfold.take(),
            truncated,
            cut,
        })
    }
}
