//! From a workflow to a message: what a client does that has no more than a carrier.

use crate::id::{CollectionId, MessageId};
use crate::message::{Message, SubmitCollection, ToManager};
use crate::payload::{Claim, Payload, PayloadError};
use crate::ports::objects::{ObjectError, Objects};
use crate::ports::runtime::Runtime;
use crate::task::Registry;
use crate::workflow::{Workflow, WorkflowError, validate};

/// Why a workflow could not be submitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The workflow is not sound.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The plan or the scope document is too large for a message and cannot be kept elsewhere.
    #[error("the plan: {0}")]
    Payload(#[from] PayloadError),
    /// The object store failed.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// Makes the message that submits `workflow`.
///
/// The workflow is checked first, against `registry` if there is one. Payloads of more than
/// `limit / 2` bytes and a plan of more than `limit` bytes go to the object store; so does the
/// scope document, always.
///
/// # Errors
///
/// [`SubmitError`]; nothing has been submitted then.
pub async fn submission(
    mut workflow: Workflow,
    registry: Option<&Registry>,
    limit: usize,
    objects: Option<&dyn Objects>,
    runtime: &dyn Runtime,
) -> Result<(CollectionId, ToManager), SubmitError> {
    let collection_id = CollectionId::new(runtime);
    let scope = workflow.take_scope();
    let mut plan = workflow.build()?;
    if let Some(registry) = registry {
        validate::kinds(&plan, registry)?;
    }
    for (index, task) in plan.tasks.iter_mut().enumerate() {
        let payload = std::mem::replace(&mut task.payload, Payload::null());
        let key = || format!("payloads/{collection_id}/{index}");
        task.payload = payload
            .check_in(limit / 2, key, objects)
            .await
            .map_err(|source| WorkflowError::Payload {
                task: task.name.clone(),
                source,
            })?;
    }
    let scope = match (scope, objects) {
        (None, _) => None,
        (Some(document), Some(objects)) => {
            let key = format!("scopes/{collection_id}");
            Some(Claim::store(key, document.into(), objects).await?)
        }
        (Some(document), None) => {
            return Err(PayloadError::NoObjectStore {
                len: document.len() as u64,
            }
            .into());
        }
    };
    let key = || format!("plans/{collection_id}");
    let plan = Payload::encode(&plan)?;
    let plan = plan
        .check_in(limit.saturating_sub(1024), key, objects)
        .await?;
    let body = Message::SubmitCollection(SubmitCollection {
        collection_id,
        plan,
        scope,
    });
    Ok((collection_id, ToManager::new(MessageId::new(runtime), body)))
}
