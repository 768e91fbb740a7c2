//! A sorted run on disk.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::entry::Entry;

/// Entries in a file that has no name: nothing is left of it, however the process ends. It is
/// compressed quickly, because robots.txt shrink to a fifth and disks are small on Lambda.
#[derive(Debug)]
pub(super) struct Run {
    file: File,
    entries: u64,
}

/// Writes a run.
pub(super) struct RunWriter {
    out: GzEncoder<BufWriter<File>>,
    entries: u64,
}

/// Reads a run, in the order in which it was written.
pub(super) struct RunReader {
    input: BufReader<GzDecoder<BufReader<File>>>,
    left: u64,
}

impl RunWriter {
    /// A new file in `folder`.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let file = BufWriter::new(tempfile::tempfile_in(folder)?);
        Ok(Self {
            out: GzEncoder::new(file, Compression::fast()),
            entries: 0,
        })
    }

    pub(super) fn push(&mut self, entry: &Entry) -> io::Result<()> {
        self.write(entry.domain.as_bytes())?;
        self.write(&entry.line)?;
        self.entries += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<Run> {
        let out = self.out.finish()?;
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Run {
            file,
            entries: self.entries,
        })
    }

    /// The length, then the bytes: names of malformed targets hold any character.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(bytes)
    }
}

impl Run {
    pub(super) fn read(self) -> RunReader {
        let file = BufReader::new(self.file);
        RunReader {
            input: BufReader::new(GzDecoder::new(file)),
            left: self.entries,
        }
    }
}

impl RunReader {
    /// The next entry, or `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let domain = String::from_utf8(self.bytes()?).map_err(io::Error::other)?;
        Ok(Some(Entry {
            domain: domain.into_boxed_str(),
            line: self.bytes()?.into_boxed_slice(),
        }))
    }

    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut len = [0; 4];
        self.input.read_exact(&mut len)?;
        let len = u64::from(u32::from_le_bytes(len));
        let mut bytes = Vec::new();
        // Grows with what is there, so a damaged length cannot take all memory.
        let read = self.input.by_ref().take(len).read_to_end(&mut bytes)?;
        if read as u64 == len {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}
