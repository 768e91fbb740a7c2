//! What a lookup leaves behind.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::scope::Name;

use super::ResolveError;
use super::answer::Lack;

/// The record of one lookup. There is one for each, whatever happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DnsRecord {
    /// The name that was asked for.
    pub name: Name,
    /// The class.
    pub outcome: DnsOutcome,
    /// The addresses that the scope admits, in the order of the answer, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// How many addresses the scope refused.
    #[serde(default)]
    pub refused: u64,
    /// Whether the answer had more addresses than
    /// [`ResolverOptions::max_addresses`](super::ResolverOptions::max_addresses); the others were
    /// not looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Whether there may be addresses of the other version of IP, for which the servers failed or
    /// were silent; `detail` says which. Only with [`AddressFamily::Both`](super::AddressFamily).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// What the name is an alias of, what that is one of, and so on (RFC 1034 §3.6.2), as far as
    /// these are host names; at most 16: of more the first 15, and the last if there is no address.
    /// Known of names that exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Name>,
    /// Time that the lookup took, in milliseconds.
    pub millis: u64,
    /// A short reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The one class that each lookup ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DnsOutcome {
    /// It has at least one address that the scope admits.
    Found,
    /// It does not exist (NXDOMAIN, RFC 8020).
    NoSuchName,
    /// It exists and has no address of the kinds that were asked for (NODATA, RFC 2308 §2.2).
    NoData,
    /// It exists as an alias, and what it leads to does not (NXDOMAIN behind a CNAME, RFC 6604 §3):
    /// whoever may create the last of [`DnsRecord::aliases`] answers under this name.
    Dangling,
    /// The server failed, refused, or answered with what is no answer.
    ServerFailure,
    /// No answer came in time, in all attempts.
    Timeout,
    /// The scope refused every address.
    OutOfScope,
    /// This machine could not ask: it has no descriptor, port or memory left for a socket, or its
    /// interface is down. Says nothing about the name, so a finished scan must not contain it:
    /// whoever meets it must ask again, with fewer lookups under way.
    LocalFailure,
}

impl DnsOutcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Found,
        Self::NoSuchName,
        Self::NoData,
        Self::Dangling,
        Self::ServerFailure,
        Self::Timeout,
        Self::OutOfScope,
        Self::LocalFailure,
    ];

    /// The class in snake case, as in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NoSuchName => "no_such_name",
            Self::NoData => "no_data",
            Self::Dangling => "dangling",
            Self::ServerFailure => "server_failure",
            Self::Timeout => "timeout",
            Self::OutOfScope => "out_of_scope",
            Self::LocalFailure => "local_failure",
        }
    }
}

impl fmt::Display for DnsOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&ResolveError> for DnsOutcome {
    fn from(error: &ResolveError) -> Self {
        match error {
            ResolveError::NoSuchName => Self::NoSuchName,
            ResolveError::Server(_) => Self::ServerFailure,
            ResolveError::Timeout => Self::Timeout,
            ResolveError::OutOfScope { .. } => Self::OutOfScope,
            // Who cannot set up a resolver has none to ask, so the second does not come here.
            ResolveError::Local(_) | ResolveError::Config(_) => Self::LocalFailure,
        }
    }
}

impl DnsRecord {
    pub(super) fn new(name: &Name) -> Self {
        Self {
            name: name.clone(),
            // Whoever forgets to say how it ended did not end it.
            outcome: DnsOutcome::Timeout,
            addresses: Vec::new(),
            refused: 0,
            cut: false,
            partial: false,
            aliases: Vec::new(),
            millis: 0,
            detail: None,
        }
    }

    /// What came of a name without addresses.
    pub(super) fn lacks(&mut self, lack: Lack) {
        self.outcome = match lack {
            Lack::NoData => DnsOutcome::NoData,
            Lack::NoSuchName => DnsOutcome::NoSuchName,
            Lack::Dangling(last) => {
                self.detail = Some(format!("{last} does not exist"));
                DnsOutcome::Dangling
            }
        };
    }

    /// The record of a lookup that began at `start` and is over.
    pub(super) fn took(mut self, start: Instant) -> Self {
        self.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self
    }
}
