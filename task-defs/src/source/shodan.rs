//! Shodan: services on hosts, by a query.
//!
//! `GET /shodan/host/search?key=…&query=…&page=n` answers with `{"matches": […], "total": n}`, a
//! hundred banners a page; failures are `{"error": "…"}`, now and then with status 200. Pages after
//! the first cost a query credit each, and there may be one request a second.

use std::net::IpAddr;
use std::time::Duration;

use scanners::scope::Name;
use serde::{Deserialize, Serialize};

use super::error::SourceError;
use super::failure::{ErrorAnswer, Failure};
use super::findings::Findings;
use super::query::check_query;
use super::record::{CertificateRecord, EndpointRecord};
use super::request::{ApiKey, KeyPlace, PageRequest};
use super::source::Source;
use super::text::moment;
use crate::recon::Carrier;
use crate::web::text::cut;

/// Asks Shodan's host search: endpoints, their names, and the certificates that they presented.
///
/// The key is in the worker's `SHODAN_API_KEY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shodan {
    /// The query in Shodan's own syntax: `hostname:example.com`. 1 to 4,096 bytes.
    pub query: String,
}

/// The number of a page, from 1.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
#[doc(hidden)]
pub struct PageNumber(u32);

impl Default for PageNumber {
    fn default() -> Self {
        Self(1)
    }
}

/// A banner: one service. Shodan has some hundred more fields.
#[derive(Deserialize)]
#[doc(hidden)]
pub struct Banner {
    ip_str: Option<String>,
    port: u16,
    transport: Option<String>,
    #[serde(default)]
    hostnames: Vec<String>,
    product: Option<String>,
    version: Option<String>,
    timestamp: Option<String>,
    #[serde(rename = "_shodan")]
    crawler: Option<Crawler>,
    ssl: Option<Ssl>,
}

#[derive(Deserialize)]
struct Crawler {
    module: Option<String>,
}

#[derive(Deserialize)]
struct Ssl {
    cert: Option<Certificate>,
}

/// Its serial number is a JSON number of up to twenty octets, which is left to the hash.
#[derive(Deserialize)]
struct Certificate {
    fingerprint: Option<Fingerprint>,
    issuer: Option<Subject>,
    subject: Option<Subject>,
    issued: Option<String>,
    expires: Option<String>,
}

#[derive(Deserialize)]
struct Fingerprint {
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Subject {
    cn: Option<String>,
    o: Option<String>,
    c: Option<String>,
}

#[derive(Deserialize)]
#[doc(hidden)]
pub struct Around {
    total: Option<u64>,
    error: Option<String>,
}

impl Shodan {
    /// Banners on a page.
    const PAGE: u64 = 100;

    /// Asks with a query.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
        }
    }
}

impl Source for Shodan {
    const KIND: &'static str = "source.shodan";
    const BASE_URL: &'static str = "https://api.shodan.io";
    const KEY: Option<ApiKey> = Some(ApiKey {
        env: "SHODAN_API_KEY",
        place: KeyPlace::Query("key"),
    });
    const ITEMS: &'static [&'static str] = &["matches"];
    const PACE: Duration = Duration::from_secs(1);
    type Page = PageNumber;
    type Item = Banner;
    type Rest = Around;

    fn check(&self) -> Result<(), SourceError> {
        check_query(&self.query)
    }

    fn request(&self, page: &PageNumber) -> PageRequest {
        PageRequest::get("/shodan/host/search")
            .query("query", &self.query)
            .query("page", page.0)
            .query("minify", false)
    }

    fn item(&self, banner: Banner, found: &mut Findings) {
        let Some(address) = banner.ip_str.and_then(|ip| ip.parse::<IpAddr>().ok()) else {
            // Banners of hidden services have no address.
            return found.skip("no_address");
        };
        let names: Vec<Name> = banner
            .hostnames
            .iter()
            .filter_map(|name| found.domain(name))
            .collect();
        let certificate = banner.ssl.and_then(|ssl| ssl.cert);
        let sha256 = certificate
            .as_ref()
            .and_then(|cert| cert.fingerprint.as_ref()?.sha256.clone());
        found.endpoint(EndpointRecord {
            address,
            port: banner.port,
            transport: match banner.transport.as_deref() {
                Some("udp") => Carrier::Udp,
                _ => Carrier::Tcp,
            },
            service: banner.crawler.and_then(|crawler| crawler.module),
            product: banner.product,
            version: banner.version,
            names,
            certificate: sha256.clone(),
            seen_at: banner.timestamp.as_deref().and_then(moment),
        });
        if let Some(cert) = certificate {
            let subject = cert.subject.and_then(|subject| subject.cn);
            found.certificate(CertificateRecord {
                sha256,
                serial: None,
                issuer: cert.issuer.and_then(Subject::into_text),
                names: subject.iter().cloned().collect(),
                subject,
                not_before: cert.issued.as_deref().and_then(moment),
                not_after: cert.expires.as_deref().and_then(moment),
                seen_at: None,
            });
        }
    }

    fn next(
        &self,
        page: &PageNumber,
        around: Around,
        items: u64,
    ) -> Result<Option<PageNumber>, Failure> {
        if let Some(error) = around.error {
            return Err(meaning(cut(&error, 200).to_owned(), None));
        }
        let Some(total) = around.total else {
            return Err(Failure::Fatal {
                message: "the answer has neither `total` nor `error`".to_owned(),
            });
        };
        let more = items > 0 && u64::from(page.0) * Self::PAGE < total;
        Ok(more.then(|| PageNumber(page.0.saturating_add(1))))
    }

    fn failure(&self, answer: &ErrorAnswer<'_>) -> Failure {
        match answer.status {
            // What it says when a search takes too long, and when a query is wrong.
            400 | 500 => meaning(answer.message(), answer.after),
            _ => Failure::by_status(answer),
        }
    }
}

/// Shodan tells errors by their text.
fn meaning(message: String, after: Option<Duration>) -> Failure {
    let text = message.to_ascii_lowercase();
    if text.contains("rate limit") {
        Failure::RateLimited { message, after }
    } else if ["timed out", "try again", "unable to"]
        .iter()
        .any(|sign| text.contains(sign))
    {
        Failure::Retry { message, after }
    } else {
        Failure::Fatal { message }
    }
}

impl Subject {
    fn into_text(self) -> Option<String> {
        let parts = [("C", self.c), ("O", self.o), ("CN", self.cn)];
        let parts: Vec<String> = parts
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", value?)))
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
