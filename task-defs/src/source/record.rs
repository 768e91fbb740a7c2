//! What sources find, as plain rows.

use std::net::IpAddr;

use scanners::scope::Name;
use serde::{Deserialize, Serialize};
use task_core::Timestamp;

use crate::recon::Carrier;

/// A name that a source knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DomainRecord {
    /// The name: normalised, without `*.`.
    pub name: Name,
    /// Whether the source also knows `*.` in front of it, so that there may be any number of
    /// further names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wildcard: bool,
}

/// A certificate that a source knows. Sources differ in what they say of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CertificateRecord {
    /// SHA-256 of the certificate: 64 digits of lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The serial number: lower-case hex without leading zeros. With the issuer it is unique
    /// (RFC 5280 §4.1.2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The distinguished name of the issuer, as the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The common name of the subject, which need not be a host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The names that it vouches for, sorted; a wildcard keeps its `*.`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// From when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Until when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// When the source met it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
}

/// A service on an address that a source has met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointRecord {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// What carries it.
    pub transport: Carrier,
    /// The protocol that was spoken, in lower case: `http`, `ssh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The software that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Names that the source connects with the address, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// SHA-256 of the certificate that it presented; see [`CertificateRecord::sha256`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// When the source met it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
}
