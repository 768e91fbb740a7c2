//! What a scope refuses, and by which rule; and what it cannot be built from.

use std::fmt::Display;
use std::net::IpAddr;

use ipnet::IpNet;

use super::name::InvalidName;

/// Something was refused by the scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is out of scope: {rule}")]
pub struct OutOfScope {
    /// The name or address that was refused, as it was given.
    pub what: String,
    /// The rule that refused it.
    pub rule: Rule,
}

impl OutOfScope {
    pub(super) fn new(what: &(impl Display + ?Sized), rule: Rule) -> Self {
        Self {
            what: what.to_string(),
            rule,
        }
    }
}

/// The rule by which a scope refused something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// It is not a host name at all.
    #[error("not a host name: {0}")]
    InvalidName(InvalidName),
    /// This denied suffix covers the name.
    #[error("under the denied domain {0}")]
    DeniedDomain(String),
    /// No allowed suffix covers the name.
    #[error("under no allowed domain")]
    NoAllowedDomain,
    /// This denied net contains the address, or an address embedded in it.
    #[error("inside the denied net {0}")]
    DeniedNet(IpNet),
    /// The address, or one embedded in it, lies in a reserved range that no allowed net opened.
    #[error("inside the reserved range {net} ({purpose})")]
    Reserved {
        /// The reserved range.
        net: IpNet,
        /// What the range is for, in a few words.
        purpose: &'static str,
    },
    /// No name led to the address, and no allowed net contains it.
    #[error("inside no allowed net, and no name led to it")]
    NoAllowedNet,
}

/// A scope that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidScope {
    /// An entry of a domain list is no host name. Wildcards are none: a domain covers every name
    /// under it anyway.
    #[error("domain {entry:?} in the scope: {cause}")]
    Domain {
        /// The entry as it was given.
        entry: String,
        /// Why it was refused.
        cause: InvalidName,
    },
    /// A domain list is longer than 4 GiB in all.
    #[error("the domain lists of the scope are too long")]
    TooLarge,
    /// The document is not a scope in JSON. Unknown fields are refused, because a misspelt deny
    /// list would silently widen the scope.
    #[error("the scope document: {0}")]
    Json(#[from] serde_json::Error),
}

/// A set of addresses is too wide to be judged as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "with {first} to {last} the set touches more than {limit} IPv6 subnets of 64 bits; name fewer, \
     or list addresses"
)]
pub struct TooManySubnets {
    /// The first address of the range that passed the limit.
    pub first: IpAddr,
    /// The last address of that range.
    pub last: IpAddr,
    /// How many subnets may be touched.
    pub limit: u32,
}
