//! Pages of sites.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scanners::http::Scheme;
use scanners::http::page::{PageConfig, PageFetcher, PageOutcome, PageRecord};
use scanners::scope::{InScope, Name, Scope};
use scanners::tls::TlsOutcome;
use serde::{Deserialize, Serialize};
use task_core::TaskError;
use task_core::recon::Model as _;

use super::found::Found;
use super::probe::{LocalFailure, Probe, Target};
use super::tls::{TlsClass, TlsRecord};
use super::tools::Tools;
use crate::millis;
use crate::option::InvalidOption;
use crate::recon::{Carrier, Endpoint, WebDocument};

/// What a site shows at `/`: its title, its type, and whether it changed.
///
/// It reads [`TlsRecord`]s. A port that has presented a certificate is asked over https, and one
/// that speaks no TLS, or hung up at it, over http; under the name that led to it, at the addresses
/// that it had when it was looked up. A name with several addresses is asked once for each scheme
/// and port. Redirects are followed within the scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The name server to ask for names that redirects lead to; those of the worker's system if
    /// `None`.
    pub resolver: Option<SocketAddr>,
    /// The port for http URLs that name none. 80; not 0.
    pub http_port: u16,
    /// The port for https URLs that name none. 443; not 0.
    pub https_port: u16,
    /// The time for one site: all redirects and addresses. 10 s; 10 ms to 45 s.
    #[serde(rename = "timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub timeout: Duration,
    /// The time for connecting to one host, and again for a TLS handshake. 3 s; 10 ms to 45 s.
    #[serde(rename = "connect_timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub connect_timeout: Duration,
    /// Whether certificates are verified. No: an inventory wants sites with bad certificates too,
    /// and what was presented is in the records of [`Tls`](super::Tls).
    pub verify_tls: bool,
    /// The `User-Agent` header: 1 to 256 printable ASCII characters.
    pub user_agent: String,
}

/// A page, and where it was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HttpTarget {
    /// http or https.
    pub scheme: Scheme,
    /// The name in the URL; its only address, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The port.
    pub port: u16,
    /// The addresses: at least one, at most [`MAX_ADDRESSES`](Self::MAX_ADDRESSES).
    pub addresses: BTreeSet<IpAddr>,
}

/// What a site has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HttpRecord {
    /// What was asked for.
    #[serde(flatten)]
    pub target: HttpTarget,
    /// What came of it.
    #[serde(flatten)]
    pub page: PageRecord,
}

impl HttpTarget {
    /// Addresses of one name that are tried; more are left out.
    pub const MAX_ADDRESSES: usize = 16;

    /// The URL; the port is left out where the scheme implies it.
    pub fn url(&self) -> String {
        let scheme = self.scheme.as_str();
        let host = match (&self.name, self.addresses.first()) {
            (Some(name), _) => name.to_string(),
            (None, Some(IpAddr::V6(address))) => format!("[{address}]"),
            (None, Some(IpAddr::V4(address))) => address.to_string(),
            (None, None) => String::new(),
        };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => format!("{scheme}://{host}/"),
            (_, port) => format!("{scheme}://{host}:{port}/"),
        }
    }

    /// Those of its addresses that are in scope for its name.
    fn admitted(&self, scope: &Scope) -> Vec<InScope<IpAddr>> {
        let name = self.name.clone().and_then(|name| scope.admit(name).ok());
        let addresses = self.addresses.iter();
        name.map(|name| {
            addresses
                .filter_map(|address| scope.admit_addr(&name, *address).ok())
                .collect()
        })
        .unwrap_or_default()
    }
}

impl Target for HttpTarget {
    type Key = String;

    fn key(&self) -> String {
        self.url()
    }

    fn merge(&mut self, same: Self) -> bool {
        let before = self.addresses.len();
        let room = Self::MAX_ADDRESSES.saturating_sub(before);
        self.addresses.extend(same.addresses.into_iter().take(room));
        self.addresses.len() > before
    }
}

impl Default for Http {
    fn default() -> Self {
        let config = PageConfig::default();
        Self {
            resolver: None,
            http_port: config.http_port,
            https_port: config.https_port,
            timeout: config.deadline,
            connect_timeout: config.connect_timeout,
            verify_tls: false,
            user_agent: config.user_agent,
        }
    }
}

impl Probe for Http {
    const FAMILY: &'static str = "http";
    const METHOD: &'static str = "connect";
    type Row = TlsRecord;
    type Target = HttpTarget;
    type Record = HttpRecord;
    type Scanner = (Scope, PageFetcher);

    fn check(&self) -> Result<(), InvalidOption> {
        InvalidOption::first([
            InvalidOption::port("http_port", self.http_port),
            InvalidOption::port("https_port", self.https_port),
            InvalidOption::time("timeout_ms", self.timeout),
            InvalidOption::time("connect_timeout_ms", self.connect_timeout),
            InvalidOption::user_agent(&self.user_agent),
        ])
    }

    fn deadline(&self) -> Duration {
        self.timeout
    }

    fn targets(&self, row: TlsRecord, targets: &mut Vec<HttpTarget>) {
        let scheme = match row.outcome {
            TlsClass::Captured(TlsOutcome::Certificate) => Scheme::Https,
            // Some servers close when they are spoken to in TLS.
            TlsClass::Captured(TlsOutcome::NoTls | TlsOutcome::Reset) => Scheme::Http,
            _ => return,
        };
        targets.push(HttpTarget {
            scheme,
            name: row.target.name,
            port: row.target.port,
            addresses: [row.target.address].into(),
        });
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Self::Scanner, TaskError> {
        let config = PageConfig {
            http_port: self.http_port,
            https_port: self.https_port,
            deadline: self.timeout,
            connect_timeout: self.connect_timeout,
            user_agent: self.user_agent.clone(),
            ..PageConfig::default()
        };
        let scope = tools.scope().clone();
        let (resolver, tls) = (tools.resolver(self.resolver)?, tools.tls(self.verify_tls)?);
        let fetcher = PageFetcher::new(config, scope.clone(), resolver, tls);
        Ok((scope, fetcher))
    }

    async fn look(
        &self,
        (scope, fetcher): &Self::Scanner,
        target: &HttpTarget,
    ) -> Result<HttpRecord, LocalFailure> {
        let url = target.url();
        let page = match target.admitted(scope).as_slice() {
            // An address in the URL, or a name that is refused: the fetcher asks the scope itself.
            [] => fetcher.fetch(&url).await,
            admitted => fetcher.fetch_at(&url, admitted).await,
        };
        if page.outcome == PageOutcome::LocalFailure {
            return Err(LocalFailure(page.detail.unwrap_or_default()));
        }
        Ok(HttpRecord {
            target: target.clone(),
            page,
        })
    }

    fn outcome(record: &HttpRecord) -> &'static str {
        record.page.outcome.as_str()
    }

    fn models(record: &HttpRecord, found: &mut Found) {
        let HttpRecord { target, page } = record;
        let endpoint = match target.addresses.first() {
            // With several it is not known which one has answered.
            Some(address) if target.addresses.len() == 1 => {
                let at = (*address, target.port).into();
                Some(Endpoint::new(Carrier::Tcp, at))
            }
            _ => None,
        };
        let redirected = page.final_url.clone().filter(|last| *last != page.url);
        let document = WebDocument {
            url: page.url.clone(),
            domain: target.name.clone(),
            endpoint: endpoint.as_ref().map(Endpoint::key),
            outcome: Some(page.outcome.as_str().to_owned()),
            status: page.status,
            title: page.title.clone(),
            content_type: page.content_type.clone(),
            length: page.sha256.is_some().then_some(page.length),
            sha256: page.sha256.clone(),
            redirect_to: redirected,
        };
        if page.status.is_none() {
            return found.add_if_known(&document);
        }
        // What was read has no title, and what answered has not redirected.
        let read = page.sha256.is_some();
        let cleared = [
            ("title", read && document.title.is_none()),
            ("redirect_to", document.redirect_to.is_none()),
        ];
        let cleared = cleared.into_iter().filter(|(_, cleared)| *cleared);
        let cleared: Vec<&str> = cleared.map(|(field, _)| field).collect();
        found.add_without(&document, &cleared);
        if let Some(endpoint) = endpoint {
            found.add(&Endpoint {
                service: Some("http".to_owned()),
                ..endpoint
            });
        }
    }
}
