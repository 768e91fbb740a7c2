//! The chunked transfer coding (RFC 9112 §7.1).

use crate::http::error::Malformed;

/// Longest chunk line, extensions included. Nobody needs extensions.
const MAX_LINE: usize = 4096;

/// Where in the coding the next byte falls. The trailer section is not read: the last chunk ends
/// the body.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    line: usize,
}

#[derive(Debug)]
enum State {
    /// In the size, with its value so far and whether a digit was seen.
    Size(u64, bool),
    /// Behind the size, in an extension or before the line end; `true` after a carriage return.
    SizeEnd(u64, bool),
    Data(u64),
    /// Behind the data; `true` after a carriage return.
    DataEnd(bool),
    Done,
}

/// One step over the input.
pub(super) struct Step<'a> {
    /// How many bytes of the input were used.
    pub(super) used: usize,
    /// The content among them.
    pub(super) content: &'a [u8],
    /// Whether the last chunk was reached.
    pub(super) done: bool,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            state: State::Size(0, false),
            line: 0,
        }
    }

    /// Uses `input` up to the end of the next run of content.
    pub(super) fn step<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>, Malformed> {
        let mut used = 0;
        while used < input.len() {
            if let State::Data(left) = self.state {
                let run = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(input.len() - used);
                let content = &input[used..used + run];
                let left = left - run as u64;
                self.state = if left == 0 {
                    State::DataEnd(false)
                } else {
                    State::Data(left)
                };
                return Ok(Step {
                    used: used + run,
                    content,
                    done: false,
                });
            }
            self.framing_byte(input[used])?;
            used += 1;
            if let State::Done = self.state {
                return Ok(Step {
                    used,
                    content: &[],
                    done: true,
                });
            }
        }
        Ok(Step {
            used,
            content: &[],
            done: matches!(self.state, State::Done),
        })
    }

    fn framing_byte(&mut self, byte: u8) -> Result<(), Malformed> {
        self.line += 1;
        if self.line > MAX_LINE {
            return Err(Malformed::Chunked);
        }
        self.state = match (&self.state, byte) {
            (State::Size(size, _), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = (byte as char).to_digit(16).unwrap_or_default();
                let size = size.checked_mul(16).ok_or(Malformed::Chunked)?;
                State::Size(size | u64::from(digit), true)
            }
            (State::Size(size, true), b';' | b' ' | b'\t') => State::SizeEnd(*size, false),
            (State::Size(size, true) | State::SizeEnd(size, false), b'\r') => {
                State::SizeEnd(*size, true)
            }
            (State::Size(size, true) | State::SizeEnd(size, _), b'\n') => self.end_size(*size),
            (State::SizeEnd(size, false), _) => State::SizeEnd(*size, false),
            (State::DataEnd(false), b'\r') => State::DataEnd(true),
            (State::DataEnd(_), b'\n') => {
                self.line = 0;
                State::Size(0, false)
            }
            _ => return Err(Malformed::Chunked),
        };
        Ok(())
    }

    fn end_size(&mut self, size: u64) -> State {
        self.line = 0;
        if size == 0 {
            State::Done
        } else {
            State::Data(size)
        }
    }
}
