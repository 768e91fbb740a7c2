//! Addresses of names.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scanners::resolve::{AddressFamily, DnsOutcome, Resolver};
use scanners::scope::{Name, Scope};
use serde::{Deserialize, Serialize};
use task_core::TaskError;
use tokio::time::{Instant, timeout_at};

use super::found::Found;
use super::probe::{LocalFailure, Probe};
use super::tools::Tools;
use super::wildcard::{Wildcard, Wildcards, parent};
use crate::millis;
use crate::option::InvalidOption;
use crate::recon::Domain;

/// Which addresses a name has, and what it is an alias of.
///
/// It reads names: a row is a text, or an object with the text in `name`. A name ends as `found`,
/// `no_such_name`, `no_data`, `dangling` (an alias of a name that does not exist, which whoever may
/// create that one can take over), `server_failure`, `timeout` or `out_of_scope`. What a name had
/// and has no longer is [cleared](task_core::recon::Observation::clearing) in what is stored of it.
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
    /// Which addresses are asked for. Both.
    // Not written unless it is chosen: workers of the first version know nothing of it.
    #[serde(skip_serializing_if = "Family::is_both")]
    pub family: Family,
    /// Whether each name that has an answer is held against the wildcard of the zone above it, if
    /// there is one: one more question for each such zone in a task, for a name drawn at random.
    /// Where nobody answers it, nothing is said of the names of that zone. No.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wildcards: bool,
    /// The time for one name, repeated questions included. 10 s; 10 ms to 45 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub timeout: Duration,
}

/// Which addresses of a name are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// IPv4 and IPv6, side by side: two questions for each name.
    #[default]
    Both,
    /// IPv4 only. What is stored of a name has no others, then.
    V4,
    /// IPv6 only. What is stored of a name has no others, then.
    V6,
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
    /// Of one version of IP nothing was heard, so that there may be more: `detail` says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// What the name is an alias of, in turn; see [`scanners::resolve::DnsRecord::aliases`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Name>,
    /// What it has to do with a wildcard, if that was [asked for](Dns::wildcards) and could be
    /// told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<Wildcard>,
    /// Time that the lookup took, in milliseconds.
    pub millis: u64,
    /// The reason, where the class does not say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What looks names up.
#[derive(Debug)]
pub struct Lookups {
    scope: Scope,
    resolver: Resolver,
    wildcards: Option<Wildcards>,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            resolver: None,
            family: Family::Both,
            wildcards: false,
            timeout: Duration::from_secs(10),
        }
    }
}

impl Family {
    // As serde asks for it.
    #[expect(clippy::trivially_copy_pass_by_ref)]
    fn is_both(&self) -> bool {
        *self == Self::Both
    }
}

impl Probe for Dns {
    const FAMILY: &'static str = "dns";
    const METHOD: &'static str = "resolver";
    type Row = Named;
    type Target = Name;
    type Record = DnsRecord;
    type Scanner = Lookups;

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
        let resolver = tools.resolver(self.resolver)?;
        let family = match self.family {
            Family::Both => AddressFamily::Both,
            Family::V4 => AddressFamily::V4,
            Family::V6 => AddressFamily::V6,
        };
        Ok(Lookups {
            scope: tools.scope().clone(),
            resolver: resolver.with_family(family),
            wildcards: self.wildcards.then(Wildcards::default),
        })
    }

    async fn look(&self, lookups: &Lookups, name: &Name) -> Result<DnsRecord, LocalFailure> {
        let Lookups {
            scope,
            resolver,
            wildcards,
        } = lookups;
        let until = Instant::now() + self.timeout;
        let record = |outcome, detail| DnsRecord {
            name: name.clone(),
            outcome,
            addresses: Vec::new(),
            cut: false,
            refused: 0,
            partial: false,
            aliases: Vec::new(),
            wildcard: None,
            millis: 0,
            detail,
        };
        let admitted = match scope.admit(name.clone()) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(record(DnsOutcome::OutOfScope, Some(error.to_string()))),
        };
        let Ok(seen) = timeout_at(until, resolver.lookup(scope, &admitted)).await else {
            let detail = format!("the limit of {} ms", self.timeout.as_millis());
            return Ok(DnsRecord {
                millis: millis::of(self.timeout),
                ..record(DnsOutcome::Timeout, Some(detail))
            });
        };
        if seen.outcome == DnsOutcome::LocalFailure {
            return Err(LocalFailure(seen.detail.unwrap_or_default()));
        }
        let wildcard = match wildcards {
            // If that takes too long, what is known of the name stands.
            Some(wildcards) => {
                let time = (until, self.timeout / 2);
                wildcards.judge(scope, resolver, &seen, time).await?
            }
            None => None,
        };
        let mut addresses = seen.addresses;
        addresses.sort_unstable();
        Ok(DnsRecord {
            addresses,
            cut: seen.cut,
            refused: seen.refused,
            partial: seen.partial,
            aliases: seen.aliases,
            wildcard,
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
            DnsOutcome::NoSuchName | DnsOutcome::NoData | DnsOutcome::Dangling => false,
            // Nothing was learned of the name.
            _ => return,
        };
        let is_whole = !record.cut && !record.partial;
        let domain = Domain {
            resolves: Some(resolves),
            // Of more than are looked at, or heard of, each lookup brings others, which is no news.
            addresses: is_whole.then(|| record.addresses.clone()),
            cname: record.aliases.first().cloned(),
            dangling: (record.outcome == DnsOutcome::Dangling).then(|| record.aliases.clone()),
            by_wildcard: record.wildcard.map(|wildcard| wildcard == Wildcard::Same),
            ..Domain::new(record.name.clone())
        };
        let gone = record.outcome == DnsOutcome::NoSuchName;
        // An alias may have been lost with the addresses that nothing was heard of.
        let heard = !record.partial;
        let cleared = [
            ("cname", heard && domain.cname.is_none()),
            ("dangling", heard && domain.dangling.is_none()),
            ("by_wildcard", gone),
        ];
        let cleared = cleared.into_iter().filter(|(_, cleared)| *cleared);
        let cleared: Vec<&str> = cleared.map(|(field, _)| field).collect();
        match gone {
            // Most guesses do not exist; one that did is news.
            true => found.add_if_known_without(&domain, &cleared),
            false => found.add_without(&domain, &cleared),
        }
        if let (Some(wildcard), Some(parent)) = (record.wildcard, parent(&record.name)) {
            let is_there = wildcard != Wildcard::Absent;
            let zone = Domain {
                wildcard_dns: Some(is_there),
                ..Domain::new(parent)
            };
            match is_there {
                true => found.add(&zone),
                false => found.add_if_known(&zone),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_a_whole_answer_says_that_a_name_is_no_alias() {
        let stored = |partial: bool| {
            let record = json!({
                "name": "a.example", "outcome": "found", "addresses": ["192.0.2.1"],
                "partial": partial, "millis": 1,
            });
            let mut found = Found::default();
            Dns::models(&serde_json::from_value(record).unwrap(), &mut found);
            found.bodies().remove(0)
        };
        let whole = stored(false);
        assert_eq!(whole.get("cname"), Some(&Value::Null));
        assert_eq!(whole.get("dangling"), Some(&Value::Null));
        let partial = stored(true);
        assert_eq!(partial["resolves"], json!(true));
        for field in ["cname", "dangling", "addresses"] {
            assert_eq!(partial.get(field), None, "{field}");
        }
    }
}
