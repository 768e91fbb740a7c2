//! Ports of addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use scanners::connect::{ConnectOptions, ConnectScanner, PortOutcome};
use scanners::scope::{Name, Scope};
use serde::{Deserialize, Serialize};
use task_core::TaskError;

use super::found::Found;
use super::host::admit;
use super::probe::{LocalFailure, Probe, Target};
use super::tools::Tools;
use crate::millis;
use crate::option::InvalidOption;
use crate::recon::{Carrier, Endpoint, PortState};

/// Which ports of an address accept connections.
///
/// For now this runs in its socket-based form: a whole handshake in place of a lone SYN. That is
/// slower by orders of magnitude, needs no privilege, and is seen by the applications; the
/// aggregate says so by `"method": "connect"`. The definitions ask for raw sockets all the same,
/// so that workflows need not change when packets are sent.
///
/// Each port of each address is a target of its own in the ledger. Ports are gone through one
/// after the other, each for all addresses of a chunk, so that two probes in a row meet two hosts.
///
/// ```
/// use sortie_task_defs::scan::TcpSyn;
///
/// let web = TcpSyn { ports: vec![80, 443], ..TcpSyn::default() };
/// # assert_eq!(sortie_task_defs::scan::Probe::looks(&web), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TcpSyn {
    /// The ports. 22, 80, 443, 8080, 8443; at least one, none twice, not 0.
    pub ports: Vec<u16>,
    /// How long to wait for an answer. 2 s, in which a lost SYN is sent again; 10 ms to 45 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
}

/// What has addresses: a [`DnsRecord`](super::DnsRecord), or a row like it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Host {
    /// The name that led to the addresses, if one did.
    #[serde(default)]
    pub name: Option<Name>,
    /// The addresses.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
}

/// An address, and the names that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressTarget {
    /// The address.
    pub address: IpAddr,
    /// At most [`MAX_NAMES`](Self::MAX_NAMES) names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<Name>,
}

/// A port as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRecord {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// How it answered.
    pub outcome: PortClass,
    /// The names that led to the address, sorted, if the port is open.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<Name>,
    /// The reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a look at a port ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PortClass {
    /// Somebody accepts.
    Open,
    /// It refuses.
    Closed,
    /// Somebody on the way says that it cannot be reached.
    Unreachable,
    /// Nothing came back.
    Silent,
    /// The scope does not admit the address; nothing was sent.
    OutOfScope,
}

impl AddressTarget {
    /// Names that are kept of those that lead to one address; more are left out.
    pub const MAX_NAMES: usize = 1_000;
}

impl Target for AddressTarget {
    type Key = IpAddr;

    fn key(&self) -> IpAddr {
        self.address
    }

    fn merge(&mut self, same: Self) -> bool {
        let before = self.names.len();
        let room = Self::MAX_NAMES.saturating_sub(before);
        self.names.extend(same.names.into_iter().take(room));
        self.names.len() > before
    }
}

impl PortClass {
    /// The class in snake case, as in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::OutOfScope => "out_of_scope",
        }
    }
}

impl Default for TcpSyn {
    fn default() -> Self {
        Self {
            ports: vec![22, 80, 443, 8080, 8443],
            timeout: ConnectOptions::default().timeout,
        }
    }
}

impl Probe for TcpSyn {
    const FAMILY: &'static str = "tcp_syn";
    const METHOD: &'static str = "connect";
    type Row = Host;
    type Target = AddressTarget;
    type Record = PortRecord;
    type Scanner = (Scope, ConnectScanner);

    fn check(&self) -> Result<(), InvalidOption> {
        let distinct: BTreeSet<u16> = self.ports.iter().copied().collect();
        let sound = !distinct.is_empty() && !distinct.contains(&0);
        InvalidOption::first([
            (
                "ports",
                format!("a list of {}", self.ports.len()),
                sound && distinct.len() == self.ports.len(),
                "give at least one port, none twice, and not 0",
            ),
            InvalidOption::time("timeout_ms", self.timeout),
        ])
    }

    fn deadline(&self) -> Duration {
        self.timeout
    }

    fn targets(&self, row: Host, targets: &mut Vec<AddressTarget>) {
        targets.extend(row.addresses.iter().map(|address| AddressTarget {
            // The same host, however it is written.
            address: address.to_canonical(),
            names: row.name.iter().cloned().collect(),
        }));
    }

    fn looks(&self) -> u32 {
        // At most 65,535: none comes twice.
        u32::try_from(self.ports.len()).unwrap_or(u32::MAX)
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Self::Scanner, TaskError> {
        let options = ConnectOptions {
            timeout: self.timeout,
        };
        Ok((tools.scope().clone(), ConnectScanner::new(options)))
    }

    async fn look(
        &self,
        (scope, scanner): &Self::Scanner,
        target: &AddressTarget,
        nth: u32,
    ) -> Result<PortRecord, LocalFailure> {
        // Within `looks`, which is the number of ports.
        let port = self.ports.get(nth as usize).copied().unwrap_or_default();
        let (outcome, detail) = match admit(scope, target.address, &target.names) {
            Ok(address) => {
                let outcome = scanner.probe(address.with_port(port)).await;
                let detail = outcome.detail().map(str::to_owned);
                (PortClass::of(outcome)?, detail)
            }
            Err(error) => (PortClass::OutOfScope, Some(error.to_string())),
        };
        let open = outcome == PortClass::Open;
        Ok(PortRecord {
            address: target.address,
            port,
            outcome,
            names: open.then(|| target.names.clone()).unwrap_or_default(),
            detail,
        })
    }

    fn outcome(record: &PortRecord) -> &'static str {
        record.outcome.as_str()
    }

    fn models(record: &PortRecord, found: &mut Found) {
        let endpoint = |state| Endpoint {
            state: Some(state),
            names: record.names.iter().cloned().collect(),
            ..Endpoint::new(Carrier::Tcp, (record.address, record.port).into())
        };
        match record.outcome {
            PortClass::Open => found.add(&endpoint(PortState::Open)),
            PortClass::Closed => found.add_if_known(&endpoint(PortState::Closed)),
            PortClass::Unreachable => found.add_if_known(&endpoint(PortState::Unreachable)),
            PortClass::Silent => found.add_if_known(&endpoint(PortState::Silent)),
            PortClass::OutOfScope => {}
        }
    }
}

impl PortClass {
    fn of(outcome: PortOutcome) -> Result<Self, LocalFailure> {
        match outcome {
            PortOutcome::Open => Ok(Self::Open),
            PortOutcome::Closed => Ok(Self::Closed),
            PortOutcome::Unreachable(_) => Ok(Self::Unreachable),
            PortOutcome::Silent => Ok(Self::Silent),
            PortOutcome::LocalFailure(why) => Err(LocalFailure(why)),
            // A class that this version does not know.
            _ => Ok(Self::Unreachable),
        }
    }
}
