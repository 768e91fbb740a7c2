//! A message that something failed.

use serde::{Deserialize, Serialize};
use task_core::{RetryPolicy, TaskContext, TaskDefinition, TaskError, needs};

use super::deliver::{Notified, RETRY, deliver};

/// Tells a webhook that something failed: a step for the branch of a workflow that is chosen then.
///
/// The message has the type `notification.error`, and as `data` the fields `error` and `of` of the
/// payload.
///
/// # Errors
///
/// As for [`GenericNotification`](super::GenericNotification).
///
/// ```
/// use sortie_task_defs::control::notify::ErrorNotification;
/// use sortie_task_defs::control::{Conditional, Test};
/// use sortie_task_defs::data::InsertData;
/// use task_core::Workflow;
///
/// let any = Conditional { from: "domains".to_owned(), holds: Test::HasRows };
/// let none = ErrorNotification {
///     to: "ops".to_owned(),
///     error: "the source found no name".to_owned(),
///     of: Some("domains".to_owned()),
/// };
/// let plan = Workflow::new("names")
///     .task("domains", InsertData { rows: vec![] })
///     .when("any", any, |then| then, |otherwise| otherwise.task("none", none))
///     .build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ErrorNotification {
    /// The webhook, by the name that the worker has for it.
    pub to: String,
    /// What went wrong.
    pub error: String,
    /// The name of the task or container that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

#[derive(Serialize)]
struct Data<'a> {
    error: &'a str,
    of: Option<&'a str>,
}

impl TaskDefinition for ErrorNotification {
    const KIND: &'static str = "notify.error";
    type Requires = needs![];
    type Output = Notified;

    fn retry() -> RetryPolicy {
        RETRY
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Notified, TaskError> {
        let data = Data {
            error: &self.error,
            of: self.of.as_deref(),
        };
        deliver(&cx, &self.to, "notification.error", "error", &data).await
    }
}
