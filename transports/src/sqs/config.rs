//! Which queues a process uses, and where they are.

use std::collections::BTreeMap;

use task_core::Queue;

use super::SqsError;

/// The queues that a process uses. The others are out of its reach: an External worker needs its
/// own queue and the manager's, and should have rights on no other.
///
/// ```
/// use sortie_transports::sqs::SqsConfig;
/// use task_core::Queue;
///
/// let manager = SqsConfig::prefix("sortie-prod");
/// assert_eq!(manager.address(Queue::BareMetal), Some("sortie-prod-bare-metal"));
///
/// let worker = SqsConfig::default()
///     .queue(Queue::Manager, "sortie-prod-manager")
///     .queue(Queue::External, "https://sqs.eu-central-1.amazonaws.com/123456789012/scans");
/// assert_eq!(worker.address(Queue::Internal), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqsConfig {
    queues: BTreeMap<Queue, String>,
}

impl SqsConfig {
    /// All four queues, named `{prefix}-manager`, `{prefix}-external`, `{prefix}-internal` and
    /// `{prefix}-bare-metal`.
    pub fn prefix(prefix: &str) -> Self {
        let named = |queue: Queue| {
            let name = queue.as_str().replace('_', "-");
            (queue, format!("{prefix}-{name}"))
        };
        Self {
            queues: Queue::ALL.into_iter().map(named).collect(),
        }
    }

    /// The queue has this name (in the account and region of the client) or URL.
    #[must_use]
    pub fn queue(mut self, queue: Queue, address: impl Into<String>) -> Self {
        self.queues.insert(queue, address.into());
        self
    }

    /// This process does not use the queue.
    #[must_use]
    pub fn without(mut self, queue: Queue) -> Self {
        self.queues.remove(&queue);
        self
    }

    /// From `SORTIE_SQS_PREFIX`, which names all four, and `SORTIE_SQS_MANAGER`,
    /// `SORTIE_SQS_EXTERNAL`, `SORTIE_SQS_INTERNAL` and `SORTIE_SQS_BARE_METAL`, which name one
    /// each and win. A queue that none of them names is not used.
    ///
    /// # Errors
    ///
    /// [`SqsError::Variable`] if one is no name and no URL, [`SqsError::NoQueues`] if there is
    /// none.
    pub fn from_env() -> Result<Self, SqsError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same from other places than the environment.
    ///
    /// ```
    /// use sortie_transports::sqs::SqsConfig;
    ///
    /// let variable = |name: &str| (name == "SORTIE_SQS_PREFIX").then(|| "lab 1".to_owned());
    /// let refused = SqsConfig::from_variables(variable).unwrap_err();
    /// assert!(refused.to_string().starts_with("`SORTIE_SQS_PREFIX` is \"lab 1\"; it must be"));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SqsError> {
        let read = |name: &str| match variable(name) {
            None => Ok(None),
            Some(value) if is_address(&value) => Ok(Some(value)),
            Some(value) => Err(SqsError::Variable {
                name: name.to_owned(),
                value,
            }),
        };
        let mut config = match read("SORTIE_SQS_PREFIX")? {
            Some(prefix) => Self::prefix(&prefix),
            None => Self::default(),
        };
        for queue in Queue::ALL {
            let name = format!("SORTIE_SQS_{}", queue.as_str().to_ascii_uppercase());
            if let Some(address) = read(&name)? {
                config = config.queue(queue, address);
            }
        }
        if config.queues.is_empty() {
            return Err(SqsError::NoQueues);
        }
        Ok(config)
    }

    /// The name or URL of a queue, if this process uses it.
    pub fn address(&self, queue: Queue) -> Option<&str> {
        self.queues.get(&queue).map(String::as_str)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = (Queue, &str)> {
        self.queues
            .iter()
            .map(|(queue, address)| (*queue, address.as_str()))
    }
}

fn is_address(text: &str) -> bool {
    let named = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    is_url(text) || (!text.is_empty() && text.len() <= 80 && text.bytes().all(named))
}

pub(super) fn is_url(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_names_one_queue_and_wins() {
        let config = SqsConfig::from_variables(|name| match name {
            "SORTIE_SQS_PREFIX" => Some("lab".into()),
            "SORTIE_SQS_BARE_METAL" => Some("http://127.0.0.1:4566/000000000000/raw".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(config.address(Queue::Manager), Some("lab-manager"));
        let raw = "http://127.0.0.1:4566/000000000000/raw";
        assert_eq!(config.address(Queue::BareMetal), Some(raw));
    }

    #[test]
    fn no_variable_is_an_error_that_names_them() {
        let refused = SqsConfig::from_variables(|_| None).unwrap_err();
        assert!(
            refused.to_string().contains("SORTIE_SQS_PREFIX"),
            "{refused}"
        );
    }
}
