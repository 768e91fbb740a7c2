//! Where a service is, and what may be reached for it.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use scanners::scope::{InvalidName, InvalidScope, Name, Scope};
use url::Url;

/// A URL that is no address of a service.
///
/// The text does not hold the URL, which may have a key in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It is no URL at all.
    #[error("not a URL: {0}")]
    Syntax(#[from] url::ParseError),
    /// It is neither https nor http.
    #[error("the scheme is `{scheme}`; only https, and http to a loopback address, are allowed")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It is http and leads beyond this machine: keys and findings would go in the clear.
    #[error("http is allowed to a loopback address only, such as http://127.0.0.1:8080; use https")]
    InTheClear,
    /// It holds a user name or a password.
    #[error("a user name or password in the URL is not allowed; keys come from the environment")]
    Credentials,
    /// It has a query or a fragment, where the requests put their own.
    #[error("a base URL has no `?` and no `#`")]
    Query,
    /// Its host is no host name.
    #[error("the host: {0}")]
    Host(#[from] InvalidName),
    /// Its host cannot be put into a scope.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
}

/// A service: its URL and its scope, which is its host and nothing else.
#[derive(Clone)]
pub(crate) struct Service {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) tls: bool,
    pub(super) scope: Scope,
    /// What goes into the `Host` header.
    pub(super) authority: String,
    /// Without a `/` at its end.
    path: String,
    query: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(Name),
    Ip(IpAddr),
}

impl Service {
    /// The service at `url`. A name must lead to public addresses, or to such as lie in one of
    /// `nets`; an address in the URL itself was named by whoever wrote it, and is allowed.
    pub(crate) fn new(url: &str, nets: &[IpNet]) -> Result<Self, InvalidUrl> {
        let url = Url::parse(url)?;
        let host = match url.host() {
            Some(url::Host::Domain(name)) => Host::Name(Name::parse(name)?),
            Some(url::Host::Ipv4(ip)) => Host::Ip(ip.into()),
            Some(url::Host::Ipv6(ip)) => Host::Ip(ip.into()),
            None => return Err(InvalidName::Empty.into()),
        };
        let tls = match url.scheme() {
            "https" => true,
            "http" if host.is_loopback() => false,
            "http" => return Err(InvalidUrl::InTheClear),
            other => {
                return Err(InvalidUrl::Scheme {
                    scheme: other.to_owned(),
                });
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        let mut scope = Scope::builder();
        scope = match &host {
            Host::Name(name) => scope.allow_name(name.as_str()),
            Host::Ip(ip) => scope.allow_net(IpNet::from(*ip)),
        };
        for net in nets {
            scope = scope.allow_net(*net);
        }
        let bare = host.to_string();
        let authority = match url.port() {
            Some(port) => format!("{bare}:{port}"),
            None => bare,
        };
        Ok(Self {
            port: url.port().unwrap_or(if tls { 443 } else { 80 }),
            scope: scope.build()?,
            path: url.path().trim_end_matches('/').to_owned(),
            query: url.query().map(str::to_owned),
            host,
            tls,
            authority,
        })
    }

    /// A service whose requests append a path and a query of their own.
    #[cfg(any(feature = "sources", test))]
    pub(crate) fn base(url: &str) -> Result<Self, InvalidUrl> {
        if url.contains(['?', '#']) {
            return Err(InvalidUrl::Query);
        }
        Self::new(url, &[])
    }

    /// What a request asks for: the URL's own path, with `more` behind it.
    pub(crate) fn target(&self, more: &str) -> String {
        let mut target = format!("{}{more}", self.path);
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        if let Some(query) = &self.query {
            target = format!("{target}?{query}");
        }
        target
    }
}

/// The host and the port only: a path may be a secret.
impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({})", self.authority)
    }
}

impl Host {
    fn is_loopback(&self) -> bool {
        matches!(self, Self::Ip(ip) if ip.to_canonical().is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_keeps_its_path_and_its_port() {
        let service = Service::base("https://proxy.example:8443/shodan/").unwrap();
        assert_eq!((service.port, service.tls), (8443, true));
        assert_eq!(service.authority, "proxy.example:8443");
        assert_eq!(service.target("/host?page=1"), "/shodan/host?page=1");
        let service = Service::base("https://crt.sh").unwrap();
        assert_eq!((service.port, service.target("")), (443, "/".to_owned()));
    }

    #[test]
    fn a_webhook_keeps_its_query() {
        let service = Service::new("https://hooks.example/a/b?token=c", &[]).unwrap();
        assert_eq!(service.target(""), "/a/b?token=c");
        assert!(!format!("{service:?}").contains("token"));
    }

    #[test]
    fn what_would_go_in_the_clear_or_elsewhere_is_refused() {
        for url in [
            "http://api.example/",
            "http://localhost/",
            "http://10.0.0.1/",
            "ftp://api.example/",
            "https://key@api.example/",
            "https://api.example/?a=b",
            "https://api.example/#a",
            "https:///",
            "api.example",
            "https://-.example/",
        ] {
            assert!(Service::base(url).is_err(), "{url}");
        }
        assert!(Service::base("http://127.0.0.1:8080").is_ok());
        assert!(Service::base("http://[::1]:8080").is_ok());
    }

    #[test]
    fn only_the_host_itself_and_public_addresses_are_in_scope() {
        let service = Service::base("https://api.example").unwrap();
        let name = service.scope.admit_name("api.example").unwrap();
        let admits = |ip: &str| service.scope.admit_addr(&name, ip.parse().unwrap()).is_ok();
        assert!(admits("93.184.216.34"));
        for ip in [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!admits(ip), "{ip}");
        }
        assert!(service.scope.admit_name("www.api.example").is_err());
        let net = "10.0.0.0/24".parse().unwrap();
        let service = Service::new("https://api.example", &[net]).unwrap();
        let name = service.scope.admit_name("api.example").unwrap();
        assert!(
            service
                .scope
                .admit_addr(&name, "10.0.0.1".parse().unwrap())
                .is_ok()
        );
    }
}
