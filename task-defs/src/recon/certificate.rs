//! Certificates.

use std::collections::BTreeSet;

use scanners::scope::Name;
use serde::{Deserialize, Serialize};
use task_core::Timestamp;
use task_core::recon::{Field, Model};

/// An X.509 certificate, as far as its source tells.
///
/// Its key is its hash, or where the hash is not known the serial number and the issuer, which
/// together are unique (RFC 5280 §4.1.2.2); so one that is known both ways stands there twice.
///
/// ```
/// use sortie_task_defs::recon::Certificate;
/// use task_core::recon::Model as _;
///
/// let seen: Certificate = serde_json::from_str(
///     r#"{"serial": "1f", "issuer": "CN=A", "names": ["*.example.com", "example.com", "?"]}"#,
/// )?;
/// assert_eq!(seen.key(), "1f CN=A");
/// assert_eq!(seen.domains, ["example.com".parse()?]); // what it says is kept in `names`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stated")]
pub struct Certificate {
    /// SHA-256 of the certificate: 64 digits of lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The serial number: lower-case hex without leading zeros.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The distinguished name of the issuer, as the source writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The common name of the subject, which need not be a host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// From when it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Until when it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// What it vouches for, as it is written there; a wildcard keeps its `*.`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The domains among `names`, normalised and sorted; `*.` is left out, so a wildcard names the
    /// domain that it stands below. Worked out from `names` whenever a certificate is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Name>,
}

/// What there is to read of one.
#[derive(Deserialize)]
struct Stated {
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    serial: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    not_before: Option<Timestamp>,
    #[serde(default)]
    not_after: Option<Timestamp>,
    #[serde(default)]
    names: Vec<String>,
}

impl From<Stated> for Certificate {
    fn from(stated: Stated) -> Self {
        let Stated {
            sha256,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            names,
        } = stated;
        let certificate = Self {
            sha256,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            ..Self::default()
        };
        certificate.vouches_for(names)
    }
}

impl Certificate {
    /// The same certificate, which vouches for these names.
    #[must_use]
    pub fn vouches_for(mut self, names: Vec<String>) -> Self {
        let domain = |name: &String| Name::parse(name.strip_prefix("*.").unwrap_or(name)).ok();
        let domains: BTreeSet<Name> = names.iter().filter_map(domain).collect();
        self.domains = domains.into_iter().collect();
        self.names = names;
        self
    }
}

impl Model for Certificate {
    const NAME: &'static str = "certificate";
    const FIELDS: &'static [Field] = &[
        Field::text("sha256"),
        Field::text("serial"),
        Field::text("issuer"),
        Field::text("subject"),
        Field::integer("not_before"),
        Field::integer("not_after"),
        Field::text_list("names"),
        Field::text_list("domains").refers_to("domain"),
    ];

    fn key(&self) -> String {
        match (&self.sha256, &self.serial, &self.issuer) {
            (Some(hash), _, _) => hash.clone(),
            (None, Some(serial), issuer) => {
                let issuer = issuer.as_deref().unwrap_or_default();
                super::web_document::bounded(format!("{serial} {issuer}"))
            }
            (None, None, _) => String::new(),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.sha256.is_none() && self.serial.is_none() {
            return Err("it has neither `sha256` nor `serial` to be known by".to_owned());
        }
        let is_hash = |hash: &String| {
            let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            hash.len() == 64 && hash.bytes().all(digit)
        };
        match &self.sha256 {
            Some(hash) if !is_hash(hash) => {
                Err("sha256: must be 64 digits of lower-case hex".to_owned())
            }
            _ => Ok(()),
        }
    }
}
