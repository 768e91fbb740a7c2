//! A message of any content.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{RetryPolicy, TaskContext, TaskDefinition, TaskError, needs};

use super::deliver::{Notified, RETRY, deliver};

/// Tells a webhook what its payload says.
///
/// The message has the type `notification.generic`, and as `data` the `subject` and the `data` of
/// the payload.
///
/// # Errors
///
/// With the text of a [`NotifyError`](super::NotifyError): [`TaskError::Retry`] where trying again
/// may help, else [`TaskError::Fatal`].
///
/// ```
/// use serde_json::json;
/// use sortie_task_defs::control::notify::GenericNotification;
///
/// let told = GenericNotification {
///     to: "ops".to_owned(),
///     subject: "the weekly scan has begun".to_owned(),
///     data: json!({"names": 1_000_000}),
/// };
/// let plan = task_core::Workflow::new("weekly").task("begun", told).build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GenericNotification {
    /// The webhook, by the name that the worker has for it.
    pub to: String,
    /// What it is about, for people.
    pub subject: String,
    /// Anything, for programs.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

#[derive(Serialize)]
struct Data<'a> {
    subject: &'a str,
    data: &'a Value,
}

impl TaskDefinition for GenericNotification {
    const KIND: &'static str = "notify.generic";
    type Requires = needs![];
    type Output = Notified;

    fn retry() -> RetryPolicy {
        RETRY
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Notified, TaskError> {
        let data = Data {
            subject: &self.subject,
            data: &self.data,
        };
        deliver(&cx, &self.to, "notification.generic", "data", &data).await
    }
}
