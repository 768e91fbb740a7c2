//! Queues for labs and tests. A deployment makes its own with infrastructure as code.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use task_core::Queue;

use super::target::is_missing;
use super::{SqsConfig, SqsError};
use crate::aws::AwsFault;

/// What new queues are like. The defaults are those of AWS, but for the deliveries: 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewQueues {
    message_bytes: usize,
    max_receives: u32,
}

impl Default for NewQueues {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            max_receives: 5,
        }
    }
}

impl NewQueues {
    /// The `MaximumMessageSize`; 1 MiB unless set.
    #[must_use]
    pub const fn message_bytes(mut self, bytes: usize) -> Self {
        self.message_bytes = bytes;
        self
    }

    /// The `maxReceiveCount`; 5 unless set.
    #[must_use]
    pub const fn max_receives(mut self, times: u32) -> Self {
        self.max_receives = times;
        self
    }

    /// Makes the four queues of [`SqsConfig::prefix`], each with its dead-letter queue
    /// (`…-dead`), unless they are there. Those that are there stay as they are.
    ///
    /// It takes the rights to create queues, which no process of a deployment should have.
    ///
    /// # Errors
    ///
    /// [`SqsError::Aws`]; what was made by then stays.
    pub async fn create_if_missing(
        self,
        client: &Client,
        prefix: &str,
    ) -> Result<SqsConfig, SqsError> {
        let config = SqsConfig::prefix(prefix);
        for (queue, name) in config.addresses() {
            self.create(client, queue, name).await?;
        }
        Ok(config)
    }

    async fn create(self, client: &Client, queue: Queue, name: &str) -> Result<(), SqsError> {
        let failed = |fault| SqsError::Aws { queue, fault };
        match client.get_queue_url().queue_name(name).send().await {
            Ok(_) => return Ok(()),
            Err(error) => {
                let fault = AwsFault::new("GetQueueUrl", &error);
                if !is_missing(&fault) {
                    return Err(failed(fault));
                }
            }
        }
        let size = self.message_bytes.to_string();
        let dead = client
            .create_queue()
            .queue_name(format!("{name}-dead"))
            .attributes(Name::MaximumMessageSize, &size)
            // Dead letters wait for a person: for as long as SQS keeps anything, 14 days.
            .attributes(Name::MessageRetentionPeriod, "1209600")
            .send()
            .await
            .map_err(|error| failed(AwsFault::new("CreateQueue", &error)))?;
        let url = dead.queue_url.ok_or_else(|| {
            failed(AwsFault::malformed(
                "CreateQueue",
                "the answer has no QueueUrl",
            ))
        })?;
        let arn = client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(Name::QueueArn)
            .send()
            .await
            .map_err(|error| failed(AwsFault::new("GetQueueAttributes", &error)))?
            .attributes
            .and_then(|mut all| all.remove(&Name::QueueArn))
            .ok_or_else(|| {
                failed(AwsFault::malformed(
                    "GetQueueAttributes",
                    "the answer has no QueueArn",
                ))
            })?;
        let policy = serde_json::json!({
            "deadLetterTargetArn": arn,
            "maxReceiveCount": self.max_receives,
        });
        client
            .create_queue()
            .queue_name(name)
            .attributes(Name::MaximumMessageSize, size)
            .attributes(Name::RedrivePolicy, policy.to_string())
            .send()
            .await
            .map_err(|error| failed(AwsFault::new("CreateQueue", &error)))?;
        Ok(())
    }
}

/// Removes the queues of [`SqsConfig::prefix`] and their dead-letter queues, with all that is in
/// them. Those that are not there are fine.
///
/// # Errors
///
/// [`SqsError::Aws`]; what was removed by then is gone.
pub async fn delete_queues(client: &Client, prefix: &str) -> Result<(), SqsError> {
    for (queue, name) in SqsConfig::prefix(prefix).addresses() {
        for name in [name.to_owned(), format!("{name}-dead")] {
            let failed = |fault| match fault {
                fault if is_missing(&fault) => Ok(()),
                fault => Err(SqsError::Aws { queue, fault }),
            };
            let url = match client.get_queue_url().queue_name(name).send().await {
                Ok(found) => found.queue_url.unwrap_or_default(),
                Err(error) => {
                    failed(AwsFault::new("GetQueueUrl", &error))?;
                    continue;
                }
            };
            if let Err(error) = client.delete_queue().queue_url(url).send().await {
                failed(AwsFault::new("DeleteQueue", &error))?;
            }
        }
    }
    Ok(())
}
