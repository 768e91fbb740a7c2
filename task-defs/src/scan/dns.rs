//! Addresses of names.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scanners::resolve::{DnsOutcome, Resolver};
use scanners::scope::{Name, Scope};
use serde::{Deserialize, Serialize};
use task_core::TaskError;
use tokio::time::timeout;

use super::found::Found;
use super::probe::{LocalFailure, Probe};
use super::tools::Tools;
use crate::millis;
use crate::option::InvalidOption;
use crate::recon::Domain;

/// Which addresses a name has.
///
/// It reads names: a row is a text, or an object with the text in `name`.
///
/// ```
/// use sortie_task_defs::scan::Dns;
///
/// let dns = Dns { resolver: Some("127.0.0.1:53".parse()?), ..Dns::default() };
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// The name server to ask; those of the worker's system if `None`.
    pub resolver: Option<SocketAddr>,
    /// The time for one name, repeated questions included. 10 s; 10 ms to 45 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub timeout: Duration,
}

/// What has a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a host name, or an object with one in `name`"
)]
pub enum Named {
    /// The name itself.
    Name(Name),
    /// An object with a name.
    Object {
        /// The name.
        name: Name,
    },
}

/// What a lookup has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DnsRecord {
    /// The name.
    pub name: Name,
    /// How the lookup ended.
    pub outcome: DnsOutcome,
    /// The addresses that the scope admits, sorted: servers rotate them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// There are more, which were not looked at: not all that the name has can be said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// How many more the scope refuses.
    #[serde(default)]
    pub refused: u64,
    /// The name that it is an alias of; see [`scanners::resolve::DnsRecord::cname`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cname: Option<Name>,
    /// Time that the lookup took, in milliseconds.
    pub millis: u64,
    /// The reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            resolver: None,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Probe for Dns {
    const FAMILY: &'static str = "dns";
    const METHOD: &'static str = "resolver";
    type Row = Named;
    type Target = Name;
    type Record = DnsRecord;
    type Scanner = (Scope, Resolver);

    fn check(&self) -> Result<(), InvalidOption> {
        InvalidOption::first([InvalidOption::time("timeout_ms", self.timeout)])
    }

    fn deadline(&self) -> Duration {
        self.timeout
    }

    fn targets(&self, row: Named, targets: &mut Vec<Name>) {
        let (Named::Name(name) | Named::Object { name }) = row;
        targets.push(name);
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Self::Scanner, TaskError> {
        Ok((tools.scope().clone(), tools.resolver(self.resolver)?))
    }

    async fn look(
        &self,
        (scope, resolver): &Self::Scanner,
        name: &Name,
    ) -> Result<DnsRecord, LocalFailure> {
        let record = |outcome, detail| DnsRecord {
            name: name.clone(),
            outcome,
            addresses: Vec::new(),
            cut: false,
            refused: 0,
            cname: None,
            millis: 0,
            detail,
        };
        let admitted = match scope.admit(name.clone()) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(record(DnsOutcome::OutOfScope, Some(error.to_string()))),
        };
        let Ok(seen) = timeout(self.timeout, resolver.lookup(scope, &admitted)).await else {
            let detail = format!("the limit of {} ms", self.timeout.as_millis());
            return Ok(DnsRecord {
                millis: millis::of(self.timeout),
                ..record(DnsOutcome::Timeout, Some(detail))
            });
        };
        if seen.outcome == DnsOutcome::LocalFailure {
            return Err(LocalFailure(seen.detail.unwrap_or_default()));
        }
        let mut addresses = seen.addresses;
        addresses.sort_unstable();
        Ok(DnsRecord {
            addresses,
            cut: seen.cut,
            refused: seen.refused,
            cname: seen.cname,
            millis: seen.millis,
            ..record(seen.outcome, seen.detail)
        })
    }

    fn outcome(record: &DnsRecord) -> &'static str {
        record.outcome.as_str()
    }

    fn models(record: &DnsRecord, found: &mut Found) {
        let resolves = match record.outcome {
            DnsOutcome::Found => true,
            DnsOutcome::NoSuchName | DnsOutcome::NoData => false,
            // Nothing was learned of the name.
            _ => return,
        };
        let domain = Domain {
            resolves: Some(resolves),
            // Of more than are looked at each lookup brings others, which is no news.
            addresses: (!record.cut).then(|| record.addresses.clone()),
            cname: record.cname.clone(),
            ..Domain::new(record.name.clone())
        };
        match record.outcome {
            // Most guesses do not exist; one that did is news.
            DnsOutcome::NoSuchName => found.add_if_known(&domain),
            _ => found.add(&domain),
        }
    }
}
