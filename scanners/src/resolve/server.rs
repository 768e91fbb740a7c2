//! Lookups over hickory's stub resolver.

use std::net::SocketAddr;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name as DnsName, RData, Record, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};

use crate::local::{is_local, probe};
use crate::scope::Name;

use super::{AddressFamily, Found, ResolveError, ResolverOptions};

/// Queries in flight on one TCP connection. UDP has a socket per query, hence no such limit.
const MAX_TCP_QUERIES: usize = 1024;

pub(super) struct Server {
    inner: TokioResolver,
    family: AddressFamily,
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

    /// The addresses of `name`, IPv4 first, as the server gave them.
    pub(super) async fn lookup(&self, name: &Name) -> Result<Found, ResolveError> {
        let mut name = DnsName::from_ascii(name.as_str()).map_err(server_error)?;
        // Fully qualified: a search list would ask for names that nobody admitted.
        name.set_fqdn(true);
        match self.family {
            AddressFamily::V4 => self.query(name, RecordType::A).await,
            AddressFamily::V6 => self.query(name, RecordType::AAAA).await,
            AddressFamily::V4ThenV6 => match self.query(name.clone(), RecordType::A).await {
                Ok(found) if found.addrs.is_empty() => self.query(name, RecordType::AAAA).await,
                result => result,
            },
        }
    }

    /// The addresses in the answer to one query; none if the name exists without such records.
    async fn query(&self, name: DnsName, kind: RecordType) -> Result<Found, ResolveError> {
        match self.inner.lookup(name.clone(), kind).await {
            Ok(lookup) => Ok(Found {
                addrs: lookup
                    .answers()
                    .iter()
                    .filter_map(|record| record.data.ip_addr())
                    .collect(),
                cname: alias(&name, lookup.answers()),
            }),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NoError => Ok(Found::default()),
                ResponseCode::NXDomain => Err(ResolveError::NoSuchName),
                code => Err(ResolveError::Server(code.to_string())),
            },
            Err(NetError::Timeout) => Err(ResolveError::Timeout),
            Err(other) => Err(failure(&other)),
        }
    }

    fn build(
        mut builder: ResolverBuilder<TokioRuntimeProvider>,
        options: &ResolverOptions,
    ) -> Result<Self, ResolveError> {
        limit(builder.options_mut(), options);
        let inner = builder.build().map_err(config_error)?;
        Ok(Self {
            inner,
            family: options.family,
        })
    }
}

/// What `name` is an alias of, if that is a host name.
fn alias(name: &DnsName, answers: &[Record]) -> Option<Name> {
    answers.iter().find_map(|record| match &record.data {
        RData::CNAME(alias) if record.name == *name => Name::parse(&alias.0.to_ascii()).ok(),
        _ => None,
    })
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
