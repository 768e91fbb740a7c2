//! crt.sh: the certificate transparency logs, by name.
//!
//! `GET /?q=%.example.com&output=json` answers with an array of certificates, all at once; there
//! are no pages. In practice it also answers with HTML and status 200, with 404, 429, 502, 503 and
//! 504 under load, and with 403 for user agents that it has had enough of.

use std::time::Duration;

use scanners::scope::Name;
use serde::{Deserialize, Serialize};

use super::error::SourceError;
use super::failure::{ErrorAnswer, Failure};
use super::findings::Findings;
use super::record::CertificateRecord;
use super::request::PageRequest;
use super::source::Source;
use super::text::moment;
use crate::web::text::cut;

/// Asks crt.sh for the certificates under a domain: its names, and the certificates that have
/// them. Needs no key.
///
/// Names are kept if they lie under the domain. A row that has none is no certificate of the
/// domain; its names count as `unrelated`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Crtsh {
    /// The domain. A host name.
    pub domain: String,
    /// Whether certificates that have expired are left out. No.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclude_expired: bool,
}

impl Crtsh {
    /// Asks for all certificates under `domain`.
    pub fn new(domain: impl Into<String>) -> Self {
        Self {
            domain: domain.into(),
            exclude_expired: false,
        }
    }

    fn domain(&self) -> Result<Name, SourceError> {
        Name::parse(&self.domain).map_err(|error| SourceError::Invalid {
            field: "query.domain".to_owned(),
            found: format!("{:?}", cut(&self.domain, 256)),
            allowed: format!("give a host name: {error}"),
        })
    }
}

/// A row. Others of its fields: `issuer_ca_id`, `result_count`.
#[derive(Deserialize)]
#[doc(hidden)]
pub struct Row {
    issuer_name: Option<String>,
    common_name: Option<String>,
    /// The names that matched, one a line. There are e-mail addresses among them.
    name_value: String,
    serial_number: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    entry_timestamp: Option<String>,
}

/// Most names of a row that are looked at. The largest certificates have some thousands.
const MAX_NAMES: usize = 10_000;

impl Source for Crtsh {
    const KIND: &'static str = "source.crtsh";
    const BASE_URL: &'static str = "https://crt.sh";
    const ITEMS: &'static [&'static str] = &[];
    /// Its limit is not documented; from some requests a second on it answers 429.
    const PACE: Duration = Duration::from_secs(2);
    type Page = ();
    type Item = Row;
    /// Anything but an array is no answer.
    type Rest = [(); 0];

    fn check(&self) -> Result<(), SourceError> {
        self.domain().map(drop)
    }

    fn request(&self, _page: &()) -> PageRequest {
        let domain = self
            .domain()
            .map_or_else(|_| String::new(), |name| name.to_string());
        let request = PageRequest::get("/")
            .query("q", format!("%.{domain}"))
            .query("output", "json")
            .query("deduplicate", "Y");
        match self.exclude_expired {
            true => request.query("exclude", "expired"),
            false => request,
        }
    }

    fn item(&self, row: Row, found: &mut Findings) {
        let Ok(domain) = self.domain() else { return };
        let names: Vec<&str> = row
            .name_value
            .lines()
            .filter(|name| !name.is_empty())
            .take(MAX_NAMES)
            .collect();
        let mut any = false;
        for name in &names {
            any |= found.domain_under(&domain, name).is_some();
        }
        if !any {
            return;
        }
        let at = |text: Option<String>| text.as_deref().and_then(moment);
        found.certificate(CertificateRecord {
            sha256: None,
            serial: row.serial_number,
            issuer: row.issuer_name,
            subject: row.common_name,
            names: names.into_iter().map(str::to_owned).collect(),
            not_before: at(row.not_before),
            not_after: at(row.not_after),
            seen_at: at(row.entry_timestamp),
        });
    }

    fn next(&self, _page: &(), _rest: [(); 0], _items: u64) -> Result<Option<()>, Failure> {
        Ok(None)
    }

    fn failure(&self, answer: &ErrorAnswer<'_>) -> Failure {
        match answer.status {
            // Its only page is always there; it is the database behind it that is not.
            404 => Failure::Retry {
                message: answer.message(),
                after: answer.after,
            },
            _ => Failure::by_status(answer),
        }
    }
}
