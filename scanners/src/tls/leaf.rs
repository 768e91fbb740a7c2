//! The certificate of the peer itself (RFC 5280), as far as it matters to who keeps an inventory.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::objects::oid_registry;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use crate::scope::Name;
use crate::text::{hex, tidy};

/// Longest certificate that is looked at: TLS carries no longer one.
const MAX_DER: usize = 64 * 1024;
/// Names of one certificate that are kept. The authorities of browsers stop at 100 to 2,000.
const MAX_NAMES: usize = 2000;
/// Characters of a distinguished name that are kept.
const MAX_DN: usize = 512;
/// Digits of a serial number that are kept. RFC 5280 §4.1.2.2 permits 40.
const MAX_SERIAL: usize = 128;

/// What a certificate says. Nobody has checked that it is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LeafCertificate {
    /// SHA-256 of the whole certificate: 64 digits of lower-case hex.
    pub sha256: String,
    /// The serial number: lower-case hex without leading zeros, at most 128 digits.
    pub serial: String,
    /// The distinguished name of the issuer, as in `C=NL, O=Example, CN=Example CA`: at most 512
    /// characters. Absent if it is empty or no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The first common name of the subject, which need not be a host name: at most 512
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The host names and addresses that it is for (§4.2.1.6), normalised and sorted, each once,
    /// at most 2,000; a wildcard keeps its `*.`. The common name, if it is a host name or an
    /// address and there is no such list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// How many entries are not in `names`, because they are no host names or too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub names_left_out: u32,
    /// From when it is valid: milliseconds since the Unix epoch, negative before it.
    pub not_before_ms: i64,
    /// Until when it is valid, in the same way.
    pub not_after_ms: i64,
}

/// Why bytes are not taken as a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// More than 64 KiB.
    #[error("a certificate of {len} bytes; at most {MAX_DER} are looked at")]
    TooLong {
        /// How many bytes there are.
        len: usize,
    },
    /// They are not the DER of an X.509 certificate. The text is the parser's.
    #[error("not an X.509 certificate: {0}")]
    Malformed(String),
}

impl LeafCertificate {
    /// Reads a certificate in DER. What follows it is not looked at.
    ///
    /// ```
    /// use sortie_scanners::tls::{InvalidCertificate, LeafCertificate};
    ///
    /// let made = rcgen::generate_simple_self_signed(vec!["*.Example.com".to_owned()])?;
    /// let leaf = LeafCertificate::parse(made.cert.der())?;
    /// assert_eq!(leaf.names, ["*.example.com"]);
    /// assert_eq!(leaf.sha256.len(), 64);
    /// assert!(matches!(LeafCertificate::parse(b"none"), Err(InvalidCertificate::Malformed(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] when there are more than 64 KiB, or they are no certificate.
    pub fn parse(der: &[u8]) -> Result<Self, InvalidCertificate> {
        if der.len() > MAX_DER {
            return Err(InvalidCertificate::TooLong { len: der.len() });
        }
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|error| InvalidCertificate::Malformed(error.to_string()))?;
        let subject = common_name(certificate.subject());
        let mut names = Names::default();
        names.add_all_of(&certificate);
        if names.listed == 0 {
            subject.iter().for_each(|name| names.add_common(name));
        }
        let validity = certificate.validity();
        Ok(Self {
            sha256: hex(&Sha256::digest(der)),
            serial: serial(certificate.raw_serial()),
            issuer: distinguished_name(certificate.issuer()),
            subject,
            names: names.kept.into_iter().collect(),
            names_left_out: names.left_out,
            not_before_ms: validity.not_before.timestamp().saturating_mul(1000),
            not_after_ms: validity.not_after.timestamp().saturating_mul(1000),
        })
    }
}

/// The names of a certificate, as they are gathered.
#[derive(Default)]
struct Names {
    kept: BTreeSet<String>,
    left_out: u32,
    /// Entries that could have been names, kept or not.
    listed: usize,
}

impl Names {
    fn add_all_of(&mut self, certificate: &X509Certificate<'_>) {
        for extension in certificate.extensions() {
            if let ParsedExtension::SubjectAlternativeName(list) = extension.parsed_extension() {
                list.general_names.iter().for_each(|name| self.add(name));
            }
        }
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        let name = match name {
            GeneralName::DNSName(name) => host(name),
            GeneralName::IPAddress(octets) => address(octets),
            GeneralName::Invalid(..) => None,
            // Mail addresses, URIs and the like name no host.
            _ => return,
        };
        self.listed += 1;
        match name {
            Some(name) if self.kept.len() < MAX_NAMES || self.kept.contains(&name) => {
                self.kept.insert(name);
            }
            _ => self.left_out = self.left_out.saturating_add(1),
        }
    }

    /// A common name is often something else, so one that is no host is not left out.
    fn add_common(&mut self, name: &str) {
        let address = || name.parse::<IpAddr>().ok().map(|ip| ip.to_string());
        self.kept.extend(host(name).or_else(address));
    }
}

fn host(text: &str) -> Option<String> {
    let text = text.trim();
    match text.strip_prefix("*.") {
        Some(base) => Name::parse(base).ok().map(|base| format!("*.{base}")),
        None => Name::parse(text).ok().map(|name| name.to_string()),
    }
}

fn address(octets: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let ip = v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
    ip.ok().map(|ip| ip.to_string())
}

fn common_name(of: &X509Name<'_>) -> Option<String> {
    let first = of.iter_common_name().next()?.as_str().ok()?;
    Some(tidy(first, MAX_DN)).filter(|name| !name.is_empty())
}

fn distinguished_name(of: &X509Name<'_>) -> Option<String> {
    let text = of.to_string_with_registry(oid_registry()).ok()?;
    Some(tidy(&text, MAX_DN)).filter(|name| !name.is_empty())
}

fn serial(bytes: &[u8]) -> String {
    let digits = hex(bytes.get(..MAX_SERIAL).unwrap_or(bytes));
    let digits = digits.trim_start_matches('0');
    match digits.get(..MAX_SERIAL).unwrap_or(digits) {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
