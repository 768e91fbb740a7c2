//! A task that waits.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{TaskContext, TaskDefinition, TaskError, Timestamp, needs};

/// Does nothing until an instant, or for a while after it was first run; what stands behind it in
/// its sequence waits.
///
/// No worker is held: it [pauses](TaskError::Pause), a day at most at once, which costs none of its
/// retries. It may be late, by what the carrier and the queue take; it is never early. A limit on
/// the task's time in all, or a deadline of the run, ends it as any other.
///
/// ```
/// use std::time::Duration;
/// use sortie_task_defs::control::SleepUntil;
/// use sortie_task_defs::data::InsertData;
/// use task_core::Workflow;
///
/// let plan = Workflow::new("twice")
///     .task("now", InsertData { rows: vec![] })
///     .task("pause", SleepUntil::after(Duration::from_secs(6 * 3600)))
///     .task("later", InsertData { rows: vec![] })
///     .build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SleepUntil {
    /// Until an instant, in milliseconds since 1970 (UTC). One that has passed is no wait.
    AtMs(Timestamp),
    /// For so many milliseconds after the task first ran.
    AfterMs(u64),
}

/// Where a pause is: the instant does not move when the task is interrupted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Cursor {
    until: Timestamp,
    /// When this pause began; so that no two cursors are equal, which would be no progress.
    since: Timestamp,
}

impl SleepUntil {
    /// Until an instant.
    pub const fn at(instant: Timestamp) -> Self {
        Self::AtMs(instant)
    }

    /// For a while after the task first ran; whole milliseconds.
    pub fn after(wait: Duration) -> Self {
        Self::AfterMs(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }
}

impl TaskDefinition for SleepUntil {
    const KIND: &'static str = "control.sleep_until";
    type Requires = needs![];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let since = cx.now();
        let until = match (cx.cursor::<Cursor>()?, self) {
            (Some(cursor), _) => cursor.until,
            (None, Self::AtMs(instant)) => instant,
            (None, Self::AfterMs(wait)) => since.after(Duration::from_millis(wait)),
        };
        if since >= until {
            return Ok(());
        }
        Err(TaskError::pause(
            &Cursor { until, since },
            until.since(since),
        ))
    }
}
