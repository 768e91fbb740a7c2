//! What SQS hands to a function, and what it wants back.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::ports::transport::Delivery;
use task_core::{Timestamp, WorkerKind};

use crate::sqs::receipt;

/// What a function is called with.
#[derive(Debug)]
pub(super) enum Event {
    /// Messages of a queue.
    Messages(Vec<Delivery>),
    /// The schedule says that it is time.
    Tick,
}

/// An event that is none of SQS and none of a schedule.
#[derive(Debug, thiserror::Error)]
#[error("the event is not one of SQS or of a schedule: {0}; correct the trigger of the function")]
pub struct EventError(String);

impl EventError {
    /// A tick for who has no use for one.
    pub(super) fn schedule(kind: WorkerKind) -> Self {
        Self(format!(
            "a schedule calls the {kind} worker, which wants messages"
        ))
    }
}

/// The messages that must come again: the answer that `ReportBatchItemFailures` asks for.
///
/// ```
/// use sortie_transports::lambda::Failures;
///
/// let failures = Failures::of(["19dd0b57".to_owned()]);
/// let answer = serde_json::to_string(&failures)?;
/// assert_eq!(answer, r#"{"batchItemFailures":[{"itemIdentifier":"19dd0b57"}]}"#);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    #[serde(rename = "batchItemFailures")]
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Item {
    #[serde(rename = "itemIdentifier")]
    id: String,
}

impl Failures {
    /// Of the messages with these ids.
    pub fn of(ids: impl IntoIterator<Item = String>) -> Self {
        let items = ids.into_iter().map(|id| Item { id }).collect();
        Self { items }
    }

    /// The ids of the messages.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.id.as_str())
    }
}

#[derive(Deserialize)]
struct Records {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    approximate_receive_count: String,
    sent_timestamp: String,
}

impl Event {
    pub(super) fn parse(event: Value) -> Result<Self, EventError> {
        if event.get("Records").is_none() {
            let source = event.get("source").and_then(Value::as_str);
            return match source {
                Some("aws.events" | "aws.scheduler" | "sortie") => Ok(Self::Tick),
                _ => Err(EventError("it has neither `Records` nor a `source`".into())),
            };
        }
        let Records { records } =
            serde_json::from_value(event).map_err(|error| EventError(error.to_string()))?;
        Ok(Self::Messages(records.into_iter().map(delivery).collect()))
    }
}

fn delivery(record: Record) -> Delivery {
    let attributes = record.attributes;
    Delivery {
        receipt: receipt(&record.message_id, &record.receipt_handle),
        body: Bytes::from(record.body),
        receive_count: attributes.approximate_receive_count.parse().unwrap_or(1),
        sent_at: Timestamp::from_millis(attributes.sent_timestamp.parse().unwrap_or_default()),
    }
}
