//! One URL to ask for, ready to be dialled.

use std::net::{IpAddr, SocketAddr};

use rustls::pki_types::ServerName;
use url::{Host, Origin, Url};

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
    /// The origin that was found, and where: it is asked there, also when a redirect returns to it.
    found: Option<(Origin, Vec<InScope<SocketAddr>>)>,
}

impl Resolved {
    /// One that knows where `origin` was found, and its name, if that is how it is called. The
    /// scope that is asked has admitted both.
    pub(super) fn found(origin: Origin, name: Option<Name>, at: Vec<InScope<SocketAddr>>) -> Self {
        let ips = || at.iter().map(|at| at.host()).collect();
        Self {
            hosts: name.into_iter().map(|name| (name, ips())).collect(),
            found: Some((origin, at)),
        }
    }

    fn found_at(&self, origin: &Origin) -> Option<&[InScope<SocketAddr>]> {
        let found = self.found.as_ref().filter(|(found, _)| found == origin);
        found.map(|(_, at)| at.as_slice())
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
        let addrs = match known.found_at(&url.origin()) {
            Some(found) => found.to_vec(),
            None => ips.into_iter().map(|ip| ip.with_port(port)).collect(),
        };
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
