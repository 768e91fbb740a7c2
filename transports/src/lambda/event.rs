//! What SQS hands to a function, and what it wants back.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::ports::transport::{Delivery, Receipt};
use task_core::{Timestamp, WorkerKind};

use crate::sqs::receipt;

/// What a function is called with.
#[derive(Debug)]
pub(super) enum Event {
    /// Messages of a queue, each with who sent it.
    Messages(Vec<(Delivery, Sender)>),
    /// A message without a queue: it was handed to Lambda itself.
    Direct(Delivery),
    /// The schedule says that it is time.
    Tick,
}

/// Who sent a message, as SQS knows it from the signature of the request: for a role, its unique
/// id and the name of the session, `AROA…:sortie-external`.
#[derive(Debug, Default)]
pub(super) struct Sender(String);

impl Sender {
    /// Whether it is a session of the role with this unique id.
    pub(super) fn is_of(&self, role: &str) -> bool {
        self.0.split(':').next() == Some(role)
    }
}

/// An event that a function cannot make anything of, or has not dealt with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// It is none of SQS, of a schedule, or of a direct invocation.
    #[error(
        "the event is not one of SQS, of a schedule or of a direct invocation: {0}; correct the trigger of the function"
    )]
    Unknown(String),
    /// A tick for who has no use for one.
    #[error(
        "a schedule calls the {0} worker, which wants messages; correct the trigger of the function"
    )]
    Schedule(WorkerKind),
    /// A direct invocation that must be repeated; nothing but an error makes Lambda do so.
    #[error("the message of this invocation was given back; Lambda invokes the function again")]
    GivenBack,
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
    #[serde(default)]
    sender_id: String,
}

impl Event {
    /// Tells the events apart by their shape: SQS hands over `Records`, a schedule names its
    /// `source`, and a message of this engine has the version `v`.
    pub(super) fn parse(event: Value) -> Result<Self, EventError> {
        if event.get("Records").is_some() {
            let records: Records = serde_json::from_value(event)
                .map_err(|error| EventError::Unknown(error.to_string()))?;
            let records = records.records.into_iter();
            return Ok(Self::Messages(records.map(delivery).collect()));
        }
        if event.get("v").is_some() {
            return Ok(Self::Direct(Delivery {
                // No text, so no carrier takes it for one of its own.
                receipt: Receipt::from_number(0),
                body: Bytes::from(event.to_string()),
                receive_count: 1,
                sent_at: Timestamp::default(),
            }));
        }
        match event.get("source").and_then(Value::as_str) {
            Some("aws.events" | "aws.scheduler" | "sortie") => Ok(Self::Tick),
            _ => Err(EventError::Unknown(
                "it has neither `Records` nor a known `source` nor a `v`".into(),
            )),
        }
    }
}

fn delivery(record: Record) -> (Delivery, Sender) {
    let attributes = record.attributes;
    let delivery = Delivery {
        receipt: receipt(&record.message_id, &record.receipt_handle),
        body: Bytes::from(record.body),
        receive_count: attributes.approximate_receive_count.parse().unwrap_or(1),
        sent_at: Timestamp::from_millis(attributes.sent_timestamp.parse().unwrap_or_default()),
    };
    (delivery, Sender(attributes.sender_id))
}
