//! What it takes to go on with a scan that was killed.

use std::hash::Hasher as _;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::probe::MAX_CLASSES;
use crate::target::Chunk;

use super::config::MAX_SENDERS;
use super::dedupe::Answered;
use super::retry::MAX_PASSES;
use super::stats::Received;

/// The version of the stored form.
const VERSION: u32 = 1;

/// The longest head of the stored form: 64 senders with 4,096 delayed probes each, and room.
const MAX_HEAD: usize = 8 << 20;

/// Where a scan is, in a form that outlives it.
///
/// It says what was sent at a time by which everything that came of it has been found, so nothing
/// between the two is lost with the process: what is not surely done is done over, at most
/// [`checkpoint_every`](super::EngineConfig::checkpoint_every) of sending. The key of the cookies
/// is not in it; a resumed scan has a new one, and late answers to the old one are not believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub(super) head: Head,
    /// Which positions have answered: by turns how many have not, and how many have.
    answered: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    version: u32,
    pub(super) chunk: Chunk,
    pub(super) fingerprint: u64,
    pub(super) passes: u8,
    pub(super) senders: Vec<SenderMark>,
    /// How many answers were found, by pass and by class, and those of targets themselves.
    by_pass: [u64; MAX_PASSES],
    by_class: [u64; MAX_CLASSES],
    /// Not in the first checkpoints of this version, which count errors of routers, too.
    #[serde(default)]
    steady_by_pass: Option<[u64; MAX_PASSES]>,
}

/// Where a sender is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SenderMark {
    pub(super) range: Range<u64>,
    pub(super) pass: u8,
    pub(super) next: u64,
    /// Positions before `next` that still wait for the turn of their network.
    pub(super) delayed: Vec<u64>,
}

impl SenderMark {
    /// How many passes were begun, if only with the first position.
    pub(super) fn begun(&self) -> u8 {
        let idle = self.next <= self.range.start && self.delayed.is_empty();
        self.pass.saturating_add(u8::from(!idle))
    }
}

/// Bytes that are no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no checkpoint: {0}; start the scan anew, or find an older one")]
pub struct InvalidCheckpoint(&'static str);

impl InvalidCheckpoint {
    pub(crate) const TOO_SHORT: Self = Self("it is too short");
    pub(crate) const WRONG_CHECKSUM: Self = Self("its checksum is wrong");
}

impl Checkpoint {
    pub(super) fn new(head: Head, answered: &Answered) -> Self {
        let mut runs = Vec::new();
        let mut run = 0..0;
        for position in answered.positions() {
            if position == run.end {
                run.end += 1;
            } else {
                push_varint(&mut runs, run.end - run.start);
                push_varint(&mut runs, position - run.end);
                run = position..position + 1;
            }
        }
        push_varint(&mut runs, run.end - run.start);
        Self {
            head,
            answered: runs,
        }
    }

    /// The chunk that is being scanned.
    pub fn chunk(&self) -> &Chunk {
        &self.head.chunk
    }

    /// Whether `count` targets have answered: by pass, and by class, of which there are `classes`.
    pub(super) fn adds_up(&self, count: u64, classes: usize) -> bool {
        let Head {
            by_pass,
            by_class,
            steady_by_pass,
            ..
        } = &self.head;
        let sum = |counts: &[u64]| counts.iter().try_fold(0, |sum: u64, n| sum.checked_add(*n));
        let (used, unused) = by_class.split_at(classes.min(MAX_CLASSES));
        sum(by_pass) == Some(count)
            && sum(used) == Some(count)
            && unused.iter().all(|count| *count == 0)
            && steady_by_pass
                .iter()
                .flat_map(|steady| steady.iter().zip(by_pass))
                .all(|(steady, all)| steady <= all)
    }

    /// How many targets had been found: what is found after these, a resumed scan may find again.
    /// Cut the output off behind so many to have each once.
    pub fn found(&self) -> u64 {
        let by_class = self.head.by_class.iter().copied();
        by_class.fold(0, u64::saturating_add)
    }

    /// Which of the `len` targets of the chunk have answered.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`] when it is of a longer chunk, or damaged.
    pub fn answered(&self, len: u64) -> Result<Answered, InvalidCheckpoint> {
        let answered = Answered::new(len);
        self.restore(&answered)?;
        Ok(answered)
    }

    /// The stored form: one line of JSON, who answered, and a checksum. Two bytes for each answer
    /// where few answer, and next to nothing where all do.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Numbers and lists of numbers always serialise.
        let mut bytes = serde_json::to_vec(&self.head).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend(&self.answered);
        let sum = checksum(&bytes);
        bytes.extend(sum.to_be_bytes());
        bytes
    }

    /// Reads the stored form.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`] when it is damaged, cut off, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidCheckpoint> {
        let (content, sum) = bytes
            .split_last_chunk::<8>()
            .ok_or(InvalidCheckpoint::TOO_SHORT)?;
        if checksum(content) != u64::from_be_bytes(*sum) {
            return Err(InvalidCheckpoint::WRONG_CHECKSUM);
        }
        let end = content
            .iter()
            .take(MAX_HEAD)
            .position(|&byte| byte == b'\n')
            .ok_or(InvalidCheckpoint("its head has no end"))?;
        let (head, rest) = content.split_at(end);
        let head: Head =
            serde_json::from_slice(head).map_err(|_| InvalidCheckpoint("its head is damaged"))?;
        if head.version != VERSION {
            return Err(InvalidCheckpoint("it is of another version"));
        }
        Ok(Self {
            head,
            answered: rest.get(1..).unwrap_or_default().to_vec(),
        })
    }

    /// Marks in `answered` what has answered.
    pub(super) fn restore(&self, answered: &Answered) -> Result<(), InvalidCheckpoint> {
        let mut rest = &self.answered[..];
        let damaged = || InvalidCheckpoint("the positions in it are damaged");
        let mut from = 0u64;
        while !rest.is_empty() {
            let run = pop_varint(&mut rest).ok_or_else(damaged)?;
            let end = from.checked_add(run).filter(|&end| end <= answered.len());
            let end = end.ok_or_else(damaged)?;
            for position in from..end {
                answered.mark(position);
            }
            // The last run has no gap behind it.
            let gap = if rest.is_empty() {
                0
            } else {
                pop_varint(&mut rest).ok_or_else(damaged)?
            };
            from = end.checked_add(gap).ok_or_else(damaged)?;
        }
        Ok(())
    }
}

impl Head {
    pub(super) fn new(
        chunk: Chunk,
        fingerprint: u64,
        passes: u8,
        senders: Vec<SenderMark>,
        received: &Received,
    ) -> Self {
        Self {
            version: VERSION,
            chunk,
            fingerprint,
            passes,
            senders,
            by_pass: received.by_pass,
            by_class: received.by_class,
            steady_by_pass: Some(received.steady_by_pass),
        }
    }

    /// Puts what had been found where it is counted.
    pub(super) fn recall(&self, received: &mut Received) {
        received.by_pass = self.by_pass;
        received.by_class = self.by_class;
        received.steady_by_pass = self.steady_by_pass.unwrap_or(self.by_pass);
    }

    /// Whether the senders share `len` positions out among them: each position is of one sender,
    /// and what is delayed of the one that delays it. Otherwise a part would never be scanned, and
    /// nobody would know.
    pub(super) fn shares(&self, len: u64) -> bool {
        let end = self.senders.iter().try_fold(0, |end, mark| {
            let SenderMark { range, delayed, .. } = mark;
            let follows = range.start == end && range.end >= end;
            let own = delayed.iter().all(|position| range.contains(position));
            (follows && own).then_some(range.end)
        });
        (1..=MAX_SENDERS).contains(&self.senders.len()) && end == Some(len)
    }
}

/// Against a disk or a copy that damages it, not against anyone.
fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Seven bits to a byte, the lowest first; the eighth says that more follow.
fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn pop_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
