//! One URL to ask for, ready to be dialled.

use std::net::{IpAddr, SocketAddr};

use rustls::pki_types::ServerName;
use url::{Host, Url};

use crate::http::Scheme;
use crate::scope::{InScope, Name};

use super::{Follower, Stop};

/// A URL whose host the scope admitted, with its admitted addresses.
pub(in crate::http) struct Target {
    pub(in crate::http) url: Url,
    pub(in crate::http) scheme: Scheme,
    pub(in crate::http) server_name: ServerName<'static>,
    pub(in crate::http) addrs: Vec<InScope<SocketAddr>>,
}

/// Hosts that this fetch resolved already: the fallback scheme and most redirects stay on theirs.
/// Name and addresses were admitted by the same scope, so neither is asked about again; and who
/// runs the DNS cannot change the answer within a fetch.
#[derive(Default)]
pub(in crate::http) struct Resolved {
    hosts: Vec<(Name, Vec<InScope<IpAddr>>)>,
}

impl Resolved {
    /// One that knows `name`, which the scope that is asked has admitted with these addresses.
    pub(in crate::http) fn knowing(name: Name, addrs: Vec<InScope<IpAddr>>) -> Self {
        Self {
            hosts: vec![(name, addrs)],
        }
    }
}

impl Follower<'_> {
    /// Admits the host of `url`, resolves it and admits its addresses. A name in `known`
    /// was admitted and resolved before, and keeps its addresses.
    pub(super) async fn admit(&self, url: Url, known: &mut Resolved) -> Result<Target, Stop> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(Stop::bad_url(format!("the scheme {other}"))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Stop::bad_url("user information in the URL"));
        }
        let port = self
            .port(&url, scheme)
            .map_err(|port| Stop::bad_url(format!("the port {port}")))?;
        let (server_name, ips) = match url.host() {
            Some(Host::Domain(host)) => self.admit_domain(host, known).await?,
            Some(Host::Ipv4(ip)) => self.admit_ip(ip.into())?,
            Some(Host::Ipv6(ip)) => self.admit_ip(ip.into())?,
            None => return Err(Stop::bad_url("no host")),
        };
        let addrs = ips.into_iter().map(|ip| ip.with_port(port)).collect();
        Ok(Target {
            url,
            scheme,
            server_name,
            addrs,
        })
    }

    async fn admit_domain(
        &self,
        host: &str,
        known: &mut Resolved,
    ) -> Result<(ServerName<'static>, Vec<InScope<IpAddr>>), Stop> {
        let name = Name::parse(host)
            .map_err(|error| Stop::bad_url(format!("the host {host}: {error}")))?;
        let server_name = ServerName::try_from(name.as_str())
            .map_err(|error| Stop::bad_url(format!("the host {host}: {error}")))?
            .to_owned();
        let found = known.hosts.iter().find(|(host, _)| *host == name);
        if let Some((_, ips)) = found {
            return Ok((server_name, ips.clone()));
        }
        let name = self.scope.admit(name)?;
        let answers = self.resolver.resolve(self.scope, &name).await?;
        known.hosts.push((name.into_inner(), answers.addrs.clone()));
        Ok((server_name, answers.addrs))
    }

    fn admit_ip(&self, ip: IpAddr) -> Result<(ServerName<'static>, Vec<InScope<IpAddr>>), Stop> {
        Ok((ServerName::from(ip), vec![self.scope.admit_ip(ip)?]))
    }
}
