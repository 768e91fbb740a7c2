//! What is watched.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use scanners::scope::Name;
use serde::{Deserialize, Serialize};
use task_core::recon::{Field, Model};

/// A domain with all below it, or a network: what somebody wants to have watched.
///
/// It is a note, and permits nothing: what may be touched is for the [scope](scanners::scope) of a
/// run to say.
///
/// ```
/// use sortie_task_defs::recon::{Target, TargetKind};
/// use task_core::recon::Model as _;
///
/// let target: Target = "192.0.2.77/24".parse()?;
/// assert_eq!((target.key().as_str(), target.kind), ("192.0.2.0/24", TargetKind::Network));
/// assert_eq!("*.Example.com".parse::<Target>()?.spec, "example.com");
/// # Ok::<(), sortie_task_defs::recon::InvalidTarget>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The domain or the network, in its one form.
    pub spec: String,
    /// Which of them it is.
    pub kind: TargetKind,
    /// The program or the customer that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Whether it is to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<bool>,
}

/// What a [`Target`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A domain and all below it.
    Domain,
    /// A network, or one address.
    Network,
}

/// A text that is neither a domain nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no domain, address or network; write `example.com` or `192.0.2.0/24`")]
pub struct InvalidTarget {
    /// The text, shortened.
    text: String,
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(network), _) => Some(network.trunc()),
            (Err(_), Ok(address)) => Some(IpNet::from(address)),
            (Err(_), Err(_)) => None,
        };
        let (spec, kind) = match network {
            Some(network) => (network.to_string(), TargetKind::Network),
            None => {
                let name = Name::parse(text.strip_prefix("*.").unwrap_or(text));
                let name = name.map_err(|_| InvalidTarget {
                    text: text.chars().take(80).collect(),
                })?;
                (name.to_string(), TargetKind::Domain)
            }
        };
        Ok(Self {
            spec,
            kind,
            program: None,
            excluded: None,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec)
    }
}

impl Model for Target {
    const NAME: &'static str = "target";
    const FIELDS: &'static [Field] = &[
        Field::text("spec"),
        Field::text("kind"),
        Field::text("program"),
        Field::boolean("excluded"),
    ];

    fn key(&self) -> String {
        self.spec.clone()
    }

    fn check(&self) -> Result<(), String> {
        let parsed: Self = self
            .spec
            .parse()
            .map_err(|error| format!("spec: {error}"))?;
        if parsed.spec != self.spec {
            return Err(format!("spec: write `{}` for `{}`", parsed.spec, self.spec));
        }
        if parsed.kind != self.kind {
            return Err(format!("kind: `{}` is a {:?}", self.spec, parsed.kind));
        }
        Ok(())
    }
}
