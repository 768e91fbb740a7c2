//! A scope as a document, to be kept in a file or sent with a task.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::error::InvalidScope;

/// The lists of a [`Scope`](super::Scope) as plain data; `Scope::try_from` builds it.
///
/// ```
/// use sortie_scanners::scope::{Scope, ScopeSpec};
///
/// let spec = ScopeSpec::from_json(br#"{"allow_domains": ["example.com"]}"#)?;
/// assert_eq!(spec.to_json(), br#"{"allow_domains":["example.com"]}"#);
/// assert!(Scope::try_from(spec)?.admit_name("example.com").is_ok());
/// // A misspelt list is refused; ignoring it would widen the scope.
/// assert!(ScopeSpec::from_json(br#"{"deny_domain": ["example.com"]}"#).is_err());
/// # Ok::<(), sortie_scanners::scope::InvalidScope>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ScopeSpec {
    /// Names that are allowed, each by itself: nothing under it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_names: Vec<String>,
    /// Domains that are allowed, each with every name under it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_domains: Vec<String>,
    /// Domains that are denied, each with every name under it. Deny wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny_domains: Vec<String>,
    /// Nets that may be addressed without a name, and the reserved nets that may be at all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub allow_nets: Vec<IpNet>,
    /// Nets that are denied. Deny wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub deny_nets: Vec<IpNet>,
    /// Whether every name that is not denied is allowed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub any_domain: bool,
}

impl ScopeSpec {
    /// Parses the JSON form. Absent lists are empty.
    ///
    /// # Errors
    ///
    /// [`InvalidScope::Json`] when it is not the JSON of a scope. Domains are checked when the
    /// scope is built.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidScope> {
        Ok(serde_json::from_slice(json)?)
    }

    /// The JSON form, without white space and empty lists.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, nets and a flag always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
