//! From a message to its receiver.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::{Deserialize, Serialize};
use task_core::{CollectionId, RetryPolicy, TaskContext, TaskError, TaskId};

use super::error::NotifyError;
use super::webhooks::Webhooks;
use crate::web::{WebError, text, wait_asked_for};

/// What a notification returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notified {
    /// The status with which the receiver took the message: 200 to 299.
    pub status: u16,
}

/// The body of the request.
#[derive(Serialize)]
struct Message<'a, T> {
    r#type: &'static str,
    collection: CollectionId,
    task: TaskId,
    data: &'a T,
}

/// Most bytes of a message.
pub(super) const MAX_MESSAGE: usize = 256 << 10;
/// The time for the whole exchange.
const TIME: Duration = Duration::from_secs(20);

/// Eight failures, up to ten minutes apart: some twenty minutes in all.
pub(super) const RETRY: RetryPolicy = RetryPolicy {
    max_failures: 8,
    base: Duration::from_secs(5),
    cap: Duration::from_secs(600),
};

/// Sends `data` as a message of the type `kind` to the webhook called `to`. `field` is what to
/// blame if it is too large.
pub(super) async fn deliver<R, T: Serialize + Sync>(
    cx: &TaskContext<R>,
    to: &str,
    kind: &'static str,
    field: &'static str,
    data: &T,
) -> Result<Notified, TaskError> {
    let message = Message {
        r#type: kind,
        collection: cx.collection_id(),
        task: cx.task_id(),
        data,
    };
    let body = serde_json::to_vec(&message)?;
    if body.len() > MAX_MESSAGE {
        return Err(NotifyError::TooLarge {
            field,
            len: body.len(),
            limit: MAX_MESSAGE,
        }
        .into());
    }
    let time = cx.remaining().map_or(TIME, |left| left.min(TIME));
    tokio::select! {
        sent = send(cx, to, body) => Ok(sent?),
        () = cx.sleep(time) => Err(NotifyError::Exchange {
            name: to.to_owned(),
            error: format!("no answer within {} s", time.as_secs()),
            transient: true,
        }
        .into()),
        () = cx.cancelled() => Err(TaskError::Cancelled),
    }
}

async fn send<R>(cx: &TaskContext<R>, to: &str, body: Vec<u8>) -> Result<Notified, NotifyError> {
    let exchange = |error: WebError| NotifyError::Exchange {
        name: to.to_owned(),
        transient: error.is_transient(),
        error: error.to_string(),
    };
    let hooks = cx.resources().get_or_init(Webhooks::default);
    let (service, key) = hooks.get(to)?;
    let client = hooks.client.get().map_err(exchange)?;
    let id = cx.task_id().to_string();
    let timestamp = cx.now().as_millis() / 1000;
    let target = service.target("");
    let len = body.len() as u64;
    let request = hyper::Request::post(&target)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", key.sign(&id, timestamp, &body))
        .header("idempotency-key", &id)
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| exchange(WebError::Setup(format!("the request: {error}"))))?;
    let mut answer = client.send(&service, request).await.map_err(exchange)?;
    cx.meter(0, len);
    if answer.status.is_success() {
        // What it says is of no interest.
        return Ok(Notified {
            status: answer.status.as_u16(),
        });
    }
    let said = answer.beginning(4096).await;
    cx.meter(answer.read, 0);
    let message = match answer.status.is_redirection() {
        true => "it redirects, and redirects are not followed; correct its URL".to_owned(),
        // The path may be a secret, and some receivers quote it.
        false if target.len() > 1 => {
            // Before anything is cut off: half a path would not be known again.
            let said = String::from_utf8_lossy(&said).replace(&target, "[path]");
            text::beginning(said.as_bytes(), 200)
        }
        false => text::beginning(&said, 200),
    };
    Err(NotifyError::Refused {
        name: to.to_owned(),
        status: answer.status.as_u16(),
        message: text::clean(message).unwrap_or_else(|| "(no message)".to_owned()),
        after: wait_asked_for(&answer, cx.now()),
    })
}
