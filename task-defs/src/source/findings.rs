//! What has been found so far: clean, without duplicates, and no more than fits.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use scanners::scope::Name;
use serde::{Deserialize, Serialize};

use super::record::{CertificateRecord, DomainRecord, EndpointRecord};
use super::text::{serial, sha256};
use crate::web::text::clean;

/// Collects what a source finds.
///
/// Everything that comes in is someone else's text: names are parsed, and what is no name is
/// dropped and counted; texts are cut; duplicates are merged. The order of what comes out does
/// not depend on the order in which it came in, apart from certificates and endpoints, which keep
/// theirs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Findings {
    domains: BTreeMap<Name, bool>,
    certificates: Vec<CertificateRecord>,
    endpoints: Vec<EndpointRecord>,
    dropped: Skipped,
    /// Of everything, roughly: the lengths of the texts.
    bytes: usize,
    #[serde(skip)]
    known: Known,
}

/// What was not taken: how often, by reason.
type Skipped = BTreeMap<Cow<'static, str>, u64>;

/// What tells duplicates.
#[derive(Debug, Default)]
struct Known {
    certificates: BTreeSet<String>,
    endpoints: BTreeMap<(std::net::IpAddr, u16, crate::recon::Carrier), usize>,
}

/// What one task has found, as its row of data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SourceRecords {
    /// Names, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<DomainRecord>,
    /// Certificates, in the order of the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateRecord>,
    /// Endpoints, in the order of the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointRecord>,
    /// How many pages were read.
    pub pages: u32,
    /// How many items these had.
    pub items: u64,
    /// What was not taken, by reason: `email`, `not_a_name`, `unrelated`, and what a source adds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<Cow<'static, str>, u64>,
    /// Why there may be more than was read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// Why a source was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cut {
    /// [`SourceOptions::max_pages`](super::SourceOptions::max_pages) were read.
    Pages,
    /// [`SourceOptions::max_records`](super::SourceOptions::max_records) were found, or 32 MiB of
    /// them.
    Records,
    /// A page had more than
    /// [`SourceOptions::max_page_bytes`](super::SourceOptions::max_page_bytes); the items that came
    /// whole were taken, and those of the pages before it.
    Bytes,
}

impl Findings {
    /// Most bytes of texts in all that are found.
    const MAX_BYTES: usize = 32 << 20;
    /// Most names of one certificate or endpoint.
    const MAX_NAMES: usize = 2_000;

    /// Adds a name as a source writes it: with or without `*.`, in any case, with a dot at its
    /// end. E-mail addresses and what is no host name are dropped and counted.
    pub fn domain(&mut self, text: &str) -> Option<Name> {
        let (name, wildcard) = self.parse(text)?;
        self.keep_domain(name, wildcard)
    }

    /// As [`domain`](Self::domain), for a name that must be `parent` or lie under it. Others are
    /// dropped and counted as `unrelated`.
    pub fn domain_under(&mut self, parent: &Name, text: &str) -> Option<Name> {
        let (name, wildcard) = self.parse(text)?;
        let under = name.as_str().strip_suffix(parent.as_str());
        if !under.is_some_and(|front| front.is_empty() || front.ends_with('.')) {
            self.skip("unrelated");
            return None;
        }
        self.keep_domain(name, wildcard)
    }

    /// Adds a certificate; one that is known already by its hash, or by issuer and serial number,
    /// is left out. Names that are none are left out of it, and not counted: they were where they
    /// came from, if they should be.
    pub fn certificate(&mut self, mut certificate: CertificateRecord) {
        certificate.names = clean_names(&certificate.names);
        certificate.sha256 = certificate.sha256.as_deref().and_then(sha256);
        certificate.serial = certificate.serial.as_deref().and_then(serial);
        let texts = [&mut certificate.issuer, &mut certificate.subject];
        for field in texts {
            *field = field.take().and_then(clean);
        }
        let key = match &certificate {
            CertificateRecord {
                sha256: Some(hash), ..
            } => hash.clone(),
            CertificateRecord {
                serial: Some(serial),
                issuer,
                ..
            } => {
                format!("{serial} {}", issuer.as_deref().unwrap_or_default())
            }
            _ => return self.skip("anonymous_certificate"),
        };
        if !self.known.certificates.insert(key) {
            return;
        }
        let names: usize = certificate.names.iter().map(String::len).sum();
        self.bytes += 256 + names;
        self.certificates.push(certificate);
    }

    /// Adds an endpoint. Names of one that is known already are added to it; else the first one
    /// stands.
    pub fn endpoint(&mut self, mut endpoint: EndpointRecord) {
        let key = (endpoint.address, endpoint.port, endpoint.transport);
        if let Some(known) = self
            .known
            .endpoints
            .get(&key)
            .and_then(|at| self.endpoints.get_mut(*at))
        {
            self.bytes += len_of(&endpoint.names);
            known.names.append(&mut endpoint.names);
            sort_names(&mut known.names);
            return;
        }
        endpoint.certificate = endpoint.certificate.as_deref().and_then(sha256);
        endpoint.service = endpoint
            .service
            .and_then(clean)
            .map(|text| text.to_ascii_lowercase());
        endpoint.product = endpoint.product.and_then(clean);
        endpoint.version = endpoint.version.and_then(clean);
        sort_names(&mut endpoint.names);
        self.bytes += 256 + len_of(&endpoint.names);
        self.known.endpoints.insert(key, self.endpoints.len());
        self.endpoints.push(endpoint);
    }

    /// Counts something that was not taken, by reason.
    pub fn skip(&mut self, reason: &'static str) {
        *self.dropped.entry(reason.into()).or_default() += 1;
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.domains.len() + self.certificates.len() + self.endpoints.len()
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn is_full(&self, max_records: u32) -> bool {
        self.bytes >= Self::MAX_BYTES || self.len() >= max_records as usize
    }

    /// The counts of what was not taken, to go back to when a page is read again.
    pub(super) fn skipped(&self) -> Skipped {
        self.dropped.clone()
    }

    pub(super) fn restore_skipped(&mut self, skipped: Skipped) {
        self.dropped = skipped;
    }

    /// As they were before they were written out.
    pub(super) fn restored(mut self) -> Self {
        let domains = self.domains.keys();
        self.bytes = domains.map(|name| 64 + name.as_str().len()).sum();
        for certificate in std::mem::take(&mut self.certificates) {
            self.certificate(certificate);
        }
        for endpoint in std::mem::take(&mut self.endpoints) {
            self.endpoint(endpoint);
        }
        self
    }

    pub(super) fn into_records(self, pages: u32, items: u64, cut: Option<Cut>) -> SourceRecords {
        let domains = self.domains.into_iter();
        SourceRecords {
            domains: domains
                .map(|(name, wildcard)| DomainRecord { name, wildcard })
                .collect(),
            certificates: self.certificates,
            endpoints: self.endpoints,
            pages,
            items,
            dropped: self.dropped,
            cut,
        }
    }

    fn parse(&mut self, text: &str) -> Option<(Name, bool)> {
        let text = text.trim();
        if text.contains('@') {
            self.skip("email");
            return None;
        }
        let bare = text.strip_prefix("*.");
        match Name::parse(bare.unwrap_or(text)) {
            Ok(name) => Some((name, bare.is_some())),
            Err(_) => {
                self.skip("not_a_name");
                None
            }
        }
    }

    fn keep_domain(&mut self, name: Name, wildcard: bool) -> Option<Name> {
        if !self.domains.contains_key(&name) {
            self.bytes += 64 + name.as_str().len();
        }
        *self.domains.entry(name.clone()).or_default() |= wildcard;
        Some(name)
    }
}

fn len_of(names: &[Name]) -> usize {
    names.iter().map(|name| name.as_str().len()).sum()
}

fn sort_names(names: &mut Vec<Name>) {
    names.sort_unstable();
    names.dedup();
    names.truncate(Findings::MAX_NAMES);
}

/// Those that are names, normalised; a wildcard keeps its `*.`.
fn clean_names(names: &[String]) -> Vec<String> {
    let clean = |text: &String| {
        let text = text.trim();
        match text.strip_prefix("*.") {
            Some(bare) => Some(format!("*.{}", Name::parse(bare).ok()?)),
            None => Some(Name::parse(text).ok()?.to_string()),
        }
    };
    let names: BTreeSet<String> = names.iter().filter_map(clean).collect();
    names.into_iter().take(Findings::MAX_NAMES).collect()
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
