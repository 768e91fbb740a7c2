//! A message of what an earlier task found.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use task_core::{RetryPolicy, TaskContext, TaskDefinition, TaskError, needs};

use super::deliver::{MAX_MESSAGE, Notified, RETRY, deliver};

/// Tells a webhook how many rows an earlier task, or all children of a container, have produced,
/// and the first of them.
///
/// The message has the type `notification.task_result`, and as `data` the fields `from`, `rows` (how
/// many there are) and `first` (some of them, in order): as many as [`max_rows`](Self::max_rows)
/// allows and fit into the message. A row that does not fit ends the list.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, else as for
/// [`GenericNotification`](super::GenericNotification).
///
/// ```
/// use sortie_task_defs::control::notify::TaskResultNotification;
/// use sortie_task_defs::data::InsertData;
///
/// let told = TaskResultNotification::new("ops", "domains");
/// let plan = task_core::Workflow::new("names")
///     .task("domains", InsertData { rows: vec!["example.com".into()] })
///     .task("told", told)
///     .build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskResultNotification {
    /// The webhook, by the name that the worker has for it.
    pub to: String,
    /// The name of the task or container whose rows are told.
    pub from: String,
    /// The most rows of the message. 20; 0 tells their number only.
    #[serde(default = "default_max_rows")]
    pub max_rows: u32,
}

/// Room for what surrounds the rows.
const AROUND: usize = 4 << 10;

#[derive(Serialize)]
struct Data<'a> {
    from: &'a str,
    rows: u64,
    first: &'a [Box<RawValue>],
}

impl TaskResultNotification {
    /// Tells `to` of `from`, with the first twenty rows.
    pub fn new(to: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            from: from.into(),
            max_rows: default_max_rows(),
        }
    }
}

impl TaskDefinition for TaskResultNotification {
    const KIND: &'static str = "notify.task_result";
    type Requires = needs![TaskDataAccess];
    type Output = Notified;

    fn retry() -> RetryPolicy {
        RETRY
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Notified, TaskError> {
        let data = cx.task_data();
        let count = data.count(&self.from).await?;
        let mut first: Vec<Box<RawValue>> = Vec::new();
        let mut room = MAX_MESSAGE.saturating_sub(AROUND + self.from.len());
        if self.max_rows > 0 {
            let mut rows = data.of::<Box<RawValue>>(&self.from).await?;
            while let Some(row) = rows.next().await? {
                if cx.is_cancelled() {
                    return Err(TaskError::Cancelled);
                }
                let Some(left) = room.checked_sub(row.get().len() + 1) else {
                    break;
                };
                room = left;
                first.push(row);
                if first.len() >= self.max_rows as usize {
                    break;
                }
            }
        }
        let data = Data {
            from: &self.from,
            rows: count,
            first: &first,
        };
        deliver(&cx, &self.to, "notification.task_result", "from", &data).await
    }
}

fn default_max_rows() -> u32 {
    20
}
