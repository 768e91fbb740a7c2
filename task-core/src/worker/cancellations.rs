//! Which collections were cancelled, as far as this worker has heard.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::id::CollectionId;
use crate::ports::objects::Objects;
use crate::ports::runtime::Runtime;
use crate::task::cancel_marker;
use crate::time::Timestamp;

/// Looks for the manager's word in the object store, once per collection and interval, however
/// many tasks ask.
#[derive(Debug)]
pub(super) struct Cancellations {
    objects: Option<Arc<dyn Objects>>,
    runtime: Arc<dyn Runtime>,
    pub(super) every: Duration,
    heard: std::sync::Mutex<HashMap<CollectionId, (Timestamp, bool)>>,
}

impl Cancellations {
    pub(super) fn new(
        objects: Option<Arc<dyn Objects>>,
        runtime: Arc<dyn Runtime>,
        every: Duration,
    ) -> Self {
        Self {
            objects,
            runtime,
            every,
            heard: std::sync::Mutex::default(),
        }
    }

    pub(super) async fn check(&self, collection: CollectionId) -> bool {
        let Some(objects) = &self.objects else {
            return false;
        };
        let now = self.runtime.now();
        {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.len() > MOST_REMEMBERED {
                heard.retain(|_, (at, _)| now.since(*at) < self.every);
            }
            match heard.get_mut(&collection) {
                Some((_, true)) => return true,
                Some((at, false)) if now.since(*at) < self.every => return false,
                // Who comes next meanwhile need not ask as well.
                Some((at, _)) => *at = now,
                None => {
                    heard.insert(collection, (now, false));
                }
            }
        }
        let cancelled = objects.get(&cancel_marker(collection), 1).await.is_ok();
        if cancelled {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.insert(collection, (now, true));
        }
        cancelled
    }
}

const MOST_REMEMBERED: usize = 1000;
