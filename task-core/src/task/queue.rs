//! How a generator creates tasks.

use std::sync::Arc;
use std::time::Duration;

use super::context::Attempt;
use super::definition::TaskDefinition;
use super::error::TaskError;
use crate::id::MessageId;
use crate::message::{CreateTasks, Message, NewChild, ToManager};
use crate::payload::Payload;
use crate::policy::{Limits, RetryPolicy, TaskOptions};
use crate::ports::transport::Outgoing;
use crate::route::Queue;

/// The children of a generator: streamed to the manager in batches, with back-pressure.
///
/// Children are numbered in the order of their creation, and the number makes their ids: a
/// generator that runs again makes the same children, as long as it goes through its input in the
/// same order. When the task returns, what is buffered is sent and the total is committed last.
#[derive(Clone, Debug)]
pub struct Children {
    attempt: Arc<Attempt>,
}

/// A task to create, with options of its own.
#[derive(Debug)]
pub struct Child<T> {
    task: T,
    options: Option<TaskOptions>,
}

impl<T: TaskDefinition> Child<T> {
    /// With the definition's own options.
    pub const fn new(task: T) -> Self {
        Self {
            task,
            options: None,
        }
    }

    /// With another retry policy.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.options_mut().retry = retry;
        self
    }

    /// With other time limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options_mut().limits = limits;
        self
    }

    /// The task, and its options: the definition's unless they were set here.
    pub(crate) fn into_parts(self) -> (T, TaskOptions) {
        let own = || TaskOptions {
            retry: T::retry(),
            limits: T::limits(),
        };
        (self.task, self.options.unwrap_or_else(own))
    }

    fn options_mut(&mut self) -> &mut TaskOptions {
        self.options.get_or_insert_with(|| TaskOptions {
            retry: T::retry(),
            limits: T::limits(),
        })
    }
}

impl<T: TaskDefinition> From<T> for Child<T> {
    fn from(task: T) -> Self {
        Self::new(task)
    }
}

impl Children {
    pub(crate) const fn of(attempt: Arc<Attempt>) -> Self {
        Self { attempt }
    }

    /// Creates one more child. Waits while the manager is behind.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if the payload has no JSON form, or is too large and there is no
    /// object store; [`TaskError::Retry`] if the carrier fails.
    pub async fn create<T: TaskDefinition>(
        &self,
        child: impl Into<Child<T>>,
    ) -> Result<(), TaskError> {
        let Child { task, options } = child.into();
        let targets = task.targets();
        let payload = Payload::encode(&task)?;
        drop(task);
        let limit = self.message_limit();
        let mut state = self.attempt.children.lock().await;
        let ordinal = state.next;
        let id = self.attempt.task.task_id.child(ordinal);
        let key = || format!("payloads/{}/{id}", self.attempt.task.collection_id);
        let payload = payload
            .check_in(limit / 2, key, self.attempt.objects())
            .await?;
        let size = payload.inline_len() + T::KIND.len() + 192;
        if state.bytes + size > limit {
            self.flush_locked(&mut state).await?;
        }
        state.next = ordinal.checked_add(1).ok_or_else(|| {
            TaskError::fatal("a generator cannot have more than 4,294,967,295 children")
        })?;
        state.bytes += size;
        state.buffer.push(NewChild {
            ordinal,
            kind: T::KIND.to_owned(),
            version: T::VERSION,
            targets,
            options,
            payload,
        });
        self.attempt.progress.checkpoint();
        Ok(())
    }

    /// How many children there are so far, those of an earlier attempt that handed back a cursor
    /// included.
    pub async fn len(&self) -> u32 {
        self.attempt.children.lock().await.next
    }

    /// Whether there are none so far.
    pub async fn is_empty(&self) -> bool {
        self.len().await == 0
    }

    /// Sends what is buffered. Called at the end by itself; call it before a long pause.
    ///
    /// # Errors
    ///
    /// [`TaskError::Retry`] if the carrier fails.
    pub async fn flush(&self) -> Result<(), TaskError> {
        self.flush_locked(&mut *self.attempt.children.lock().await)
            .await
    }

    /// Bytes of children per message: small enough for every carrier and for the manager's
    /// memory, large enough that the message itself costs nothing.
    fn message_limit(&self) -> usize {
        let carrier = self.attempt.host.transport.limits().message_bytes;
        carrier.min(MESSAGE_BYTES).saturating_sub(1024).max(1024)
    }

    async fn flush_locked(&self, state: &mut ChildrenState) -> Result<(), TaskError> {
        if state.buffer.is_empty() {
            return Ok(());
        }
        let attempt = &self.attempt;
        let message = Message::CreateTasks(CreateTasks {
            parent_id: attempt.task.task_id,
            attempt: attempt.task.attempt,
            fence: attempt.task.fence,
            children: std::mem::take(&mut state.buffer),
        });
        state.bytes = 0;
        let message = ToManager::new(MessageId::new(&*attempt.host.runtime), message).encode();
        let outgoing = Outgoing {
            body: message,
            delay: Duration::ZERO,
        };
        for sent in attempt
            .host
            .transport
            .send(Queue::Manager, vec![outgoing])
            .await?
        {
            sent?;
        }
        attempt.progress.checkpoint();
        Ok(())
    }
}

const MESSAGE_BYTES: usize = 16 << 10;

/// Children on their way.
#[derive(Debug)]
pub(crate) struct ChildrenState {
    buffer: Vec<NewChild>,
    bytes: usize,
    pub(crate) next: u32,
}

impl ChildrenState {
    pub(crate) const fn starting_at(next: u32) -> Self {
        Self {
            buffer: Vec::new(),
            bytes: 0,
            next,
        }
    }
}
