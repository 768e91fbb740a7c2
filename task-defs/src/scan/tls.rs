//! Certificates of ports.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scanners::scope::{InScope, Name, OutOfScope, Scope};
use scanners::tls::{LeafCertificate, TlsOptions, TlsOutcome, TlsScanner, TlsVersion};
use serde::{Deserialize, Serialize};
use task_core::recon::Model as _;
use task_core::{TaskError, Timestamp};

use super::found::Found;
use super::host;
use super::probe::{LocalFailure, Probe, Target};
use super::tcp_syn::{PortClass, PortRow};
use super::tools::Tools;
use crate::millis;
use crate::option::InvalidOption;
use crate::recon::{Carrier, Certificate, Endpoint};

/// Which certificate a port presents, to who asks for a name or for none.
///
/// It reads [`PortRow`]s. An open port is looked at once for each name that led to it, and once
/// without a name (RFC 6066 §3), as it is if none led to it. What it presents then stands there for
/// everybody, whatever is known of its names, and may tell of others. Nothing is trusted and nothing
/// is claimed: a record says what was presented.
///
/// The look without a name is in scope if the address is, by itself or for one of the names that
/// led to it: [`TlsTarget::via`] has those that are in scope, and no others.
///
/// Rows that are no open port, or none of [`ports`](Self::ports), give no target, and are counted
/// in [`Generated`](super::Generated).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The ports to look at; every open one if empty.
    pub ports: Vec<u16>,
    /// Whether ports that names led to are looked at without a name, too: one look more for each
    /// port. Yes. A port that no name led to is looked at without one in any case.
    // Not written unless it is chosen: workers of the first version know nothing of it.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub without_name: bool,
    /// The time for connecting and the handshake together. 5 s; 10 ms to 45 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub timeout: Duration,
}

/// A port, and the name to ask it for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TlsTarget {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The name; the look is without one if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Whether it speaks for its port, as one look of each port does: its certificate is the
    /// [`Endpoint::certificate`]. It is that for the first name in scope, in the order of the
    /// alphabet; else that without a name; else that for the first name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// Of a look without a name: names that led to the address all the same, and bring it into
    /// scope. Nobody is told of them. Names that the scope refuses are not among them; of the
    /// others the first [`MAX_VIA`](Self::MAX_VIA) in the order of the alphabet, whatever the order
    /// of the rows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub via: BTreeSet<Name>,
}

/// What a port has presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TlsRecord {
    /// What was looked at.
    #[serde(flatten)]
    pub target: TlsTarget,
    /// How the look ended.
    pub outcome: TlsClass,
    /// The version that the peer chose, as far as the handshake came to tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<TlsVersion>,
    /// How many certificates were presented, the leaf included.
    #[serde(default)]
    pub chain_len: u32,
    /// The first certificate, for [`TlsOutcome::Certificate`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<LeafCertificate>,
    /// Time that the look took, in milliseconds.
    pub millis: u64,
    /// A short reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a look at a port ends: as a capture does, or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TlsClass {
    /// The scope does not admit the address for the name; nothing was sent.
    OutOfScope,
    /// What came of the capture.
    #[serde(untagged)]
    Captured(TlsOutcome),
}

impl Target for TlsTarget {
    type Key = (IpAddr, u16, Option<Name>);

    fn key(&self) -> Self::Key {
        (self.address, self.port, self.name.clone())
    }
}

impl TlsClass {
    /// The class in snake case, as in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfScope => "out_of_scope",
            Self::Captured(outcome) => outcome.as_str(),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            ports: Vec::new(),
            without_name: true,
            timeout: TlsOptions::default().timeout,
        }
    }
}

impl Probe for Tls {
    const FAMILY: &'static str = "tls";
    const METHOD: &'static str = "connect";
    type Row = PortRow;
    type Target = TlsTarget;
    type Record = TlsRecord;
    type Scanner = (Scope, TlsScanner);

    fn check(&self) -> Result<(), InvalidOption> {
        InvalidOption::first([InvalidOption::time("timeout_ms", self.timeout)])
    }

    fn deadline(&self) -> Duration {
        self.timeout
    }

    fn targets(&self, row: PortRow, targets: &mut Vec<TlsTarget>) {
        // Ports that are only counted are not open.
        let PortRow::Port(row) = row else { return };
        let wanted = self.ports.is_empty() || self.ports.contains(&row.port);
        if !wanted || row.outcome != PortClass::Open {
            return;
        }
        let target = |name| TlsTarget {
            address: row.address,
            port: row.port,
            name,
            // What these are follows from all rows: see `settle`.
            first: false,
            via: BTreeSet::new(),
        };
        if row.names.is_empty() || self.without_name {
            targets.push(target(None));
        }
        targets.extend(row.names.into_iter().map(|name| target(Some(name))));
    }

    fn settle(&self, scope: &Scope, targets: &mut [TlsTarget]) {
        let mut sorted: Vec<&mut TlsTarget> = targets.iter_mut().collect();
        sorted.sort_unstable_by(|a, b| {
            (a.address, a.port, &a.name).cmp(&(b.address, b.port, &b.name))
        });
        for looks in sorted.chunk_by_mut(|a, b| (a.address, a.port) == (b.address, b.port)) {
            settle_port(scope, looks);
        }
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Self::Scanner, TaskError> {
        let options = TlsOptions {
            timeout: self.timeout,
        };
        let scanner = TlsScanner::new(options).map_err(TaskError::fatal)?;
        Ok((tools.scope().clone(), scanner))
    }

    async fn look(
        &self,
        (scope, scanner): &Self::Scanner,
        target: &TlsTarget,
    ) -> Result<TlsRecord, LocalFailure> {
        let record = |outcome, detail| TlsRecord {
            target: target.clone(),
            outcome,
            version: None,
            chain_len: 0,
            leaf: None,
            millis: 0,
            detail,
        };
        let at = match target.admit(scope) {
            Ok(at) => at,
            Err(error) => return Ok(record(TlsClass::OutOfScope, Some(error.to_string()))),
        };
        let seen = scanner.capture(at, target.name.as_ref()).await;
        if seen.outcome == TlsOutcome::LocalFailure {
            return Err(LocalFailure(seen.detail.unwrap_or_default()));
        }
        Ok(TlsRecord {
            version: seen.version,
            chain_len: seen.chain_len,
            leaf: seen.leaf,
            millis: seen.millis,
            ..record(TlsClass::Captured(seen.outcome), seen.detail)
        })
    }

    fn outcome(record: &TlsRecord) -> &'static str {
        record.outcome.as_str()
    }

    fn models(record: &TlsRecord, found: &mut Found) {
        let TlsClass::Captured(outcome) = record.outcome else {
            return;
        };
        let tls = match outcome {
            TlsOutcome::Certificate
            | TlsOutcome::BadCertificate
            | TlsOutcome::Alert
            | TlsOutcome::HandshakeFailed => true,
            TlsOutcome::NoTls => false,
            // Whether it speaks TLS was not learned.
            _ => return,
        };
        let certificate = record.leaf.as_ref().map(certificate);
        let target = &record.target;
        let at = (target.address, target.port).into();
        let key = certificate.as_ref().map(Certificate::key);
        found.add(&Endpoint {
            names: target.name.iter().cloned().collect(),
            // One look says so, lest two that are answered differently take turns.
            tls: (target.first || certificate.is_some()).then_some(tls),
            certificate: key.clone().filter(|_| target.first),
            default_certificate: key.filter(|_| target.name.is_none()),
            ..Endpoint::new(Carrier::Tcp, at)
        });
        certificate.iter().for_each(|seen| found.add(seen));
    }
}

impl TlsTarget {
    /// Most names that a look without one keeps.
    pub const MAX_VIA: usize = 16;

    /// A name must be in scope itself: it is said aloud in the handshake.
    fn admit(&self, scope: &Scope) -> Result<InScope<SocketAddr>, OutOfScope> {
        let address = match &self.name {
            Some(name) => host::admit_for(scope, self.address, name)?,
            None => host::admit(scope, self.address, &self.via)?,
        };
        Ok(address.with_port(self.port))
    }
}

/// Says of all looks of one port, that without a name before the others and these sorted, which one
/// is first and which names are behind the one without.
fn settle_port(scope: &Scope, looks: &mut [&mut TlsTarget]) {
    let inside = |look: &&mut TlsTarget| {
        let name = look.name.as_ref();
        name.filter(|name| host::admit_for(scope, look.address, name).is_ok())
            .cloned()
    };
    let via: BTreeSet<Name> = looks
        .iter()
        .filter_map(inside)
        .take(TlsTarget::MAX_VIA)
        .collect();
    let first = looks
        .iter()
        .position(|look| look.name.is_some() && look.name.as_ref() == via.first())
        .unwrap_or(0);
    for (place, look) in looks.iter_mut().enumerate() {
        look.first = place == first;
        if look.name.is_none() {
            look.via.clone_from(&via);
        }
    }
}

/// Bytes of names that go into a model, which must stay below 256 KiB and has them twice.
const MAX_NAME_BYTES: usize = 64 << 10;

fn certificate(leaf: &LeafCertificate) -> Certificate {
    // Years before 1970 are as good as none.
    let moment = |ms: i64| u64::try_from(ms).ok().map(Timestamp::from_millis);
    let mut bytes = 0;
    let names = leaf.names.iter().take_while(|name| {
        bytes += name.len() + 3;
        bytes <= MAX_NAME_BYTES
    });
    let names = names.cloned().collect();
    let certificate = Certificate {
        sha256: Some(leaf.sha256.clone()),
        serial: Some(leaf.serial.clone()),
        issuer: leaf.issuer.clone(),
        subject: leaf.subject.clone(),
        not_before: moment(leaf.not_before_ms),
        not_after: moment(leaf.not_after_ms),
        ..Certificate::default()
    };
    certificate.vouches_for(names)
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
