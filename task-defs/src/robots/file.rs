//! The file that a scan leaves behind: all of it, or nothing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use task_core::{TaskError, TaskId};
use tempfile::NamedTempFile;

/// A file that cannot be written. The text names the path and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path has no file name, or is a folder.
    #[error("out: `{}` is not the path of a file; add a file name", .0.display())]
    NotAFile(PathBuf),
    /// The folder does not exist.
    #[error("out: there is no folder for `{}` on this worker; create it or choose another path", .0.display())]
    NoFolder(PathBuf),
    /// The worker may not write there.
    #[error("out: this worker may not write `{}`; change the permissions or choose another path", .0.display())]
    Denied(PathBuf),
    /// The disk, or the quota on it, is used up.
    #[error("out: the disk is full at `{}`; free space or choose another path", .0.display())]
    NoSpace(PathBuf),
    /// Anything else.
    #[error("out: `{}` cannot be written: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
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

impl From<FileError> for TaskError {
    fn from(error: FileError) -> Self {
        Self::fatal(error)
    }
}

/// Gzipped lines on their way to `path`: written beside it and renamed when they are complete,
/// so a reader sees the old file or the new one. Dropping it removes what was written.
pub(super) struct OutFile {
    path: PathBuf,
    out: GzEncoder<BufWriter<NamedTempFile>>,
}

impl OutFile {
    /// Begins a file, and removes what earlier attempts of the task left when their worker died.
    pub(super) fn create(path: &Path, task: TaskId, attempt: u32) -> Result<Self, FileError> {
        let name = path
            .file_name()
            .ok_or_else(|| FileError::NotAFile(path.to_owned()))?;
        if path.is_dir() {
            return Err(FileError::NotAFile(path.to_owned()));
        }
        let folder = folder(path);
        let prefix = temporary(name, task);
        remove_leftovers(folder, &prefix, attempt);
        let temp = builder()
            .prefix(&format!("{prefix}{attempt}-"))
            .suffix(".tmp")
            .tempfile_in(folder)
            .map_err(|error| FileError::new(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            out: GzEncoder::new(
                BufWriter::with_capacity(1 << 18, temp),
                Compression::default(),
            ),
        })
    }

    /// Adds a line, with a line break.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), FileError> {
        let written = self
            .out
            .write_all(line)
            .and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|error| FileError::new(&self.path, error))
    }

    /// Makes it durable and gives it its name; returns its length in bytes.
    pub(super) fn commit(self) -> Result<u64, FileError> {
        let path = self.path;
        let failed = |error| FileError::new(&path, error);
        let out = self.out.finish().map_err(failed)?;
        let temp = out
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        temp.as_file().sync_all().map_err(failed)?;
        let bytes = temp.as_file().metadata().map_err(failed)?.len();
        temp.persist(&path).map_err(|error| failed(error.error))?;
        // The new name, too, must survive a crash. Some systems cannot sync folders; the file is
        // whole there as well.
        let _ = File::open(folder(&path)).and_then(|folder| folder.sync_all());
        Ok(bytes)
    }
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// How temporary files of a task begin; the attempt follows. Hidden, and of bounded length.
fn temporary(name: &OsStr, task: TaskId) -> String {
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
