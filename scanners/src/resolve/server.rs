//! Lookups over hickory's stub resolver.

use std::iter::successors;
use std::net::SocketAddr;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name as DnsName, RData, Record, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};

use crate::local::{is_local, probe};
use crate::scope::Name;

use super::answer::{Answer, Lack};
use super::{AddressFamily, ResolveError, ResolverOptions};

/// Queries in flight on one TCP connection. UDP has a socket per query, hence no such limit.
const MAX_TCP_QUERIES: usize = 1024;
/// Most aliases that are told of. Hickory itself asks no further than for the eighth.
const MAX_ALIASES: usize = 16;

/// An answer; if it has no addresses, and the name is an alias, with the last name behind it: all
/// that is heard of the aliases then.
type Heard = (Answer, Option<DnsName>);

pub(super) struct Server {
    inner: TokioResolver,
}

impl Server {
    pub(super) fn system(options: &ResolverOptions) -> Result<Self, ResolveError> {
        let mut builder = TokioResolver::builder_tokio().map_err(config_error)?;
        builder.options_mut().use_hosts_file = ResolveHosts::Always;
        Self::build(builder, options)
    }

    pub(super) fn at(addr: SocketAddr, options: &ResolverOptions) -> Result<Self, ResolveError> {
        let with_port = |mut connection: ConnectionConfig| {
            connection.port = addr.port();
            connection
        };
        let connections = vec![
            with_port(ConnectionConfig::udp()),
            with_port(ConnectionConfig::tcp()),
        ];
        let server = NameServerConfig::new(addr.ip(), true, connections);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        Self::build(builder, options)
    }

    /// What the servers say of `name`.
    pub(super) async fn lookup(
        &self,
        name: &Name,
        family: AddressFamily,
    ) -> Result<Answer, ResolveError> {
        let mut name = DnsName::from_ascii(name.as_str()).map_err(server_error)?;
        // Fully qualified: a search list would ask for names that nobody admitted.
        name.set_fqdn(true);
        let v4 = self.query(&name, RecordType::A);
        let v6 = self.query(&name, RecordType::AAAA);
        let (mut answer, behind) = match family {
            AddressFamily::V4 => v4.await?,
            AddressFamily::V6 => v6.await?,
            AddressFamily::Both => both(tokio::join!(v4, v6))?,
            AddressFamily::V4ThenV6 => match v4.await? {
                v4 if v4.0.addrs.is_empty() && v4.0.lack == Lack::NoData => {
                    both((Ok(v4), v6.await))?
                }
                answer => answer,
            },
        };
        if let Some(behind) = behind.filter(|_| answer.addrs.is_empty()) {
            answer.aliases = self.aliases(&name, behind, &answer.lack).await?;
        }
        Ok(answer)
    }

    /// The answer to one query.
    async fn query(&self, name: &DnsName, kind: RecordType) -> Result<Heard, ResolveError> {
        match self.inner.lookup(name.clone(), kind).await {
            Ok(lookup) => {
                let answer = Answer {
                    addrs: lookup
                        .answers()
                        .iter()
                        .filter_map(|record| record.data.ip_addr())
                        .collect(),
                    aliases: chain(name, lookup.answers()).map_while(host).collect(),
                    ..Answer::default()
                };
                Ok((answer, None))
            }
            Err(error) => {
                let none = nothing(error)?;
                let asked = none.query.name();
                let behind = (asked != name && !asked.is_root()).then(|| asked.clone());
                let lack = match (none.response_code, &behind) {
                    (ResponseCode::NXDomain, None) => Lack::NoSuchName,
                    (ResponseCode::NXDomain, Some(behind)) => Lack::Dangling(text(behind)),
                    _ => Lack::NoData,
                };
                let answer = Answer {
                    lack,
                    ..Answer::default()
                };
                Ok((answer, behind))
            }
        }
    }

    /// The names that lead from `name` to `last`, asked for one by one: hickory does not say which
    /// aliases it followed to find nothing. A question that fails fails the lookup: what is told
    /// of a name must not hang on which of its aliases were heard of this time.
    async fn aliases(
        &self,
        name: &DnsName,
        last: DnsName,
        lack: &Lack,
    ) -> Result<Vec<Name>, ResolveError> {
        let mut aliases: Vec<DnsName> = Vec::new();
        // What exists may be an alias itself: in a circle the last is only where hickory gave up.
        let ends = |aliases: &[DnsName]| *lack != Lack::NoData && aliases.last() == Some(&last);
        while aliases.len() < MAX_ALIASES && !ends(&aliases) {
            let at = aliases.last().unwrap_or(name).clone();
            let lookup = match self.inner.lookup(at.clone(), RecordType::CNAME).await {
                Ok(lookup) => lookup,
                Err(error) => {
                    nothing(error)?;
                    break;
                }
            };
            let before = aliases.len();
            for alias in chain(&at, lookup.answers()) {
                if alias == name || aliases.contains(alias) {
                    let error = format!("the alias {} leads back to itself", text(alias));
                    return Err(ResolveError::Server(error));
                }
                aliases.push(alias.clone());
            }
            if aliases.len() == before {
                break;
            }
        }
        // One answer may tell of many.
        aliases.truncate(MAX_ALIASES);
        // It is behind so many, or one before it was taken away meanwhile. It is what matters most.
        if !aliases.contains(&last) {
            aliases.truncate(MAX_ALIASES - 1);
            aliases.push(last);
        }
        Ok(aliases.iter().map_while(host).collect())
    }

    fn build(
        mut builder: ResolverBuilder<TokioRuntimeProvider>,
        options: &ResolverOptions,
    ) -> Result<Self, ResolveError> {
        limit(builder.options_mut(), options);
        let inner = builder.build().map_err(config_error)?;
        Ok(Self { inner })
    }
}

/// Both answers made one, with the last name behind an alias of which either heard.
fn both(
    (v4, v6): (Result<Heard, ResolveError>, Result<Heard, ResolveError>),
) -> Result<Heard, ResolveError> {
    let mut behind = None;
    let mut split = |(answer, last): Heard| {
        behind = behind.take().or(last);
        answer
    };
    let answer = Answer::both(v4.map(&mut split), v6.map(&mut split))?;
    Ok((answer, behind))
}

/// What `name` is an alias of, in turn, as the records of one answer say.
fn chain<'r>(name: &'r DnsName, answers: &'r [Record]) -> impl Iterator<Item = &'r DnsName> {
    let target = |name: &DnsName| {
        answers.iter().find_map(|record| match &record.data {
            RData::CNAME(alias) if record.name == *name => Some(&alias.0),
            _ => None,
        })
    };
    successors(target(name), move |alias| target(alias)).take(MAX_ALIASES)
}

fn host(name: &DnsName) -> Option<Name> {
    Name::parse(&name.to_ascii()).ok()
}

/// A name for a reader, without the dot at its end.
fn text(name: &DnsName) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

fn limit(opts: &mut ResolverOpts, options: &ResolverOptions) {
    opts.timeout = options.timeout;
    opts.attempts = options.retries;
    // Each name of a scan is asked for once; a cache would only hold memory.
    opts.cache_size = 0;
    opts.max_active_requests = MAX_TCP_QUERIES;
    // Otherwise the aliases would be left out of what comes.
    opts.preserve_intermediates = true;
}

/// What a server says that has no such record.
fn nothing(error: NetError) -> Result<NoRecords, ResolveError> {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Ok(none),
            code => Err(ResolveError::Server(code.to_string())),
        },
        NetError::Timeout => Err(ResolveError::Timeout),
        other => Err(failure(&other)),
    }
}

/// Of several failures hickory keeps the one that tells most of the server, and the system's own
/// is the first to be dropped; so it is asked for again.
fn failure(error: &NetError) -> ResolveError {
    match error {
        NetError::Io(error) if is_local(error) => ResolveError::Local(error.to_string()),
        NetError::Io(_) | NetError::NoConnections => match probe() {
            Some(lack) => ResolveError::Local(lack.to_string()),
            None => server_error(error),
        },
        _ => server_error(error),
    }
}

fn config_error(error: impl std::fmt::Display) -> ResolveError {
    ResolveError::Config(error.to_string())
}

fn server_error(error: impl std::fmt::Display) -> ResolveError {
    ResolveError::Server(error.to_string())
}
