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
    /// Whether it is the first of the names of its port, or there are none: its certificate is the
    /// [`Endpoint::certificate`]; each name may have its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// Of a look without a name: names that led to the address all the same. Nobody is told of
    /// them; one that is in scope brings the address into it. The first
    /// [`MAX_VIA`](Self::MAX_VIA) in the order of the alphabet, so that the order of the rows does
    /// not matter; those behind them bring nothing into scope.
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

    fn merge(&mut self, same: Self) -> bool {
        let before = self.via.len();
        if self.name.is_none() {
            // Some name led to the port if one row knows of it.
            self.first &= same.first;
            self.via.extend(same.via);
            while self.via.len() > Self::MAX_VIA {
                self.via.pop_last();
            }
        }
        self.via.len() > before
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
        let target = |name, first, via| TlsTarget {
            address: row.address,
            port: row.port,
            name,
            first,
            via,
        };
        let first_names = row.names.iter().take(TlsTarget::MAX_VIA).cloned();
        let bare = row.names.is_empty();
        if bare || self.without_name {
            targets.push(target(None, bare, first_names.collect()));
        }
        let names = row.names.into_iter().enumerate();
        let named = |(index, name)| target(Some(name), index == 0, BTreeSet::new());
        targets.extend(names.map(named));
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
            Some(name) => scope.admit_addr(&scope.admit(name.clone())?, self.address)?,
            None => host::admit(scope, self.address, &self.via)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(names: &[&str]) -> Vec<TlsTarget> {
        let names: Vec<_> = names.iter().map(|name| serde_json::json!(name)).collect();
        let row = serde_json::json!({
            "address": "203.0.113.7", "port": 443, "outcome": "open", "method": "syn",
            "names": names,
        });
        let mut targets = Vec::new();
        Tls::default().targets(serde_json::from_value(row).unwrap(), &mut targets);
        targets
    }

    #[test]
    fn a_name_that_led_to_an_address_brings_it_into_scope_without_being_said() {
        let scope = Scope::builder().allow_domain("in.example");
        let scope = scope.allow_net("203.0.113.0/25".parse::<ipnet::IpNet>().unwrap());
        let deny = "203.0.113.7/32".parse::<ipnet::IpNet>().unwrap();
        let narrow = Scope::builder().allow_domain("in.example").build().unwrap();
        let public = |names: &[&str]| {
            let mut target = targets(names).remove(0);
            assert_eq!(target.name, None);
            target.address = "8.8.8.8".parse().unwrap();
            target.admit(&narrow).is_ok()
        };
        assert!(public(&["a.example", "www.in.example"]));
        assert!(!public(&["a.example"]));
        assert!(!public(&[]));
        let bare = &targets(&[])[0];
        assert!(bare.admit(&scope.clone().build().unwrap()).is_ok());
        let named = &targets(&["in.example"])[0];
        assert!(named.admit(&scope.deny_net(deny).build().unwrap()).is_err());
    }

    #[test]
    fn one_row_with_a_name_is_enough_for_a_port_to_have_one() {
        let bare = || targets(&[]).remove(0);
        let named = || targets(&["a.example", "b.example"]).remove(0);
        assert!(bare().first && !named().first);
        let (mut one, mut other) = (bare(), named());
        assert!(one.merge(named()));
        assert!(!other.merge(bare()));
        assert_eq!(one, other);
        assert_eq!((one.first, one.via.len()), (false, 2));
    }

    #[test]
    fn the_names_of_a_look_without_one_are_few() {
        let names: Vec<String> = (0..100).map(|n| format!("n{n:02}.example")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let all = targets(&names);
        assert_eq!((all.len(), all[0].via.len()), (101, TlsTarget::MAX_VIA));
        let mut first = targets(&names[50..]).remove(0);
        first.merge(targets(&names[..50]).remove(0));
        assert_eq!(first.via, all[0].via);
    }
}
