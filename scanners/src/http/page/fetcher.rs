//! From a URL to a record.

use std::net::SocketAddr;

use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::http::follow::{Follower, Journal, Stop, Trail};
use crate::http::{Coding, Response, Tls};
use crate::resolve::Resolver;
use crate::scope::Scope;
use crate::text::{hex, tidy};

use super::config::PageConfig;
use super::outcome::PageOutcome;
use super::record::PageRecord;
use super::title::title;

const ACCEPT: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
/// Longest media type in a record, in characters.
const MAX_TYPE: usize = 100;

/// Fetches pages.
///
/// It keeps no state between fetches and may be shared by any number of them.
#[derive(Clone, Debug)]
pub struct PageFetcher {
    config: PageConfig,
    scope: Scope,
    resolver: Resolver,
    tls: Tls,
}

impl PageFetcher {
    /// A fetcher within `scope`.
    pub fn new(config: PageConfig, scope: Scope, resolver: Resolver, tls: Tls) -> Self {
        Self {
            config,
            scope,
            resolver,
            tls,
        }
    }

    /// The settings.
    pub fn config(&self) -> &PageConfig {
        &self.config
    }

    /// Fetches the page at `url`, an http or https URL.
    ///
    /// It never fails and never takes longer than [`PageConfig::deadline`]: whatever happens is in
    /// the record.
    ///
    /// Nothing is sent to a host or an address that the scope does not admit, on the first hop or
    /// any other. The scope is asked about each name before it is looked up, about each address of
    /// the answer, and about each address that stands in a URL. A name is looked up once in a
    /// fetch. The URL may name any port, and a redirect that port and the usual ones.
    pub async fn fetch(&self, url: &str) -> PageRecord {
        self.fetch_from(url, None).await
    }

    /// As [`PageFetcher::fetch`], but `url` is asked for at `addrs`, where a port scan found it, and
    /// nothing is looked up for it. The port is that of the address: what stands for a port that is
    /// left out ([`PageConfig::http_port`]) is for other URLs on the way. The `Host` header is what
    /// `url` says.
    ///
    /// The scope is asked about the name and about each address. Addresses that it refuses are left
    /// out; if it refuses all, the outcome is [`PageOutcome::OutOfScope`]. Of those that it admits
    /// at most [`MAX_DIALS`](crate::connect::MAX_DIALS) are tried, in the order of
    /// [`dial`](crate::connect::dial). If an address stands in `url`, only that one is, and it is an
    /// [`PageOutcome::InvalidUrl`] if it is none of `addrs`.
    ///
    /// Redirects to the same origin are followed there too, those to another port or scheme of the
    /// same name at the same addresses, and other names are looked up.
    pub async fn fetch_at(&self, url: &str, addrs: &[SocketAddr]) -> PageRecord {
        self.fetch_from(url, Some(addrs)).await
    }

    async fn fetch_from(&self, url: &str, addrs: Option<&[SocketAddr]>) -> PageRecord {
        let start = Instant::now();
        let mut record = PageRecord::new(url);
        let work = self.attempt(url, addrs, &mut record);
        let in_time = timeout_at(start + self.config.deadline, work).await.is_ok();
        if !in_time {
            record.outcome = PageOutcome::Timeout;
            record.detail = Some("the deadline".to_owned());
        }
        record.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        record
    }

    async fn attempt(&self, url: &str, addrs: Option<&[SocketAddr]>, record: &mut PageRecord) {
        let mut url = match Url::parse(url) {
            Ok(url) => url,
            Err(error) => {
                record.outcome = PageOutcome::InvalidUrl;
                record.detail = Some(error.to_string());
                return;
            }
        };
        // It is never sent.
        url.set_fragment(None);
        let named_port = url.port();
        let follower = Follower {
            scope: &self.scope,
            resolver: &self.resolver,
            tls: &self.tls,
            http_port: self.config.http_port,
            https_port: self.config.https_port,
            named_port,
            accept: ACCEPT,
            user_agent: &self.config.user_agent,
            connect_timeout: self.config.connect_timeout,
            limits: self.config.limits(),
        };
        let found = addrs.map(|addrs| follower.found_at(&url, addrs));
        let mut resolved = match found.transpose() {
            Ok(found) => found.unwrap_or_default(),
            Err(why) => return stop(record, &why, true),
        };
        let mut trail = Trail::new(url, self.config.max_redirects);
        match follower.follow(&mut trail, &mut resolved, record).await {
            Ok((response, _)) => sum_up(&response, record),
            Err(why) => stop(record, &why, trail.is_at_start()),
        }
    }
}

impl Journal for PageRecord {
    fn note_way(&mut self, trail: &Trail) {
        self.hops = trail.hops().map(Url::to_string).collect();
        self.final_url = Some(trail.current().to_string());
    }

    fn note_peer(&mut self, peer: SocketAddr) {
        self.peer.get_or_insert(peer);
    }

    fn note_status(&mut self, status: u16) {
        self.status = Some(status);
    }

    fn bytes_read(&mut self) -> &mut u64 {
        &mut self.bytes_read
    }
}

/// Takes what is kept of the final response.
fn sum_up(response: &Response, record: &mut PageRecord) {
    let (head, body) = (&response.head, &response.body);
    record.outcome = PageOutcome::of_status(head.status);
    record.content_type = head.content_type.as_deref().and_then(essence);
    record.length = body.bytes.len() as u64;
    record.truncated = body.truncated || body.cut;
    if head.coding == Coding::Unsupported && !body.bytes.is_empty() {
        record.detail = Some("a content coding that was not asked for".to_owned());
    } else {
        record.title = title(&body.bytes, head.content_type.as_deref());
    }
    if body.cut {
        record.outcome = PageOutcome::Reset;
        record.detail = Some("closed before the end of the body".to_owned());
    } else {
        record.sha256 = Some(hex(&Sha256::digest(&body.bytes)));
    }
}

/// The media type without its parameters (RFC 9110 §8.3.1).
fn essence(content_type: &str) -> Option<String> {
    let essence = content_type.split(';').next().unwrap_or_default();
    Some(tidy(essence, MAX_TYPE).to_ascii_lowercase()).filter(|essence| !essence.is_empty())
}

fn stop(record: &mut PageRecord, why: &Stop, at_start: bool) {
    record.outcome = PageOutcome::of_stop(why, at_start);
    record.detail = Some(why.to_string());
}
