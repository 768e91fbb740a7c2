//! The file that a task leaves behind: all of it, or nothing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use task_core::TaskId;
use tempfile::NamedTempFile;

/// A file that cannot be written. The text names the path and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path has no file name, or is a folder.
    #[error("`{}` is not the path of a file; add a file name", .0.display())]
    NotAFile(PathBuf),
    /// The folder does not exist.
    #[error("there is no folder for `{}` on this worker; create it or choose another path", .0.display())]
    NoFolder(PathBuf),
    /// The worker may not write there.
    #[error("this worker may not write `{}`; change the permissions or choose another path", .0.display())]
    Denied(PathBuf),
    /// The disk, or the quota on it, is used up.
    #[error("the disk is full at `{}`; free space or choose another path", .0.display())]
    NoSpace(PathBuf),
    /// Anything else.
    #[error("`{}` cannot be written: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileError {
    pub(crate) fn new(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.to_owned();
        match source.kind() {
            Kind::NotFound | Kind::NotADirectory => Self::NoFolder(path),
            Kind::IsADirectory => Self::NotAFile(path),
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::Denied(path),
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::NoSpace(path),
            _ => Self::Io { path, source },
        }
    }
}

/// Lines on their way to `path`: written beside it and renamed when they are complete, so a reader
/// sees the old file or the new one. Dropping it removes what was written.
pub(crate) struct OutFile {
    path: PathBuf,
    out: Encoder<BufWriter<NamedTempFile>>,
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Gzip (RFC 1952).
    #[default]
    Gzip,
    /// Zstandard (RFC 8878): quicker and smaller.
    Zstd,
}

/// A part of a file that an earlier attempt has left, in a folder that may not be this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Half {
    attempt: u32,
    bytes: u64,
}

impl OutFile {
    /// Begins a file, and removes what earlier attempts of the task left when their worker died.
    pub(crate) fn create(
        path: &Path,
        task: TaskId,
        attempt: u32,
        compression: Compression,
    ) -> Result<Self, FileError> {
        let (prefix, folder) = beside(path, task)?;
        remove_leftovers(folder, &prefix, attempt);
        let temp =
            temporary(folder, &prefix, attempt).map_err(|error| FileError::new(path, error))?;
        Self::onto(temp, path, compression)
    }

    /// Goes on with what an earlier attempt has put aside. `None` if it is not there, as when that
    /// attempt ran on another worker, or its twin has taken it.
    pub(crate) fn resume(
        path: &Path,
        task: TaskId,
        attempt: u32,
        compression: Compression,
        half: Half,
    ) -> Result<Option<Self>, FileError> {
        let (prefix, folder) = beside(path, task)?;
        let failed = |error| FileError::new(path, error);
        let temp = temporary(folder, &prefix, attempt).map_err(failed)?;
        // Whoever renames it first has it.
        if fs::rename(put_aside(folder, &prefix, half.attempt), temp.path()).is_err() {
            return Ok(None);
        }
        let file = File::options()
            .append(true)
            .open(temp.path())
            .map_err(failed)?;
        if file.metadata().map_err(failed)?.len() < half.bytes {
            return Ok(None);
        }
        file.set_len(half.bytes).map_err(failed)?;
        remove_leftovers(folder, &prefix, attempt);
        let temp = NamedTempFile::from_parts(file, temp.into_temp_path());
        Self::onto(temp, path, compression).map(Some)
    }

    fn onto(temp: NamedTempFile, path: &Path, compression: Compression) -> Result<Self, FileError> {
        let out = BufWriter::with_capacity(1 << 18, temp);
        Ok(Self {
            path: path.to_owned(),
            out: Encoder::new(out, compression).map_err(|error| FileError::new(path, error))?,
        })
    }

    /// Adds a line, with a line break.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<(), FileError> {
        let written = self
            .out
            .write_all(line)
            .and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|error| FileError::new(&self.path, error))
    }

    /// Makes it durable and gives it its name; returns its length in bytes.
    pub(crate) fn commit(self) -> Result<u64, FileError> {
        let path = self.path;
        let failed = |error| FileError::new(&path, error);
        let (temp, bytes) = close(self.out).map_err(failed)?;
        temp.persist(&path).map_err(|error| failed(error.error))?;
        // The new name, too, must survive a crash. Some systems cannot sync folders; the file is
        // whole there as well.
        let _ = File::open(folder(&path)).and_then(|folder| folder.sync_all());
        Ok(bytes)
    }

    /// Puts it aside for a later attempt. All three forms may be written on: members of gzip and
    /// frames of Zstandard follow each other in a file.
    pub(crate) fn put_aside(self, task: TaskId, attempt: u32) -> Result<Half, FileError> {
        let path = self.path;
        let failed = |error| FileError::new(&path, error);
        let (prefix, folder) = beside(&path, task)?;
        let (temp, bytes) = close(self.out).map_err(failed)?;
        let aside = put_aside(folder, &prefix, attempt);
        temp.persist(aside).map_err(|error| failed(error.error))?;
        Ok(Half { attempt, bytes })
    }
}

/// Ends what is written and makes it durable; returns the length in bytes, too.
fn close(out: Encoder<BufWriter<NamedTempFile>>) -> io::Result<(NamedTempFile, u64)> {
    let temp = out
        .finish()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    temp.as_file().sync_all()?;
    let bytes = temp.as_file().metadata()?.len();
    Ok((temp, bytes))
}

enum Encoder<W: Write> {
    Plain(W),
    /// It is far larger than the others.
    Gzip(Box<GzEncoder<W>>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    fn new(out: W, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(out),
            Compression::Gzip => {
                let out = GzEncoder::new(out, flate2::Compression::default());
                Self::Gzip(Box::new(out))
            }
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                let mut out = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                out.include_checksum(true)?;
                Self::Zstd(out)
            }
            #[cfg(not(feature = "zstd"))]
            Compression::Zstd => {
                let why = "this worker was built without the feature `zstd`; choose gzip";
                return Err(io::Error::new(io::ErrorKind::Unsupported, why));
            }
        })
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(out) => out.finish(),
            #[cfg(feature = "zstd")]
            Self::Zstd(out) => out.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
            #[cfg(feature = "zstd")]
            Self::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => out.flush(),
            #[cfg(feature = "zstd")]
            Self::Zstd(out) => out.flush(),
        }
    }
}

/// How the temporary files of a task begin, and the folder that they lie in.
fn beside(path: &Path, task: TaskId) -> Result<(String, &Path), FileError> {
    let name = path.file_name().filter(|_| !path.is_dir());
    let name = name.ok_or_else(|| FileError::NotAFile(path.to_owned()))?;
    Ok((prefix(name, task), folder(path)))
}

fn temporary(folder: &Path, prefix: &str, attempt: u32) -> io::Result<NamedTempFile> {
    builder()
        .prefix(&format!("{prefix}{attempt}-"))
        .suffix(".tmp")
        .tempfile_in(folder)
}

/// Where an attempt puts aside what it has.
fn put_aside(folder: &Path, prefix: &str, attempt: u32) -> PathBuf {
    folder.join(format!("{prefix}{attempt}-half.tmp"))
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// How temporary files of a task begin; the attempt follows. Hidden, and of bounded length.
fn prefix(name: &OsStr, task: TaskId) -> String {
    let name: String = name.to_string_lossy().chars().take(40).collect();
    format!(".{name}.{task}.")
}

/// Only those of earlier attempts: the same one may be running twice.
fn remove_leftovers(folder: &Path, prefix: &str, attempt: u32) {
    // What cannot be removed is in nobody's way, as each file has a name of its own.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let written_by = name
            .to_str()
            .and_then(|name| {
                name.strip_prefix(prefix)?
                    .strip_suffix(".tmp")?
                    .split_once('-')
            })
            .and_then(|(attempt, _)| attempt.parse::<u32>().ok());
        if written_by.is_some_and(|earlier| earlier < attempt) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Temporary files are private, but this one becomes the result: the umask decides who reads it.
fn builder() -> tempfile::Builder<'static, 'static> {
    #[allow(unused_mut, reason = "not changed where there are no modes")]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
