//! Pages of sites.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scanners::connect::MAX_DIALS;
use scanners::http::Scheme;
use scanners::http::page::{PageConfig, PageFetcher, PageOutcome, PageRecord};
use scanners::scope::Name;
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
/// It reads [`TlsRecord`]s, and makes targets of those that say what to speak:
///
/// | outcome of the look | asked over |
/// |---|---|
/// | `certificate`, `bad_certificate` | https |
/// | `no_tls`, `reset`, `timeout` | http: some servers hang up when they are spoken to in TLS, and some wait for the end of a request that never comes |
/// | `alert`, `handshake_failed` | nothing: it speaks TLS, and not with this client |
/// | `refused`, `unreachable`, `out_of_scope` | nothing: there is nobody, or nobody may be asked |
/// | `no_route` | nothing: this worker's machine has no way there |
///
/// A site is asked under the name that led to it, or under its address if none in scope did. So a
/// look without a name at a port that has names in scope leads to no site either, whatever it ended
/// as: the port is asked under these, as far as the looks for them lead to sites.
/// The rows that give no target are counted in [`Generated`](super::Generated).
///
/// It is asked at the ports and addresses that were found, and nowhere else: it is not looked up,
/// and if the scope refuses the name or all addresses the outcome is `out_of_scope`. A name with
/// several addresses is asked once for each scheme and port, at the first of them that takes the
/// connection ([`PageRecord::peer`]), which is the endpoint that the page is credited to. Redirects
/// are followed within the scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The name server to ask for names that redirects lead to; those of the worker's system if
    /// `None`.
    pub resolver: Option<SocketAddr>,
    /// What is asked in place of port 80 where a redirect leads to another http URL that names no
    /// port: a lab's port that stands for 80. 80; not 0. A port that was found is asked as it is.
    pub http_port: u16,
    /// The same for https URLs and port 443. 443; not 0.
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
    /// Most addresses of one site, which are as many as are tried: one after the other, IPv4 and
    /// IPv6 in turns, within [`Http::connect_timeout`] in all. Of more the smallest are kept, and of
    /// both families as far as there are any.
    pub const MAX_ADDRESSES: usize = MAX_DIALS;

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

    /// Where it was found.
    fn places(&self) -> Vec<SocketAddr> {
        let at = |address: &IpAddr| SocketAddr::new(*address, self.port);
        self.addresses.iter().map(at).collect()
    }

    /// Keeps as many addresses as are tried.
    fn trim(&mut self) {
        while self.addresses.len() > Self::MAX_ADDRESSES {
            // Those of IPv4 are sorted before those of IPv6.
            let mut v4 = self.addresses.iter().filter(|address| address.is_ipv4());
            let (count, last) = (v4.clone().count(), v4.next_back().copied());
            match last {
                Some(last) if count > self.addresses.len() / 2 => self.addresses.remove(&last),
                _ => self.addresses.pop_last().is_some(),
            };
        }
    }
}

impl Target for HttpTarget {
    type Key = String;

    fn key(&self) -> String {
        self.url()
    }

    fn merge(&mut self, same: Self) -> bool {
        let before = self.addresses.len();
        self.addresses.extend(same.addresses);
        self.trim();
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
    type Scanner = PageFetcher;

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
        let TlsRecord {
            target, outcome, ..
        } = row;
        // The port has names in scope, and is asked under these.
        if target.name.is_none() && !target.via.is_empty() {
            return;
        }
        let scheme = match outcome {
            TlsClass::Captured(TlsOutcome::Certificate | TlsOutcome::BadCertificate) => {
                Scheme::Https
            }
            TlsClass::Captured(TlsOutcome::NoTls | TlsOutcome::Reset | TlsOutcome::Timeout) => {
                Scheme::Http
            }
            _ => return,
        };
        targets.push(HttpTarget {
            scheme,
            name: target.name,
            port: target.port,
            addresses: [target.address].into(),
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
        Ok(PageFetcher::new(config, scope, resolver, tls))
    }

    async fn look(
        &self,
        fetcher: &PageFetcher,
        target: &HttpTarget,
    ) -> Result<HttpRecord, LocalFailure> {
        let page = fetcher.fetch_at(&target.url(), &target.places()).await;
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
        let unsent = matches!(page.outcome, PageOutcome::OutOfScope | PageOutcome::NoRoute);
        if unsent && page.status.is_none() {
            // Nothing was sent, so nothing was learned of the page.
            return;
        }
        // Who took the connection and gave no response has not answered.
        let answered = page.peer.filter(|_| page.status.is_some());
        let endpoint = answered.map(|peer| Endpoint::new(Carrier::Tcp, peer));
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
        // What was read to its end has no title, and what answered has not redirected. A page that
        // came in a coding that was not asked for has a detail that says so, and could not be read.
        let read = page.sha256.is_some() && !page.truncated && page.detail.is_none();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(address: IpAddr) -> HttpTarget {
        HttpTarget {
            scheme: Scheme::Http,
            name: Some("a.example".parse().unwrap()),
            port: 80,
            addresses: [address].into(),
        }
    }

    /// The first 16 are of IPv4, the others of IPv6.
    fn address(n: u8) -> IpAddr {
        match n {
            0..16 => IpAddr::from([192, 0, 2, n]),
            _ => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(n)]),
        }
    }

    fn merged(order: &[u8]) -> BTreeSet<IpAddr> {
        let mut target = at(address(order[0]));
        for n in &order[1..] {
            target.merge(at(address(*n)));
        }
        target.addresses
    }

    /// What is to be stored of a page, with these members.
    fn stored(members: &serde_json::Value) -> Vec<serde_json::Value> {
        let mut record = serde_json::json!({
            "scheme": "http", "name": "a.example", "port": 80, "addresses": ["192.0.2.1"],
            "url": "http://a.example/", "bytes_read": 0, "millis": 1,
        });
        let (record, members) = (
            record.as_object_mut().unwrap(),
            members.as_object().unwrap(),
        );
        record.extend(members.clone());
        let record = serde_json::from_value(record.clone().into()).unwrap();
        let mut found = Found::default();
        Http::models(&record, &mut found);
        found.bodies()
    }

    #[test]
    fn only_a_page_that_was_read_to_its_end_says_that_there_is_no_title() {
        for (more, cleared) in [
            (serde_json::json!({}), true),
            (serde_json::json!({"truncated": true}), false),
            (
                serde_json::json!({"detail": "a content coding that was not asked for"}),
                false,
            ),
        ] {
            let mut page = serde_json::json!({"outcome": "page", "status": 200, "sha256": "00"});
            let members = page.as_object_mut().unwrap();
            members.extend(more.as_object().unwrap().clone());
            let bodies = stored(&page);
            assert_eq!(bodies[0]["sha256"], "00");
            assert_eq!(bodies[0].get("title").is_some(), cleared, "{more}");
        }
    }

    #[test]
    fn what_this_machine_could_not_ask_is_left_as_it_was() {
        for (outcome, models) in [("unreachable", 1), ("no_route", 0), ("out_of_scope", 0)] {
            let bodies = stored(&serde_json::json!({"outcome": outcome}));
            assert_eq!(bodies.len(), models, "{outcome}");
        }
    }

    proptest! {
        #[test]
        fn a_site_keeps_as_many_addresses_as_are_tried_whatever_their_order(
            order in proptest::collection::vec(0u8..32, 1..40)
        ) {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            let kept = merged(&order);
            prop_assert_eq!(&kept, &merged(&sorted));
            sorted.dedup();
            prop_assert_eq!(kept.len(), sorted.len().min(HttpTarget::MAX_ADDRESSES));
            for n in [sorted[0], *sorted.iter().find(|n| **n >= 16).unwrap_or(&sorted[0])] {
                prop_assert!(kept.contains(&address(n)), "{} of {:?}", n, kept);
            }
        }
    }
}
