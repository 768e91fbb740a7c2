//! The client of services that an operator has named: APIs and webhooks.
//!
//! One request is one connection, to an address that the service's own [`Scope`] admitted after
//! the lookup: a name that suddenly leads to the machine's own network is refused, and nothing is
//! looked up again in between. Certificates are verified. Redirects are not followed: where the
//! keys go is for the operator to say.
//!
//! [`Scope`]: scanners::scope::Scope

mod answer;
mod client;
mod error;
mod lazy;
mod service;
pub(crate) mod text;
mod wait;

#[cfg(feature = "sources")]
pub(crate) use answer::Answer;
pub(crate) use error::WebError;
pub(crate) use lazy::LazyClient;
pub use service::InvalidUrl;
pub(crate) use service::Service;
pub(crate) use wait::wait_asked_for;
