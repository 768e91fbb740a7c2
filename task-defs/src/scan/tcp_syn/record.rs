//! What is found, as rows.

use std::collections::BTreeSet;
use std::net::IpAddr;

use scanners::connect::PortOutcome;
use scanners::scope::Name;
use scanners::syn::{SynAnswer, SynState};
use serde::{Deserialize, Serialize};

use crate::recon::PortState;
use crate::scan::generate::is_zero;

/// A row: a port as it was found, or how many have no row of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum PortRow {
    /// A port.
    Port(PortRecord),
    /// Many of one class.
    Counted(Counted),
}

/// A port as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PortRecord {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// How it answered.
    pub outcome: PortClass,
    /// By what it was asked.
    pub method: AskedBy,
    /// The names that led to the address, sorted, if the port is open.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<Name>,
    /// How many more led to it: [`AddressTarget`](super::AddressTarget) has the limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub names_cut: u64,
    /// The reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How many targets ended in a class, of those that have no rows of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counted {
    /// How they ended.
    pub outcome: PortClass,
    /// By what they were asked; `None` if nothing was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<AskedBy>,
    /// How many.
    pub count: u64,
}

/// By what a port was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AskedBy {
    /// A SYN of our own.
    Syn,
    /// A whole connection of the system's.
    Connect,
}

/// How a look at a port ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PortClass {
    /// Somebody accepts.
    Open,
    /// It refuses.
    Closed,
    /// Somebody on the way says that it cannot be reached.
    Unreachable,
    /// Unreachable locally: the worker's machine has no route to the address, as to one of IPv6
    /// where it has none of its own. Nothing was sent, and nothing is learned.
    NoRoute,
    /// A proxy that accepts for every port before it knows whether anything is behind it. Only
    /// packets tell.
    Decoy,
    /// Nothing came back.
    Silent,
    /// The scope does not admit the address; nothing was sent.
    OutOfScope,
}

impl AskedBy {
    /// The name, as in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::Connect => "connect",
        }
    }
}

impl PortClass {
    /// The class in snake case, as in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Unreachable => "unreachable",
            Self::NoRoute => "no_route",
            Self::Decoy => "decoy",
            Self::Silent => "silent",
            Self::OutOfScope => "out_of_scope",
        }
    }

    /// What it says of the port; `None` if nothing was learned.
    pub(super) const fn state(self) -> Option<PortState> {
        match self {
            Self::Open => Some(PortState::Open),
            Self::Closed => Some(PortState::Closed),
            Self::Unreachable => Some(PortState::Unreachable),
            Self::Silent => Some(PortState::Silent),
            Self::NoRoute | Self::Decoy | Self::OutOfScope => None,
        }
    }

    /// The class of an answer to a SYN, and the reason.
    pub(super) fn of_syn(answer: &SynAnswer) -> (Self, Option<String>) {
        match answer.state {
            SynState::Open => (Self::Open, None),
            SynState::Closed => (Self::Closed, None),
            SynState::Decoy => (Self::Decoy, None),
            SynState::Unreachable(reason) => {
                let detail = format!("{} (says {})", reason.name(), answer.from);
                (Self::Unreachable, Some(detail))
            }
        }
    }

    /// The class of a connection, and the reason.
    pub(super) fn of_connection(outcome: &PortOutcome) -> (Self, Option<String>) {
        let class = match outcome {
            PortOutcome::Open => Self::Open,
            PortOutcome::Closed => Self::Closed,
            PortOutcome::Silent => Self::Silent,
            PortOutcome::NoRoute(_) => Self::NoRoute,
            // A class that this version does not know is no answer of the port's.
            _ => Self::Unreachable,
        };
        (class, outcome.detail().map(str::to_owned))
    }
}
