//! Where the names of a scan come from.

use std::io::{self, BufRead, Read as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use task_core::ports::objects::{ObjectError, Objects};
use task_core::{Claim, PayloadError, TaskError};

use super::list::{ListBuilder, TargetList};
use crate::blocking::blocking;

/// The names of a scan, as they travel in a payload.
///
/// Either way the names are read as lines of a list; see [`parse`](Self::parse).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// Here. For some thousands of names; a plan with more becomes large.
    Inline(Vec<String>),
    /// In the object store: one text of at most [`MAX_BYTES`](Self::MAX_BYTES), a name a line.
    /// Made by [`store`](Self::store).
    Object(Claim),
}

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetsError {
    /// A line is not text.
    #[error("line {line} is not UTF-8 text; is the list compressed?")]
    NotUtf8 {
        /// The line, from 1.
        line: u64,
    },
    /// A line is far longer than any name.
    #[error("line {line} has more than {max} bytes; is this a list of names?", max = Targets::MAX_LINE_BYTES)]
    LineTooLong {
        /// The line, from 1.
        line: u64,
    },
    /// The list is longer than [`Targets::MAX_BYTES`].
    #[error("the list has more than {max} bytes; split it", max = Targets::MAX_BYTES)]
    TooLong,
    /// The names are more than 4 GiB in all.
    #[error("the list has more than 4 GiB of names; split it")]
    TooMany,
    /// The reader failed.
    #[error("line {line} cannot be read: {source}")]
    Read {
        /// The line, from 1.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
}

impl Targets {
    /// Longest line, in bytes, without its line break.
    pub const MAX_LINE_BYTES: usize = 2048;
    /// Longest list, in bytes: some ten million names.
    pub const MAX_BYTES: u64 = 256 << 20;

    /// Reads a list: a name a line, in UTF-8. Blank lines and lines that begin with `#` are
    /// skipped; `1,google.com`, as in the lists of Umbrella and Tranco, is read as `google.com`.
    ///
    /// Names are normalised (lower case, IDNA to ASCII, no trailing dot) and a name that came
    /// before is counted and dropped. A malformed name stays a target, as it is written.
    ///
    /// # Errors
    ///
    /// [`TargetsError`], with the number of the line.
    ///
    /// ```
    /// use sortie_task_defs::robots::Targets;
    ///
    /// let list = Targets::parse("# top\n1,Google.com\n2,google.com.\nno name\n".as_bytes())?;
    /// assert_eq!(list.names().collect::<Vec<_>>(), ["google.com", "no name"]);
    /// let counts = list.counts();
    /// assert_eq!((counts.lines, counts.duplicates, counts.malformed, counts.blank), (4, 1, 1, 1));
    /// # Ok::<(), sortie_task_defs::robots::TargetsError>(())
    /// ```
    pub fn parse(mut reader: impl BufRead) -> Result<TargetList, TargetsError> {
        let mut builder = ListBuilder::default();
        let mut left = Self::MAX_BYTES;
        let mut line = Vec::new();
        loop {
            let number = builder.lines() + 1;
            line.clear();
            // One more for the line break, and one to see that there is more.
            let read = reader
                .by_ref()
                .take(Self::MAX_LINE_BYTES as u64 + 2)
                .read_until(b'\n', &mut line)
                .map_err(|source| TargetsError::Read {
                    line: number,
                    source,
                })?;
            if read == 0 {
                return Ok(builder.finish());
            }
            left = left.checked_sub(read as u64).ok_or(TargetsError::TooLong)?;
            push(&mut builder, number, &line)?;
        }
    }

    /// Puts a list into the object store, under a key made from its contents, so that storing it
    /// again is harmless.
    ///
    /// # Errors
    ///
    /// What the object store reports.
    pub async fn store(list: &TargetList, objects: &dyn Objects) -> Result<Self, ObjectError> {
        let mut text = String::new();
        for name in list.names() {
            text.push_str(name);
            text.push('\n');
        }
        let key = format!("targets/{}", hex(&Sha256::digest(&text)));
        Claim::store(key, Bytes::from(text), objects)
            .await
            .map(Self::Object)
    }

    /// The list itself, read away from the threads that drive futures.
    pub(super) async fn load(self, objects: Option<&dyn Objects>) -> Result<TargetList, TaskError> {
        let list = match self {
            Self::Inline(lines) => blocking(move || Self::parse_lines(&lines)).await?,
            Self::Object(claim) => {
                if claim.len > Self::MAX_BYTES {
                    return Err(TaskError::fatal(format!(
                        "targets: {}",
                        TargetsError::TooLong
                    )));
                }
                let objects = objects.ok_or(PayloadError::NoObjectStore { len: claim.len })?;
                let text = claim.fetch(objects).await?;
                blocking(move || Self::parse(&*text)).await?
            }
        };
        list.map_err(|error| TaskError::fatal(format!("targets: {error}")))
    }

    fn parse_lines(lines: &[String]) -> Result<TargetList, TargetsError> {
        let mut builder = ListBuilder::default();
        for (number, line) in (1..).zip(lines) {
            push(&mut builder, number, line.as_bytes())?;
        }
        Ok(builder.finish())
    }
}

/// The names, inline.
impl<N: Into<String>> FromIterator<N> for Targets {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self::Inline(names.into_iter().map(Into::into).collect())
    }
}

fn push(builder: &mut ListBuilder, number: u64, line: &[u8]) -> Result<(), TargetsError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.len() > Targets::MAX_LINE_BYTES {
        return Err(TargetsError::LineTooLong { line: number });
    }
    let text = str::from_utf8(line).map_err(|_| TargetsError::NotUtf8 { line: number })?;
    // Lists made on Windows begin with a byte order mark.
    let text = match number {
        1 => text.strip_prefix('\u{feff}').unwrap_or(text),
        _ => text,
    };
    builder.push(text)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
#[path = "targets_tests.rs"]
mod tests;
