//! DNS messages, straight from bytes to bytes: one question in, its answer out.

use std::net::Ipv4Addr;

use crate::addresses::Resolution;
use crate::mix::Mix;
use crate::plan::Plan;
use crate::stats::Counters;

const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;
/// How long answers, the negative ones too, may be cached: seconds.
const TTL: u32 = 60;

/// How the query came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    Udp,
    Tcp,
}

/// Writes the answer to `query` into `out`; false if the query deserves none.
pub(crate) fn answer(
    query: &[u8],
    carrier: Carrier,
    mix: &Mix,
    counters: &Counters,
    out: &mut Vec<u8>,
) -> bool {
    out.clear();
    let Some((question, name)) = Question::parse(query) else {
        return false;
    };
    // ID as asked, question as asked (resolvers vary the case to recognise their answers).
    out.extend_from_slice(&query[..HEADER]);
    out.extend_from_slice(&query[HEADER..question.end]);
    out[2] = 0x80 | (query[2] & 0x79) | 0x04; // response, opcode and RD as asked, authoritative
    out[3] = 0x80; // recursion available
    out[4..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]); // the question and nothing else
    if query[2] & 0x78 != 0 || question.class != CLASS_IN {
        out[3] |= NOT_IMPLEMENTED;
        return true;
    }

    let plan = Plan::of(name.as_str(), mix);
    if question.kind == TYPE_A {
        counters.saw(plan.behaviour);
    }
    match plan.resolve(name.as_str()) {
        Resolution::NoSuchName => nothing(out, NO_SUCH_NAME),
        Resolution::ServerFailure => out[3] |= SERVER_FAILURE,
        Resolution::OverTcp(_) if carrier == Carrier::Udp => out[2] |= 0x02,
        Resolution::V4(address) | Resolution::OverTcp(address) if question.kind == TYPE_A => {
            record(out, TYPE_A, &address.octets());
        }
        Resolution::TwoV4(pair) if question.kind == TYPE_A => {
            pair.iter()
                .for_each(|a: &Ipv4Addr| record(out, TYPE_A, &a.octets()));
        }
        Resolution::V6(address) if question.kind == TYPE_AAAA => {
            record(out, TYPE_AAAA, &address.octets());
        }
        _ => nothing(out, NO_ERROR),
    }
    true
}

/// Appends an answer that points back to the name of the question.
fn record(out: &mut Vec<u8>, kind: u16, data: &[u8]) {
    out[7] += 1; // answers
    out.extend_from_slice(&[0xc0, HEADER as u8]);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.extend_from_slice(&TTL.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
}

/// Says that there is nothing, and with a start of authority for how long that may be believed.
fn nothing(out: &mut Vec<u8>, code: u8) {
    out[3] |= code;
    out[9] += 1; // authorities
    out.extend_from_slice(&[0, 0, 6, 0, 1]); // the root, SOA, IN
    out.extend_from_slice(&TTL.to_be_bytes());
    out.extend_from_slice(&22_u16.to_be_bytes());
    out.extend_from_slice(&[0, 0]); // primary server and mailbox: the root
    for number in [1, 3600, 600, 86_400, TTL] {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

struct Question {
    kind: u16,
    class: u16,
    /// Where the question ends in the message.
    end: usize,
}

/// A name in dotted form, on the stack.
struct Name {
    text: [u8; 255],
    len: usize,
}

impl Name {
    fn as_str(&self) -> &str {
        // Only ASCII is put in.
        std::str::from_utf8(&self.text[..self.len]).unwrap_or("")
    }
}

impl Question {
    /// The one question of a query. Nothing else of the message matters here, EDNS included.
    fn parse(query: &[u8]) -> Option<(Self, Name)> {
        let header = query.get(..HEADER)?;
        let is_response = header[2] & 0x80 != 0;
        if is_response || header[4..6] != [0, 1] {
            return None;
        }
        let mut name = Name {
            text: [0; 255],
            len: 0,
        };
        let mut at = HEADER;
        loop {
            let len = usize::from(*query.get(at)?);
            at += 1;
            match len {
                0 => break,
                1..=63 => {}
                _ => return None, // a pointer has nowhere to point to in a question
            }
            let label = query.get(at..at + len)?;
            at += len;
            if name.len > 0 {
                *name.text.get_mut(name.len)? = b'.';
                name.len += 1;
            }
            for &byte in label {
                *name.text.get_mut(name.len)? = if byte.is_ascii() { byte } else { b'?' };
                name.len += 1;
            }
        }
        let tail = query.get(at..at + 4)?;
        let kind = u16::from_be_bytes([tail[0], tail[1]]);
        let class = u16::from_be_bytes([tail[2], tail[3]]);
        Some((
            Self {
                kind,
                class,
                end: at + 4,
            },
            name,
        ))
    }
}
