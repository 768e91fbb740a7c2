//! Notifications: tell people and programs outside, by webhook.
//!
//! | definition | tells | runs on |
//! |---|---|---|
//! | [`GenericNotification`] | what its payload says | External |
//! | [`ErrorNotification`] | that something failed | External |
//! | [`TaskResultNotification`] | what an earlier task found | Internal |
//!
//! # Where to
//!
//! A payload names a webhook (`"to": "ops"`) and no address: where `ops` is, and the secret that
//! its messages are signed with, is for the operator of the worker to say ([`Webhooks`]), in code
//! or in the environment. So whoever may submit a workflow cannot make a worker connect to a host
//! of their choice. What the operator wrote is judged by a [`Scope`](scanners::scope::Scope) of its
//! own: the host must be the one in the URL, a name must lead to public addresses, https is
//! required beyond loopback, and redirects are not followed.
//!
//! | environment variable, for the webhook `ops` | |
//! |---|---|
//! | `SORTIE_WEBHOOK_OPS_URL` | where it is |
//! | `SORTIE_WEBHOOK_OPS_SECRET` | `whsec_` and 24 to 64 bytes in base64 |
//! | `SORTIE_WEBHOOK_OPS_NETS` | reserved nets that its name may lead to, with commas between; optional |
//!
//! # What is sent
//!
//! A POST of JSON, `{"type", "collection", "task", "data"}`, in at most 256 KiB. It is the same in
//! every attempt, as long as what it tells of is.
//!
//! | header | |
//! |---|---|
//! | `webhook-id` | the id of the task: the same in every attempt |
//! | `webhook-timestamp` | when this attempt was sent, in seconds since the Unix epoch |
//! | `webhook-signature` | `v1,` and the signature in base64 |
//! | `idempotency-key` | the same as `webhook-id`, for receivers that look here |
//!
//! The signature is HMAC-SHA-256 (RFC 2104), keyed with the bytes that the secret is the base64 of,
//! over `{webhook-id}.{webhook-timestamp}.{body}`. This is the scheme of Standard Webhooks
//! (symmetric, `v1`), so a receiver can verify it with one of its libraries. To do so by hand:
//! compute it over the raw body, compare it in constant time, refuse timestamps that are more than
//! five minutes away, and refuse ids that were seen.
//!
//! # How often
//!
//! At least once, as everything outside the engine. A receiver that is out of order (no connection,
//! 408, 425, 429, 5xx) is tried again by the engine, eight times over some twenty minutes, not
//! before the time that it asks for (`Retry-After`). Any other status is final.

mod deliver;
mod error;
mod error_notification;
mod generic_notification;
mod sign;
mod task_result_notification;
mod webhooks;

pub use deliver::Notified;
pub use error::NotifyError;
pub use error_notification::ErrorNotification;
pub use generic_notification::GenericNotification;
pub use task_result_notification::TaskResultNotification;
pub use webhooks::{Webhook, Webhooks};

pub use crate::web::InvalidUrl;
