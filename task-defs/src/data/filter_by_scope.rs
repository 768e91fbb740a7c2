//! Rows whose host is in scope.

use std::net::IpAddr;

use scanners::scope::{Scope, ScopeSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::requirements::DeclaresTaskData;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::pointer::Pointer;
use super::side::Side;
use super::walk::sift;
use crate::blocking::blocking;
use crate::scope;

/// Writes those rows of an earlier task, or of all children of a container, whose host is in
/// scope as its own task data. Rows keep their order and their text, and are streamed: memory
/// holds a page and the scope.
///
/// A host is a text with a name or an address. A place without one, or with anything else, is not
/// in scope; it is no error. An address is judged as one to which no name led: it needs an
/// [allowed net](scanners::scope::ScopeBuilder::allow_net).
///
/// The scope of the collection decides, if it has one, and so does the one given here: a host is
/// in scope if every scope that there is admits it.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, if there is no scope at all,
/// or one that is [no scope](scanners::scope::InvalidScope).
///
/// ```
/// use scanners::scope::ScopeSpec;
/// use sortie_task_defs::data::{FilterByScope, Side};
///
/// let filter = FilterByScope {
///     from: "names".to_owned(),
///     at: "/domain".parse()?,
///     keep: Side::In,
///     scope: Some(ScopeSpec::from_json(br#"{"allow_domains": ["example.com"]}"#)?),
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FilterByScope {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Where in a row the host is.
    pub at: Pointer,
    /// Which rows are kept.
    #[serde(default)]
    pub keep: Side,
    /// A scope besides that of the collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSpec>,
}

impl TaskDefinition for FilterByScope {
    const KIND: &'static str = "data.filter_by_scope";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let scopes = scopes(&cx, self.scope).await?;
        sift(&cx, &self.from, |row| {
            let host = self.at.find(row).and_then(Value::as_str);
            let inside = host.is_some_and(|host| scopes.iter().all(|scope| admits(scope, host)));
            self.keep.keeps(inside)
        })
        .await
    }
}

/// The scopes that must all admit a host. At least one.
async fn scopes<R: DeclaresTaskData>(
    cx: &TaskContext<R>,
    own: Option<ScopeSpec>,
) -> Result<Vec<Scope>, TaskError> {
    let mut scopes = Vec::new();
    if cx.scope_claim().is_some() {
        scopes.push(scope::scope(cx).await?);
    }
    if let Some(spec) = own {
        // A hundred thousand lines take longer than others may wait for this thread.
        let scope = blocking(move || Scope::try_from(spec)).await?;
        scopes.push(scope.map_err(|error| TaskError::fatal(format!("scope: {error}")))?);
    }
    if scopes.is_empty() {
        let error = "scope: there is none; give one here or submit the workflow with one";
        return Err(TaskError::fatal(error));
    }
    Ok(scopes)
}

fn admits(scope: &Scope, host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(addr) => scope.admit_ip(addr).is_ok(),
        Err(_) => scope.admit_name(host).is_ok(),
    }
}
