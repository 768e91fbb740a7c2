//! One URL to ask for, ready to be dialled.

use std::net::{IpAddr, SocketAddr};

use rustls::pki_types::ServerName;
use url::{Host, Url};

use crate::http::Scheme;
use crate::resolve::{ResolveError, Resolver};
use crate::scope::{InScope, Name, OutOfScope, Scope};

use super::config::RobotsConfig;
use super::outcome::RobotsOutcome;

/// A URL whose host the scope admitted, with its admitted addresses.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) scheme: Scheme,
    pub(super) server_name: ServerName<'static>,
    pub(super) addrs: Vec<InScope<SocketAddr>>,
}

/// The class and the reason of a fetch that ends.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: RobotsOutcome,
    pub(super) detail: Option<String>,
}

impl End {
    pub(super) fn new(outcome: RobotsOutcome, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            detail: Some(detail.into()),
        }
    }
}

impl From<OutOfScope> for End {
    fn from(refusal: OutOfScope) -> Self {
        Self::new(RobotsOutcome::OutOfScope, refusal.to_string())
    }
}

impl From<ResolveError> for End {
    fn from(error: ResolveError) -> Self {
        let outcome = match error {
            ResolveError::NoSuchName => RobotsOutcome::NoSuchName,
            ResolveError::OutOfScope { .. } => RobotsOutcome::OutOfScope,
            ResolveError::Local(_) => RobotsOutcome::LocalFailure,
            _ => RobotsOutcome::DnsError,
        };
        Self::new(outcome, error.to_string())
    }
}

/// Hosts that this fetch resolved already: the fallback scheme and most redirects stay on theirs.
/// Name and addresses were admitted by the same scope, so neither is asked about again; and who
/// runs the DNS cannot change the answer within a fetch.
#[derive(Default)]
pub(super) struct Resolved {
    hosts: Vec<(Name, Vec<InScope<IpAddr>>)>,
}

/// What admitting and resolving a URL needs.
pub(super) struct Admission<'a> {
    pub(super) config: &'a RobotsConfig,
    pub(super) scope: &'a Scope,
    pub(super) resolver: &'a Resolver,
}

impl Admission<'_> {
    /// Admits the host of `url`, resolves it and admits its addresses. A name in `known`
    /// was admitted and resolved before, and keeps its addresses.
    pub(super) async fn admit(&self, url: Url, known: &mut Resolved) -> Result<Target, End> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(bad_redirect(format!("the scheme {other}"))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad_redirect("user information in the URL"));
        }
        let port = match url.port() {
            None => self.config.port(scheme),
            Some(port) if self.config.knows_port(port) => port,
            Some(port) => return Err(bad_redirect(format!("the port {port}"))),
        };
        let (server_name, ips) = match url.host() {
            Some(Host::Domain(host)) => self.admit_domain(host, known).await?,
            Some(Host::Ipv4(ip)) => self.admit_ip(ip.into())?,
            Some(Host::Ipv6(ip)) => self.admit_ip(ip.into())?,
            None => return Err(bad_redirect("no host")),
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
    ) -> Result<(ServerName<'static>, Vec<InScope<IpAddr>>), End> {
        let name =
            Name::parse(host).map_err(|error| bad_redirect(format!("the host {host}: {error}")))?;
        let server_name = ServerName::try_from(name.as_str())
            .map_err(|error| bad_redirect(format!("the host {host}: {error}")))?
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

    fn admit_ip(&self, ip: IpAddr) -> Result<(ServerName<'static>, Vec<InScope<IpAddr>>), End> {
        Ok((ServerName::from(ip), vec![self.scope.admit_ip(ip)?]))
    }
}

fn bad_redirect(detail: impl Into<String>) -> End {
    End::new(RobotsOutcome::BadRedirect, detail)
}
