//! A sorted run of digests on disk.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use super::digest::Digest;

/// Digests in order, in a file that has no name: nothing is left of it, however the process ends.
/// Memory holds one number for each block.
#[derive(Debug)]
pub(super) struct Run {
    file: File,
    digests: u64,
    /// The prefix of the first digest of each block.
    fences: Vec<u64>,
}

/// Digests in a block: 4 KiB, which is what a disk reads anyway.
const BLOCK: usize = 128;

impl Run {
    /// Writes digests that come in order.
    pub(super) fn write(digests: impl IntoIterator<Item = io::Result<Digest>>) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 18, tempfile::tempfile()?);
        let mut fences = Vec::new();
        let mut written = 0;
        for digest in digests {
            let digest = digest?;
            if written % BLOCK as u64 == 0 {
                fences.push(digest.prefix());
            }
            out.write_all(&digest.0)?;
            written += 1;
        }
        Ok(Self {
            file: out.into_inner().map_err(io::IntoInnerError::into_error)?,
            digests: written,
            fences,
        })
    }

    /// Whether it has `digest`. Reads one block, as a rule.
    pub(super) fn contains(&self, digest: &Digest) -> io::Result<bool> {
        let prefix = digest.prefix();
        // The block before the first fence that is not smaller may end with it, and any whose
        // fence is equal may have it.
        let first = self.fences.partition_point(|fence| *fence < prefix);
        let behind = self.fences.partition_point(|fence| *fence <= prefix);
        for block in first.saturating_sub(1)..behind {
            let at = (block * BLOCK) as u64;
            let digests = self.digests.saturating_sub(at).min(BLOCK as u64) as usize;
            let mut bytes = [0; BLOCK * Digest::BYTES];
            let bytes = bytes.get_mut(..digests * Digest::BYTES).unwrap_or_default();
            (&self.file).seek(SeekFrom::Start(at * Digest::BYTES as u64))?;
            (&self.file).read_exact(bytes)?;
            let (chunks, _) = bytes.as_chunks::<{ Digest::BYTES }>();
            if chunks.binary_search(&digest.0).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All digests, in order.
    pub(super) fn read(mut self) -> io::Result<impl Iterator<Item = io::Result<Digest>>> {
        self.file.rewind()?;
        let mut input = BufReader::with_capacity(1 << 16, self.file);
        Ok((0..self.digests).map(move |_| {
            let mut bytes = [0; Digest::BYTES];
            input.read_exact(&mut bytes)?;
            Ok(Digest(bytes))
        }))
    }
}
