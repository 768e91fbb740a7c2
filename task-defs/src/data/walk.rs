//! Going through the rows of an earlier task, within the time that there is.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use task_core::ports::data::RowKey;
use task_core::requirements::DeclaresTaskData;
use task_core::{Rows, TaskContext, TaskError};

/// With less time than this left, a task hands back its cursor: enough to write what is buffered.
const MARGIN: Duration = Duration::from_secs(5);

/// Rows in order, with what every task that goes through them must look at.
pub(crate) struct Walk<R> {
    cx: TaskContext<R>,
    from: String,
    rows: Rows<Box<RawValue>>,
}

/// A row: as it was written, to be written again without a change, and decoded, to be judged.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) raw: Box<RawValue>,
    pub(crate) value: Value,
}

impl<R: DeclaresTaskData> Walk<R> {
    /// The rows of the task or container called `from`, behind the place that a cursor holds.
    pub(crate) async fn over(
        cx: &TaskContext<R>,
        from: &str,
        behind: Option<RowKey>,
    ) -> Result<Self, TaskError> {
        Ok(Self {
            cx: cx.clone(),
            from: from.to_owned(),
            rows: cx.task_data().of(from).await?.behind(behind),
        })
    }

    /// The next row, or `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Row>, TaskError> {
        if self.cx.is_cancelled() {
            return Err(TaskError::Cancelled);
        }
        let Some(raw) = self.rows.next().await? else {
            return Ok(None);
        };
        match serde_json::from_str(raw.get()) {
            Ok(value) => Ok(Some(Row { raw, value })),
            Err(error) => Err(self.refuse(format_args!("does not decode: {error}"))),
        }
    }

    /// Whether to hand back the cursor now. To be asked behind a new row only, so that every
    /// attempt gets further than the one before.
    pub(crate) fn must_end(&self) -> bool {
        self.cx.is_leaving() || self.cx.remaining().is_some_and(|left| left < MARGIN)
    }

    /// The place of the last row, for the cursor.
    pub(crate) fn place(&self) -> Option<RowKey> {
        self.rows.place()
    }

    /// The failure of a task that cannot go on with the last row.
    pub(crate) fn refuse(&self, why: impl std::fmt::Display) -> TaskError {
        let from = &self.from;
        TaskError::fatal(match self.place() {
            Some(RowKey { task, seq }) => format!("row {seq} of task {task} in `{from}`: {why}"),
            None => format!("a row of `{from}`: {why}"),
        })
    }
}

/// Writes the rows of `from` that `keep` lets through, in order and unchanged. When the time runs
/// out it hands back the place that it has reached.
pub(super) async fn sift<R: DeclaresTaskData>(
    cx: &TaskContext<R>,
    from: &str,
    mut keep: impl FnMut(&Value) -> bool + Send,
) -> Result<(), TaskError> {
    let data = cx.task_data();
    let mut walk = Walk::over(cx, from, cx.cursor()?).await?;
    while let Some(row) = walk.next().await? {
        if keep(&row.value) {
            data.push(&row.raw).await?;
        }
        if walk.must_end() {
            return Err(TaskError::deadline(&walk.place()));
        }
    }
    Ok(())
}
