//! The object-safe twin of a definition. Users never write it and never see it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::context::{Attempt, TaskContext};
use super::definition::{Routed, TaskDefinition};
use super::error::TaskError;
use crate::payload::Payload;
use crate::policy::TaskOptions;
use crate::requirements::WorkerRequirement;
use crate::route::WorkerKind;

/// What a registry knows of a definition.
#[derive(Clone, Copy, Debug)]
pub struct ErasedTask {
    /// The wire name.
    pub kind: &'static str,
    /// The version of the payload's form.
    pub version: u32,
    /// What it needs.
    pub requirements: &'static [WorkerRequirement],
    /// Where it is routed.
    pub worker: WorkerKind,
    /// The kinds that it creates; see [`TaskDefinition::CREATES`].
    pub creates: &'static [&'static str],
    /// Its own retries and time limits.
    pub options: TaskOptions,
    pub(crate) run: RunFn,
}

pub(crate) type RunFn = fn(Arc<Attempt>) -> BoxFuture<'static, Result<Payload, TaskError>>;

impl ErasedTask {
    pub(super) fn of<T: TaskDefinition>() -> Self {
        Self {
            kind: T::KIND,
            version: T::VERSION,
            requirements: T::WORKER_REQUIREMENTS,
            worker: T::WORKER_KIND,
            creates: T::CREATES,
            options: TaskOptions {
                retry: T::retry(),
                limits: T::limits(),
            },
            run: |attempt| Box::pin(run::<T>(attempt)),
        }
    }
}

async fn run<T: TaskDefinition>(attempt: Arc<Attempt>) -> Result<Payload, TaskError> {
    let limit = attempt.host.payload_limit;
    let task: T = {
        let json = attempt
            .task
            .payload
            .resolve(limit, attempt.objects())
            .await?;
        decode(attempt.task.kind_version, &json)?
    };
    let output = task.run(TaskContext::new(attempt)).await?;
    Ok(Payload::encode(&output)?)
}

fn decode<T: TaskDefinition>(version: u32, json: &RawValue) -> Result<T, TaskError> {
    let failed = |error: &dyn std::fmt::Display| {
        TaskError::fatal(format!(
            "the payload does not decode as `{}` version {}: {error}",
            T::KIND,
            T::VERSION
        ))
    };
    if version == T::VERSION {
        return from_json(json).map_err(|error| failed(&error));
    }
    let old = from_json(json).map_err(|error| failed(&error))?;
    let new = T::upgrade(version, old).map_err(|error| failed(&error))?;
    serde_path_to_error::deserialize(new).map_err(|error| failed(&error))
}

/// Decodes JSON. The error names the field: `keep.equals.at: …`.
pub(super) fn from_json<T: DeserializeOwned>(
    json: &RawValue,
) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    // Keeping the path costs time, so it is looked for only when there is something to tell. A
    // raw value is one JSON value by construction: nothing stands behind it.
    serde_json::from_str(json.get()).or_else(|_| {
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(json.get()))
    })
}
