//! Names.

use std::net::IpAddr;

use scanners::scope::Name;
use serde::{Deserialize, Serialize};
use task_core::recon::{Field, Model};

/// A name in the DNS.
///
/// ```
/// use sortie_task_defs::recon::Domain;
/// use task_core::recon::{Model as _, Observation};
///
/// let domain = Domain { resolves: Some(true), ..Domain::new("WWW.Example.com.".parse()?) };
/// let seen = Observation::of(&domain)?;
/// assert_eq!(seen.body.get(), r#"{"name":"www.example.com","resolves":true}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The name, normalised.
    pub name: Name,
    /// The [`Target`](super::Target) that it was found for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether it has an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolves: Option<bool>,
    /// Its addresses when it was looked up last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<IpAddr>>,
    /// The name that it is an alias of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cname: Option<Name>,
    /// The names behind it, `cname` first, if the last of them does not exist: whoever may create
    /// that one answers under this name. Of other aliases only `cname` is kept, because what is
    /// behind that changes with the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dangling: Option<Vec<Name>>,
    /// Whether a certificate is for any name below it, so that there may be any number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<bool>,
    /// Whether any name below it has an answer in the DNS, so that such names mean little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard_dns: Option<bool>,
    /// Whether its own answer is that of such a wildcard above it, so that nothing says that anybody
    /// made this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_wildcard: Option<bool>,
}

impl Domain {
    /// A name of which nothing else is known.
    pub const fn new(name: Name) -> Self {
        Self {
            name,
            target: None,
            resolves: None,
            addresses: None,
            cname: None,
            dangling: None,
            wildcard: None,
            wildcard_dns: None,
            by_wildcard: None,
        }
    }
}

impl Model for Domain {
    const NAME: &'static str = "domain";
    const FIELDS: &'static [Field] = &[
        Field::text("name"),
        Field::text("target").refers_to("target"),
        Field::boolean("resolves"),
        Field::text_list("addresses"),
        Field::text("cname").refers_to("domain"),
        Field::text_list("dangling"),
        Field::boolean("wildcard"),
        Field::boolean("wildcard_dns"),
        Field::boolean("by_wildcard"),
    ];

    fn key(&self) -> String {
        self.name.to_string()
    }
}
