//! The object store as one machine sees it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use task_core::ports::objects::{ObjectError, Objects};

use super::chaos::Chaos;
use super::faults::Fault;
use super::paths::Path;
use super::world::Machine;

/// The real one, which fails now and then: before or after the deed.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) chaos: Arc<Chaos>,
    pub(super) machine: Machine,
}

impl Shelf {
    fn strike(&self, key: &str) -> Result<(), ObjectError> {
        match self.chaos.strikes(Fault::ObjectsFail, self.machine) {
            None => Ok(()),
            Some(_) => {
                if !key.starts_with("cancelled/") {
                    self.chaos.passed(Path::PayloadUnavailable);
                }
                Err(ObjectError::Backend {
                    key: key.to_owned(),
                    source: "throttled".into(),
                })
            }
        }
    }
}

#[async_trait]
impl Objects for Shelf {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError> {
        self.strike(key)?;
        self.objects.put(key, bytes).await?;
        self.strike(key)
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Bytes, ObjectError> {
        self.strike(key)?;
        let bytes = self.objects.get(key, limit).await?;
        if key.starts_with("scopes/") {
            self.chaos.passed(Path::ScopeRead);
        }
        Ok(bytes)
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<(), ObjectError> {
        self.strike(prefix)?;
        self.objects.delete_prefix(prefix).await
    }
}
