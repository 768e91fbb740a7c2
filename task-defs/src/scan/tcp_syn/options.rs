//! The settings of a port scan.

use std::collections::BTreeSet;
use std::time::Duration;

use scanners::connect::ConnectOptions;
use scanners::target::PortSet;
use serde::{Deserialize, Serialize};

use super::ports;
use crate::millis;
use crate::option::InvalidOption;

/// Which ports of an address are open.
///
/// On a worker with CAP_NET_RAW this is a SYN scan by the packet engine
/// ([`scanners::syn`]): single packets, at any rate the link can carry. Where packets cannot go
/// out (without the privilege, towards the machine itself or its own net, over a tunnel) it asks
/// by whole connections ([`scanners::connect`]), slower by orders of magnitude and seen by the
/// applications. Every row says which it was: `"method": "syn"` or `"method": "connect"`.
///
/// The way to the first address of a task decides for all of it: packets go to that one's gateway.
///
/// Each port of each address is a target of its own in the ledger, and ends as `open`, `closed`,
/// `unreachable`, `no_route`, `decoy`, `silent` or `out_of_scope`. Addresses of both versions of IP
/// are asked; on a worker without IPv6 those of it end as `no_route`, which says nothing of them.
///
/// ```
/// use sortie_task_defs::scan::TcpSyn;
///
/// let web = TcpSyn { ports: vec![80, 443], rate: 10_000, ..TcpSyn::default() };
/// # assert!(serde_json::to_value(&web).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TcpSyn {
    /// The ports. 22, 80, 443, 8080, 8443; at least one, none twice, not 0. They travel as a text of
    /// ports and ranges (`"22,80,8000-8100"`); a list is read, too.
    #[serde(with = "ports")]
    #[cfg_attr(feature = "schema", schemars(with = "ports::Form"))]
    pub ports: Vec<u16>,
    /// Probes a second of one task, retries included; a worker runs several tasks at once. 1,000;
    /// 1 to 10,000,000.
    pub rate: u32,
    /// How often a packet is sent until it is answered. 2; 1 to 8. Connections are made once: the
    /// system repeats its SYN by itself.
    pub passes: u8,
    /// How long a connection waits for an answer. 2 s, in which a lost SYN is sent again; 10 ms to
    /// 45 s. Not for packets: their answers are waited for at the end, 5 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub timeout: Duration,
    /// The longest stretch of work between two hand-overs: what a worker that dies without a word
    /// takes with it. 5 min; 3 s to 1 h.
    #[serde(rename = "leg_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub leg: Duration,
    /// By packets, by connections, or by what the worker can do. The latter.
    pub method: Method,
    /// Which answers are told one by one, as rows. The open ports.
    pub rows: PortRows,
}

/// How ports are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// By packets where they can go out, by connections elsewhere.
    #[default]
    Any,
    /// By packets only: a worker that cannot fails, and another one may do better.
    Syn,
    /// By connections only.
    Connect,
}

/// Which answers have rows of their own; the others are counted. Of a million ports a few are open,
/// and thousands closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PortRows {
    /// Open ports.
    #[default]
    Open,
    /// All that answered: open, closed, decoys, unreachable ones.
    Answered,
}

impl Default for TcpSyn {
    fn default() -> Self {
        Self {
            ports: vec![22, 80, 443, 8080, 8443],
            rate: 1000,
            passes: 2,
            timeout: ConnectOptions::default().timeout,
            leg: Duration::from_secs(300),
            method: Method::default(),
            rows: PortRows::default(),
        }
    }
}

impl TcpSyn {
    /// Holds every setting against its limits.
    ///
    /// # Errors
    ///
    /// [`InvalidOption`] for the first that is beyond them.
    pub fn check(&self) -> Result<(), InvalidOption> {
        let distinct: BTreeSet<u16> = self.ports.iter().copied().collect();
        let sound = !distinct.is_empty() && !distinct.contains(&0);
        let legs = Duration::from_secs(3)..=Duration::from_secs(3600);
        InvalidOption::first([
            (
                "ports",
                format!("a list of {}", self.ports.len()),
                sound && distinct.len() == self.ports.len(),
                "give at least one port, none twice, and not 0",
            ),
            (
                "rate",
                self.rate.to_string(),
                (1..=10_000_000).contains(&self.rate),
                "1 to 10000000 are allowed",
            ),
            (
                "passes",
                self.passes.to_string(),
                (1..=8).contains(&self.passes),
                "1 to 8 are allowed",
            ),
            InvalidOption::time("timeout_ms", self.timeout),
            (
                "leg_ms",
                self.leg.as_millis().to_string(),
                legs.contains(&self.leg),
                "3000 to 3600000 are allowed",
            ),
        ])
    }

    pub(super) fn port_set(&self) -> PortSet {
        self.ports.iter().copied().collect()
    }
}
