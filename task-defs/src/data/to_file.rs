//! All rows, in one file.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use task_core::ports::data::RowKey;
use task_core::{TaskContext, TaskDefinition, TaskError, TaskId, needs};

use super::walk::Walk;
use crate::blocking::{Sign, Stop, blocking, until_cancelled};
pub use crate::file::{Compression, FileError};
use crate::file::{Half, OutFile};

/// Writes the rows of an earlier task, or of all children of a container, into one file, a row a
/// line (NDJSON), in order and unchanged.
///
/// The file lies in the [`OutputFolder`] of the worker that runs the task, and nowhere else:
/// whoever submits a workflow chooses a name, not a path. It appears there when it is complete, and
/// replaces an older one of that name.
///
/// Rows are streamed; memory holds some of them. When its time runs out it puts what it has aside
/// beside the file. The next attempt goes on with that if it is there, and begins anew if not, as
/// on another worker.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, if the worker has no
/// [`OutputFolder`], or with the text of a [`FileError`]; nothing is left behind then.
///
/// ```
/// use sortie_task_defs::data::{Compression, ToFile};
///
/// let file = ToFile {
///     from: "endpoints".to_owned(),
///     name: "endpoints.ndjson.gz".parse()?,
///     compression: Compression::Gzip,
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidFileName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToFile {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// The name of the file. By convention it ends in `.ndjson`, and `.gz` or `.zst` behind that.
    pub name: FileName,
    /// How it is compressed.
    #[serde(default)]
    pub compression: Compression,
}

/// The folder that the tasks of a worker may write files into: a resource of the worker
/// ([`Resources`](task_core::Resources)). It must exist.
///
/// ```
/// use sortie_task_defs::data::OutputFolder;
/// use task_core::Resources;
///
/// let resources = Resources::new().with(OutputFolder("/srv/results".into()));
/// # let _ = resources;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFolder(pub PathBuf);

/// The name of a file, without a folder: 1 to 128 letters, digits, `.`, `-` and `_` of ASCII, and
/// no `.` in front.
///
/// ```
/// use sortie_task_defs::data::FileName;
///
/// assert!("out.ndjson.gz".parse::<FileName>().is_ok());
/// assert!("../out".parse::<FileName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

/// A text that is no file name here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no file name; it must have 1 to {max} of a-z, A-Z, 0-9, `.`, `-` and `_`, and no \
     `.` in front", max = FileName::MAX_BYTES
)]
pub struct InvalidFileName(String);

/// What [`ToFile`] returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileSummary {
    /// Rows in the file, which are its lines.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its text, before compression.
    pub text_bytes: u64,
    /// Where it lies, on the worker that ran the task.
    pub path: PathBuf,
}

/// Where an attempt stopped, and what it has put aside.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    behind: Option<RowKey>,
    half: Half,
    rows: u64,
    text_bytes: u64,
}

impl TaskDefinition for ToFile {
    const KIND: &'static str = "data.to_file";
    type Requires = needs![TaskDataAccess];
    type Output = FileSummary;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<FileSummary, TaskError> {
        let folder = cx.resources().get::<OutputFolder>().ok_or_else(|| {
            TaskError::fatal("this worker has no `OutputFolder` among its resources; add one")
        })?;
        let path = folder.0.join(&self.name.0);
        let (task, attempt, cursor) = (cx.task_id(), cx.attempt(), cx.cursor()?);
        let stop = Stop::default();
        let sign = Sign::new(cx.progress(), Arc::clone(&stop.0));
        let compression = self.compression;
        let begin = move || Lines::begin(path, task, attempt, compression, cursor);
        let (mut lines, behind) = blocking(begin).await?.map_err(failed)?;
        let mut walk = Walk::over(&cx, &self.from, behind).await?;
        let mut chunk = Vec::new();
        let mut bytes = 0;
        loop {
            let row = walk.next().await?;
            let last = row.is_none();
            if let Some(row) = row {
                bytes += row.raw.get().len();
                chunk.push(row.raw);
            }
            let out_of_time = !last && walk.must_end();
            if last || out_of_time || bytes >= CHUNK_BYTES || chunk.len() >= CHUNK_ROWS {
                let (chunk, sign) = (std::mem::take(&mut chunk), sign.clone());
                bytes = 0;
                let work = move || lines.write(&chunk, &sign).map(|()| lines);
                lines = until_cancelled(&cx, blocking(work)).await??;
            }
            if last {
                let commit = blocking(move || lines.commit());
                return until_cancelled(&cx, commit).await?.map_err(failed);
            }
            if out_of_time {
                let behind = walk.place();
                let put_aside = blocking(move || lines.put_aside(task, attempt, behind));
                let cursor = put_aside.await?.map_err(failed)?;
                return Err(TaskError::deadline(&cursor));
            }
        }
    }
}

/// Rows that are written at once.
const CHUNK_ROWS: usize = 256;
/// Bytes after which they are written.
const CHUNK_BYTES: usize = 1 << 20;

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: FileError) -> TaskError {
    TaskError::fatal(format!("name: {error}"))
}

/// The blocking half: rows in, file out.
struct Lines {
    file: OutFile,
    path: PathBuf,
    rows: u64,
    text_bytes: u64,
}

impl Lines {
    fn begin(
        path: PathBuf,
        task: TaskId,
        attempt: u32,
        compression: Compression,
        cursor: Option<Cursor>,
    ) -> Result<(Self, Option<RowKey>), FileError> {
        if let Some(cursor) = cursor
            && let Some(file) = OutFile::resume(&path, task, attempt, compression, cursor.half)?
        {
            let lines = Self {
                file,
                path,
                rows: cursor.rows,
                text_bytes: cursor.text_bytes,
            };
            return Ok((lines, cursor.behind));
        }
        let lines = Self {
            file: OutFile::create(&path, task, attempt, compression)?,
            path,
            rows: 0,
            text_bytes: 0,
        };
        Ok((lines, None))
    }

    fn write(&mut self, rows: &[Box<RawValue>], sign: &Sign) -> Result<(), TaskError> {
        for row in rows {
            // A row may have been written by hand, over several lines.
            let compact;
            let mut text = row.get();
            if text.contains(['\n', '\r']) {
                compact = serde_json::from_str::<serde_json::Value>(text)?.to_string();
                text = &compact;
            }
            self.file.line(text.as_bytes()).map_err(failed)?;
            self.rows += 1;
            self.text_bytes += text.len() as u64 + 1;
            if !sign.goes_on(self.rows) {
                return Err(TaskError::Cancelled);
            }
        }
        Ok(())
    }

    fn commit(self) -> Result<FileSummary, FileError> {
        Ok(FileSummary {
            rows: self.rows,
            bytes: self.file.commit()?,
            text_bytes: self.text_bytes,
            path: self.path,
        })
    }

    fn put_aside(
        self,
        task: TaskId,
        attempt: u32,
        behind: Option<RowKey>,
    ) -> Result<Cursor, FileError> {
        Ok(Cursor {
            behind,
            half: self.file.put_aside(task, attempt)?,
            rows: self.rows,
            text_bytes: self.text_bytes,
        })
    }
}

impl FileName {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FileName {
    type Error = InvalidFileName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let fits = (1..=Self::MAX_BYTES).contains(&name.len());
        if fits && !name.starts_with('.') && name.bytes().all(allowed) {
            return Ok(Self(name));
        }
        Err(InvalidFileName(
            name.chars().take(Self::MAX_BYTES).collect(),
        ))
    }
}

impl std::str::FromStr for FileName {
    type Err = InvalidFileName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name.to_owned())
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}
