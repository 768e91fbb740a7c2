//! External sources: public APIs that know names, certificates and endpoints.
//!
//! | source | task | asks for | key |
//! |---|---|---|---|
//! | [`Crtsh`]: crt.sh | `Fetch<Crtsh>` | certificates under a domain, from the certificate transparency logs | none |
//! | [`Censys`], Platform API v3 | `Fetch<Censys>` | hosts, web properties and certificates by a query | `CENSYS_PLATFORM_TOKEN` |
//! | [`Shodan`] | `Fetch<Shodan>` | services on hosts by a query | `SHODAN_API_KEY` |
//!
//! A [`Source`] is the shapes of an API's requests and answers; [`Fetch`] makes an External task
//! of any source, and does what they have in common:
//!
//! - **keys** and base URLs come from the worker ([`Sources`]), never from a payload, and are in no
//!   log, no `Debug` and no error;
//! - **pages** up to a cap; those that were read are kept over a failed attempt;
//! - **rate limits**: a pace for all tasks of a worker; short waits (429, `Retry-After` in both
//!   forms, `X-RateLimit-Reset`) are waited for, long ones end the attempt, and the next one comes
//!   when the time is over;
//! - **failures** are [told](SourceError) into those that trying again may mend and those that it
//!   cannot;
//! - **caps** on bytes, time, pages and records: an answer is read item by item, so memory holds
//!   one item and what has been found;
//! - **names** are parsed, normalised and merged; what is none is counted.
//!
//! What was found is the task's row, [`SourceRecords`]. It says what others have seen: whatever
//! sends packets to it asks its [`Scope`](scanners::scope::Scope) first.

mod censys;
mod crtsh;
mod error;
mod failure;
mod fetch;
mod findings;
mod items;
mod options;
mod page;
mod progress;
mod query;
mod record;
mod request;
mod shodan;
#[expect(
    clippy::module_inception,
    reason = "the trait has the name of its family"
)]
mod source;
mod sources;
mod text;

pub use crate::recon::Carrier;
pub use censys::Censys;
pub use crtsh::Crtsh;
pub use error::SourceError;
pub use failure::{ErrorAnswer, Failure};
pub use fetch::Fetch;
pub use findings::{Cut, Findings, SourceRecords};
pub use options::SourceOptions;
pub use record::{CertificateRecord, DomainRecord, EndpointRecord};
pub use request::{ApiKey, KeyPlace, PageRequest};
pub use scanners::scope::Name;
pub use shodan::Shodan;
pub use source::Source;
pub use sources::Sources;
pub use text::moment;

pub use crate::web::InvalidUrl;
