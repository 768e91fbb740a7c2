//! What is sorted: a line of the file, with the name it is sorted by.

use super::record::RobotsRecord;

/// One line of NDJSON, without its line break. Ordered by domain; two lines of one domain by
/// their text, so that the order depends on the lines only and not on where they came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) domain: Box<str>,
    pub(super) line: Box<[u8]>,
}

impl Entry {
    pub(super) fn of(record: &RobotsRecord) -> Result<Self, serde_json::Error> {
        Ok(Self {
            domain: record.domain.as_str().into(),
            line: serde_json::to_vec(record)?.into_boxed_slice(),
        })
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.domain.len() + self.line.len()
    }
}
