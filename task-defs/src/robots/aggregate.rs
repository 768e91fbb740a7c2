//! All records of a scan, in one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use task_core::{PayloadError, TaskContext, TaskDefinition, TaskError, TaskId, needs};

use super::entry::Entry;
use super::parts;
use super::record::{RobotsChunk, RobotsRecord};
use super::sorter::{SortError, Sorter};
use crate::blocking::{Sign, Stop, blocking, until_cancelled};
use crate::file::{Compression, FileError, OutFile, folder};

/// Writes the records of all chunks into one gzipped file: a [`RobotsRecord`] a line (NDJSON),
/// sorted by domain. The same records give the same bytes.
///
/// It holds one chunk and 64 MiB of records in memory; what is more is sorted on disk, in the
/// folder of `out`. The file appears there when it is complete, and replaces an older one.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, its rows are no
/// [`RobotsChunk`]s, or with the text of a [`FileError`]; nothing is left behind then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RobotsAggregate {
    /// The name of the container of scans.
    pub from: String,
    /// Where the file will lie, on the worker that runs the task. The folder must exist. By
    /// convention the name ends in `.ndjson.gz`.
    pub out: PathBuf,
}

/// What [`RobotsAggregate`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RobotsSummary {
    /// Records in the file, which are its lines.
    pub records: u64,
    /// Records by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its text, before compression.
    pub text_bytes: u64,
    /// Where it lies.
    pub path: PathBuf,
}

impl TaskDefinition for RobotsAggregate {
    const KIND: &'static str = "robots.aggregate";
    type Requires = needs![TaskDataAccess];
    type Output = RobotsSummary;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<RobotsSummary, TaskError> {
        let stop = Stop::default();
        let sign = Sign::new(cx.progress(), Arc::clone(&stop.0));
        let (out, task, attempt) = (self.out, cx.task_id(), cx.attempt());
        // First of all, so that a folder that cannot be written is found before the work.
        let mut merge = blocking(move || Merge::begin(out, task, attempt, MEMORY_BYTES)).await??;
        let mut chunks = cx.task_data().of::<RobotsChunk>(&self.from).await?;
        while let Some(chunk) = chunks.next().await? {
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            let sign_of_add = sign.clone();
            let add = move || merge.add(&chunk.records, &sign_of_add).map(|()| merge);
            merge = until_cancelled(&cx, blocking(add)).await??;
            for part in chunk.parts {
                let objects = cx
                    .objects()
                    .ok_or(PayloadError::NoObjectStore { len: part.len })?;
                let lines = parts::fetch(&part, cx.collection_id(), &**objects).await?;
                let sign_of_add = sign.clone();
                let add = move || {
                    merge.add_lines(&part.key, &lines, &sign_of_add)?;
                    Ok::<_, TaskError>(merge)
                };
                merge = until_cancelled(&cx, blocking(add)).await??;
                cx.checkpoint();
            }
        }
        until_cancelled(&cx, blocking(move || merge.finish(&sign))).await?
    }
}

/// Bytes of records in memory.
const MEMORY_BYTES: usize = 64 << 20;

/// The blocking half: records in, file out.
struct Merge {
    sorter: Sorter,
    file: OutFile,
    summary: RobotsSummary,
}

impl Merge {
    fn begin(path: PathBuf, task: TaskId, attempt: u32, memory: usize) -> Result<Self, FileError> {
        Ok(Self {
            file: OutFile::create(&path, task, attempt, Compression::Gzip)?,
            sorter: Sorter::new(folder(&path).to_owned(), memory),
            summary: RobotsSummary {
                path,
                ..RobotsSummary::default()
            },
        })
    }

    fn add(&mut self, records: &[RobotsRecord], sign: &Sign) -> Result<(), TaskError> {
        for record in records {
            let count = self
                .summary
                .outcomes
                .entry(record.outcome.as_str().to_owned());
            *count.or_default() += 1;
            let entry = Entry::of(record)?;
            self.sorter
                .push(entry, sign)
                .map_err(failed(&self.summary.path))?;
        }
        Ok(())
    }

    fn add_lines(&mut self, part: &str, lines: &[u8], sign: &Sign) -> Result<(), TaskError> {
        for record in serde_json::Deserializer::from_slice(lines).into_iter() {
            let record =
                record.map_err(|error| TaskError::fatal(format!("the part `{part}`: {error}")))?;
            self.add(&[record], sign)?;
        }
        Ok(())
    }

    fn finish(self, sign: &Sign) -> Result<RobotsSummary, TaskError> {
        let Self {
            sorter,
            mut file,
            mut summary,
        } = self;
        let path = summary.path.clone();
        let unreadable = |error| FileError::new(&path, error);
        let mut sorted = sorter.finish().map_err(unreadable)?;
        while let Some(entry) = sorted.next().map_err(unreadable)? {
            file.line(&entry.line)?;
            summary.text_bytes += entry.line.len() as u64 + 1;
            summary.records += 1;
            if !sign.goes_on(summary.records) {
                return Err(TaskError::Cancelled);
            }
        }
        summary.bytes = file.commit()?;
        Ok(summary)
    }
}

impl From<FileError> for TaskError {
    fn from(error: FileError) -> Self {
        Self::fatal(format!("out: {error}"))
    }
}

fn failed(path: &Path) -> impl Fn(SortError) -> TaskError + '_ {
    |error| match error {
        SortError::Io(error) => FileError::new(path, error).into(),
        SortError::Stopped => TaskError::Cancelled,
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
