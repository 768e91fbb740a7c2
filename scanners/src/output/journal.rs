//! Output that survives the process, and from which a scan goes on.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::Hasher as _;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use siphasher::sip::SipHasher13;

use crate::engine::{Checkpoint, Found, InvalidCheckpoint, Observer, Progress};

use super::ndjson::Ndjson;

/// The longest checkpoint that is read: that of the longest chunk, with room.
const MAX_CHECKPOINT: u64 = 1 << 32;

/// Writes what is found to a file as lines of JSON, and beside it, in `FILE.checkpoint`, from where
/// the scan can be resumed. Both are on the disk before a checkpoint counts. After a crash
/// [`resume`](Self::resume) cuts off what was written since, which will be found again: every
/// answer is in the file once.
#[derive(Debug)]
pub struct Journal {
    lines: Ndjson<BufWriter<File>>,
    path: PathBuf,
    error: Option<io::Error>,
}

/// A journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file beside it is no checkpoint.
    #[error("{path}: {source}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidCheckpoint,
    },
    /// There is no checkpoint beside the output.
    #[error(
        "{path} has no checkpoint beside it: its scan is complete, or it is no output of a scan; \
         to scan anew, write to another file"
    )]
    Complete {
        /// The output.
        path: PathBuf,
    },
    /// The output is shorter than it was when the checkpoint was written.
    #[error("{path} is shorter than when it was last written; it is not the file of this scan")]
    Shorter {
        /// The output.
        path: PathBuf,
    },
}

impl Journal {
    /// Starts a new file.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`], also when there is a file of this name: none is overwritten.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(io_error(&path))?;
        // Tells an output that was only begun from one that is complete.
        let beside = checkpoint_path(&path);
        if let Err(error) = put(&beside, 0, &[]) {
            // Nothing was begun, so nothing is in the way of another try. If that fails, the first
            // error says more.
            let _ = fs::remove_file(&path);
            return Err(io_error(&beside)(error));
        }
        Ok(Self::over(file, path))
    }

    /// Goes on with a file, and says from where the scan is to go on; `None` if it was killed
    /// before its first checkpoint, and starts anew.
    ///
    /// # Errors
    ///
    /// [`JournalError`]; [`JournalError::Complete`] leaves the file as it is.
    pub fn resume(path: impl Into<PathBuf>) -> Result<(Self, Option<Checkpoint>), JournalError> {
        let path = path.into();
        let file = OpenOptions::new().write(true).open(&path);
        let mut file = file.map_err(io_error(&path))?;
        let there = file.metadata().map_err(io_error(&path))?.len();
        let (len, checkpoint) = match read_checkpoint(&checkpoint_path(&path))? {
            Some(kept) => kept,
            // Killed between the making of the two files.
            None if there == 0 => (0, None),
            None => return Err(JournalError::Complete { path }),
        };
        if there < len {
            return Err(JournalError::Shorter { path });
        }
        file.set_len(len).map_err(io_error(&path))?;
        file.seek(SeekFrom::Start(len)).map_err(io_error(&path))?;
        Ok((Self::over(file, path), checkpoint))
    }

    fn over(file: File, path: PathBuf) -> Self {
        Self {
            lines: Ndjson::new(BufWriter::with_capacity(1 << 16, file)),
            path,
            error: None,
        }
    }

    /// Writes what is buffered to the disk. After a scan that is `complete` the checkpoint is of no
    /// more use and is removed.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`]: that of the first write that failed, which has stopped the scan.
    pub fn finish(mut self, complete: bool) -> Result<(), JournalError> {
        if let Some(source) = self.error.take() {
            let path = checkpoint_path(&self.path);
            return Err(JournalError::Io { path, source });
        }
        let file = self.lines.finish().map_err(io_error(&self.path))?;
        file.get_ref().sync_all().map_err(io_error(&self.path))?;
        let checkpoint = checkpoint_path(&self.path);
        match complete {
            true => match fs::remove_file(&checkpoint) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(io_error(&checkpoint)(error))
                }
                _ => Ok(()),
            },
            false => Ok(()),
        }
    }

    /// The output first, then the checkpoint that relies on it, then its name.
    fn store(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        let file = self.lines.flush()?.get_mut();
        file.sync_data()?;
        let len = file.stream_position()?;
        put(&checkpoint_path(&self.path), len, &checkpoint.to_bytes())
    }
}

impl<A> Observer<A> for Journal
where
    Found<A>: Serialize,
{
    fn found(&mut self, found: &Found<A>) {
        self.lines.line(found);
    }

    fn progress(&mut self, _progress: &Progress) -> ControlFlow<()> {
        match self.lines.has_failed() || self.error.is_some() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        if self.error.is_none() {
            self.error = self.store(checkpoint).err();
        }
    }
}

/// Stores the length of the output and the checkpoint, all or nothing.
fn put(path: &Path, len: u64, checkpoint: &[u8]) -> io::Result<()> {
    let fresh = with_suffix(path, ".new");
    let len = len.to_be_bytes();
    let write = || {
        let mut to = File::create(&fresh)?;
        to.write_all(&len)?;
        to.write_all(checkpoint)?;
        to.write_all(&checksum(&len, checkpoint).to_be_bytes())?;
        to.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().inspect_err(|_| {
        // Half of one is of no use. If it stays, the next one takes its place.
        let _ = fs::remove_file(&fresh);
    })
}

/// The length of the output, and the checkpoint, if one was reached; `None` if there is no file.
fn read_checkpoint(path: &Path) -> Result<Option<(u64, Option<Checkpoint>)>, JournalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path)(error)),
    };
    let mut bytes = Vec::new();
    let mut file = file.take(MAX_CHECKPOINT);
    file.read_to_end(&mut bytes).map_err(io_error(path))?;
    let invalid = |source| JournalError::Checkpoint {
        path: path.to_owned(),
        source,
    };
    let short = || invalid(InvalidCheckpoint::TOO_SHORT);
    let (content, sum) = bytes.split_last_chunk().ok_or_else(short)?;
    let (len, checkpoint) = content.split_first_chunk().ok_or_else(short)?;
    // A length that is wrong would cut off answers that the checkpoint counts as told.
    if checksum(len, checkpoint) != u64::from_be_bytes(*sum) {
        return Err(invalid(InvalidCheckpoint::WRONG_CHECKSUM));
    }
    let checkpoint = match checkpoint {
        [] => None,
        bytes => Some(Checkpoint::from_bytes(bytes).map_err(invalid)?),
    };
    Ok(Some((u64::from_be_bytes(*len), checkpoint)))
}

/// Against a disk or a copy that damages it, not against anyone.
fn checksum(len: &[u8; 8], checkpoint: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(len);
    hasher.write(checkpoint);
    hasher.finish()
}

fn checkpoint_path(path: &Path) -> PathBuf {
    with_suffix(path, ".checkpoint")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { path, source }
}
