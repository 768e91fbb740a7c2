//! Certificates of ports.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scanners::scope::{InScope, Name, OutOfScope, Scope};
use scanners::tls::{LeafCertificate, TlsOptions, TlsOutcome, TlsScanner, TlsVersion};
use serde::{Deserialize, Serialize};
use task_core::recon::Model as _;
use task_core::{TaskError, Timestamp};

use super::found::Found;
use super::probe::{LocalFailure, Probe, Target};
use super::tcp_syn::{PortClass, PortRow};
use super::tools::Tools;
use crate::millis;
use crate::option::InvalidOption;
use crate::recon::{Carrier, Certificate, Endpoint};

/// Which certificate a port presents, to who asks for a name or for none.
///
/// It reads [`PortRow`]s. An open port is looked at once for each name that led to it; if none
/// did, once without a name. Nothing is trusted and nothing is claimed: a record says what was
/// presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The ports to look at; every open one if empty.
    pub ports: Vec<u16>,
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
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Whether it is the first of the names of its port, whose certificate stands for the port's;
    /// each name may have its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
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
        let target = |name, first| TlsTarget {
            address: row.address,
            port: row.port,
            name,
            first,
        };
        if row.names.is_empty() {
            targets.push(target(None, true));
        }
        let names = row.names.into_iter().enumerate();
        targets.extend(names.map(|(index, name)| target(Some(name), index == 0)));
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
            tls: Some(tls),
            certificate: key.filter(|_| target.first),
            ..Endpoint::new(Carrier::Tcp, at)
        });
        certificate.iter().for_each(|seen| found.add(seen));
    }
}

impl TlsTarget {
    /// A name must be in scope itself: it is said aloud in the handshake.
    fn admit(&self, scope: &Scope) -> Result<InScope<SocketAddr>, OutOfScope> {
        let address = match &self.name {
            Some(name) => scope.admit_addr(&scope.admit(name.clone())?, self.address)?,
            None => scope.admit_ip(self.address)?,
        };
        Ok(address.with_port(self.port))
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
