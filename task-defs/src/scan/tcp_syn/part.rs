//! A part of the targets: what one task is told of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use scanners::scope::{AddrSet, InScope, Name, Scope};
use scanners::target::{Chunk, TargetSet};
use serde::{Deserialize, Serialize};
use task_core::TaskError;

use super::addrs::Addrs;
use super::options::TcpSyn;
use crate::scan::host::admit;

/// Addresses, and how each is in scope. All tasks of a part have the same one, and a range of its
/// targets each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// Addresses that stand for themselves: the scope must allow their nets.
    #[serde(default, skip_serializing_if = "Addrs::is_empty")]
    pub addresses: Addrs,
    /// Addresses that names have led to: the scope must allow one of the names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<AddressTarget>,
}

/// An address, and the names that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressTarget {
    /// The address.
    pub address: IpAddr,
    /// At most [`MAX_NAMES`](Self::MAX_NAMES) names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<Name>,
}

impl AddressTarget {
    /// Names that are kept of those that lead to one address; more are left out.
    pub const MAX_NAMES: usize = 1_000;
}

/// Which of a part's targets are a task's: of those that the scope admits, in the order of a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Portion {
    /// The seed, and the range.
    pub chunk: Chunk,
    /// The [fingerprint](TargetSet::fingerprint) of the targets that it is a range of, in hex.
    pub of: String,
    /// Targets of the part that the scope refuses, for this task to enter into the ledger.
    #[serde(default)]
    pub refused: u64,
}

/// A part, as the scope leaves it.
pub(super) struct Admitted {
    /// `None` if nothing is left.
    pub(super) targets: Option<TargetSet>,
    pub(super) refused: u64,
}

impl Part {
    /// How many targets there are with the ports of `options`, in scope or not.
    pub(super) fn len(&self, options: &TcpSyn) -> u64 {
        times(self.wanted().len(), options)
    }

    fn wanted(&self) -> AddrSet {
        let named = self.named.iter().map(|host| (host.address, host.address));
        self.addresses.get().union(&named.collect())
    }

    /// What the scope admits of it.
    pub(super) fn admit(&self, scope: &Scope, options: &TcpSyn) -> Result<Admitted, TaskError> {
        let plain = scope
            .admit_set(self.addresses.get())
            .map_err(TaskError::fatal)?;
        let named = self
            .named
            .iter()
            .filter_map(|host| admit(scope, host.address, &host.names).ok());
        let admitted = plain.union(named.collect::<InScope<AddrSet>>());
        let refused = self.wanted().len().saturating_sub(admitted.get().len());
        let targets = match admitted.get().is_empty() {
            true => None,
            false => {
                let targets = TargetSet::of(&admitted, options.port_set());
                Some(targets.map_err(TaskError::fatal)?)
            }
        };
        Ok(Admitted {
            targets,
            refused: times(refused, options),
        })
    }
}

fn times(addresses: u128, options: &TcpSyn) -> u64 {
    let targets = addresses.saturating_mul(options.ports.len() as u128);
    u64::try_from(targets).unwrap_or(u64::MAX)
}

/// The fingerprint, as it travels.
pub(super) fn fingerprint(targets: &TargetSet) -> String {
    format!("{:016x}", targets.fingerprint())
}
