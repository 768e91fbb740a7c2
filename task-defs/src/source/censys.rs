//! Censys, Platform API v3: hosts, web properties and certificates, by a query.
//!
//! `POST /v3/global/search/query` with `{"query", "fields", "page_size", "page_token"}` answers
//! with `{"result": {"hits": […], "next_page_token": "…", "total_hits": n}}`. Failures are problem
//! documents (RFC 9457), and `{"error": {"message": …}}` for tokens. The legacy Search API (v1,
//! v2, an id with a secret) is another one, and is not spoken here.

use std::net::IpAddr;

use scanners::scope::Name;
use serde::{Deserialize, Serialize};

use super::error::SourceError;
use super::failure::Failure;
use super::findings::Findings;
use super::query::check_query;
use super::record::{CertificateRecord, EndpointRecord};
use super::request::{ApiKey, KeyPlace, PageRequest};
use super::source::Source;
use super::text::moment;
use crate::recon::Carrier;

/// Asks the global search of the Censys Platform: endpoints, names and certificates.
///
/// The personal access token is in the worker's `CENSYS_PLATFORM_TOKEN`. Each page costs credits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Censys {
    /// The query in CenQL: `host.dns.names: "example.com"`. 1 to 4,096 bytes.
    pub query: String,
    /// The id of the organisation whose credits are used; the user's own if `None`. No secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

impl Censys {
    /// Hits on a page: the most that there may be.
    const PAGE: u32 = 100;
    /// The fields that are read; without the list a host has megabytes.
    const FIELDS: [&'static str; 26] = [
        "host.ip",
        "host.dns.names",
        "host.services.port",
        "host.services.transport_protocol",
        "host.services.protocol",
        "host.services.scan_time",
        "host.services.software.product",
        "host.services.software.version",
        "host.services.cert.fingerprint_sha256",
        "host.services.cert.names",
        "host.services.cert.parsed.issuer_dn",
        "host.services.cert.parsed.subject_dn",
        "host.services.cert.parsed.serial_number_hex",
        "host.services.cert.parsed.validity_period.not_before",
        "host.services.cert.parsed.validity_period.not_after",
        "cert.fingerprint_sha256",
        "cert.names",
        "cert.added_at",
        "cert.parsed.issuer_dn",
        "cert.parsed.subject_dn",
        "cert.parsed.serial_number_hex",
        "cert.parsed.validity_period.not_before",
        "cert.parsed.validity_period.not_after",
        "web.hostname",
        "web.cert.fingerprint_sha256",
        "web.cert.names",
    ];

    /// Asks with a query, for the user's own credits.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            organization: None,
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    query: &'a str,
    fields: &'a [&'a str],
    page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_token: Option<&'a str>,
}

/// A hit: one of the three, and perhaps what comes after them.
#[derive(Deserialize)]
#[doc(hidden)]
pub struct Hit {
    host_v1: Option<Asset<Host>>,
    webproperty_v1: Option<Asset<WebProperty>>,
    certificate_v1: Option<Asset<Certificate>>,
}

#[derive(Deserialize)]
struct Asset<T> {
    resource: T,
}

#[derive(Deserialize)]
struct Host {
    ip: Option<String>,
    dns: Option<Dns>,
    services: Option<Vec<Service>>,
}

#[derive(Deserialize)]
struct Dns {
    names: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Service {
    port: Option<u16>,
    transport_protocol: Option<String>,
    protocol: Option<String>,
    scan_time: Option<String>,
    software: Option<Vec<Software>>,
    cert: Option<Certificate>,
}

#[derive(Deserialize)]
struct Software {
    product: Option<String>,
    version: Option<String>,
}

/// A web property is a name and a port; where it lies is for the DNS to say.
#[derive(Deserialize)]
struct WebProperty {
    hostname: Option<String>,
    cert: Option<Certificate>,
}

#[derive(Deserialize)]
struct Certificate {
    fingerprint_sha256: Option<String>,
    names: Option<Vec<String>>,
    parsed: Option<Parsed>,
    added_at: Option<String>,
}

#[derive(Default, Deserialize)]
struct Parsed {
    issuer_dn: Option<String>,
    subject_dn: Option<String>,
    serial_number_hex: Option<String>,
    validity_period: Option<Validity>,
}

#[derive(Default, Deserialize)]
struct Validity {
    not_before: Option<String>,
    not_after: Option<String>,
}

#[derive(Deserialize)]
#[doc(hidden)]
pub struct Around {
    result: Found,
}

#[derive(Deserialize)]
struct Found {
    next_page_token: Option<String>,
}

impl Source for Censys {
    const KIND: &'static str = "source.censys";
    const BASE_URL: &'static str = "https://api.platform.censys.io";
    const KEY: Option<ApiKey> = Some(ApiKey {
        env: "CENSYS_PLATFORM_TOKEN",
        place: KeyPlace::Bearer,
    });
    const ITEMS: &'static [&'static str] = &["result", "hits"];
    /// The token of the page; the first has none.
    type Page = Option<String>;
    type Item = Hit;
    type Rest = Around;

    fn check(&self) -> Result<(), SourceError> {
        check_query(&self.query)
    }

    fn request(&self, page: &Option<String>) -> PageRequest {
        let body = Body {
            query: &self.query,
            fields: &Self::FIELDS,
            page_size: Self::PAGE,
            page_token: page.as_deref(),
        };
        let request = PageRequest::post("/v3/global/search/query", &body);
        match &self.organization {
            Some(organization) => request.query("organization_id", organization),
            None => request,
        }
    }

    fn item(&self, hit: Hit, found: &mut Findings) {
        if let Some(Asset { resource }) = hit.host_v1 {
            host(resource, found);
        } else if let Some(Asset { resource }) = hit.webproperty_v1 {
            if let Some(name) = resource.hostname {
                found.domain(&name);
            }
            certificate(resource.cert, found);
        } else if let Some(Asset { resource }) = hit.certificate_v1 {
            certificate(Some(resource), found);
        } else {
            found.skip("unknown_hit");
        }
    }

    fn next(
        &self,
        page: &Option<String>,
        around: Around,
        items: u64,
    ) -> Result<Option<Option<String>>, Failure> {
        let next = around
            .result
            .next_page_token
            .filter(|token| !token.is_empty());
        if next.as_ref().is_some_and(|token| token.len() > 16 << 10) {
            return Err(Failure::Fatal {
                message: "the token of the next page has more than 16 KiB".to_owned(),
            });
        }
        // The last page may have a token that leads to itself, or to an empty page.
        Ok((items > 0 && next.is_some() && next != *page).then_some(next))
    }
}

fn host(host: Host, found: &mut Findings) {
    let Some(address) = host.ip.and_then(|ip| ip.parse::<IpAddr>().ok()) else {
        return found.skip("no_address");
    };
    let names = host.dns.and_then(|dns| dns.names).unwrap_or_default();
    let names: Vec<Name> = names.iter().filter_map(|name| found.domain(name)).collect();
    for service in host.services.unwrap_or_default() {
        let Some(port) = service.port else {
            found.skip("no_port");
            continue;
        };
        let transport = match service.transport_protocol.as_deref() {
            None | Some("" | "tcp") => Carrier::Tcp,
            Some("udp") => Carrier::Udp,
            Some("quic") => Carrier::Quic,
            // ICMP has no ports.
            Some(_) => {
                found.skip("other_transport");
                continue;
            }
        };
        let software = service.software.and_then(|list| list.into_iter().next());
        let (product, version) = software.map_or((None, None), |s| (s.product, s.version));
        found.endpoint(EndpointRecord {
            address,
            port,
            transport,
            service: service.protocol,
            product,
            version,
            names: names.clone(),
            certificate: service
                .cert
                .as_ref()
                .and_then(|cert| cert.fingerprint_sha256.clone()),
            seen_at: service.scan_time.as_deref().and_then(moment),
        });
        certificate(service.cert, found);
    }
}

fn certificate(certificate: Option<Certificate>, found: &mut Findings) {
    let Some(certificate) = certificate else {
        return;
    };
    let names = certificate.names.unwrap_or_default();
    for name in &names {
        found.domain(name);
    }
    let parsed = certificate.parsed.unwrap_or_default();
    let validity = parsed.validity_period.unwrap_or_default();
    let subject = parsed.subject_dn.as_deref().and_then(common_name);
    found.certificate(CertificateRecord {
        sha256: certificate.fingerprint_sha256,
        serial: parsed.serial_number_hex,
        issuer: parsed.issuer_dn,
        subject,
        names,
        not_before: validity.not_before.as_deref().and_then(moment),
        not_after: validity.not_after.as_deref().and_then(moment),
        seen_at: certificate.added_at.as_deref().and_then(moment),
    });
}

/// The common name of a distinguished name in text: `C=US, O=Example, CN=www.example.com`.
fn common_name(dn: &str) -> Option<String> {
    let parts = dn.split([',', '+']).map(str::trim);
    let name = parts
        .filter_map(|part| part.strip_prefix("CN="))
        .next_back()?;
    (!name.is_empty()).then(|| name.to_owned())
}
