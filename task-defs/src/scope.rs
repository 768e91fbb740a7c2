//! The scope of a collection, which a worker parses once for all its tasks.

use scanners::scope::{InvalidScope, Scope, ScopeSpec};
use task_core::{TaskContext, TaskError};

use crate::blocking::blocking;

/// How many a worker keeps; the oldest goes first.
const KEPT: usize = 4;

/// Scopes by the hash of their document. Fetching and parsing one for a million names takes a
/// second, so tasks that start together wait for the first of them.
#[derive(Default)]
struct Scopes(tokio::sync::Mutex<Vec<(String, Scope)>>);

/// The scope of the collection, parsed once on each worker, where that holds up nobody.
///
/// # Errors
///
/// [`TaskError::OutOfScope`] if the collection has no scope document, [`TaskError::Fatal`] if it is
/// none.
pub(crate) async fn scope<R>(cx: &TaskContext<R>) -> Result<Scope, TaskError> {
    let missing = || {
        TaskError::OutOfScope(
            "this collection has no scope document; attach one with `Workflow::scope`".to_owned(),
        )
    };
    let claim = cx.scope_claim().ok_or_else(missing)?;
    let scopes = cx.resources().get_or_init(Scopes::default);
    let mut scopes = scopes.0.lock().await;
    if let Some((_, scope)) = scopes.iter().find(|(sha256, _)| *sha256 == claim.sha256) {
        return Ok(scope.clone());
    }
    let document = cx.scope().await?.ok_or_else(missing)?;
    let scope = blocking(move || parse(&document)).await?.map_err(|error| {
        TaskError::fatal(format!("the scope document of this collection: {error}"))
    })?;
    if scopes.len() >= KEPT {
        scopes.remove(0);
    }
    scopes.push((claim.sha256.clone(), scope.clone()));
    Ok(scope)
}

fn parse(document: &[u8]) -> Result<Scope, InvalidScope> {
    Scope::try_from(ScopeSpec::from_json(document)?)
}
