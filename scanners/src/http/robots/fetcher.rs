//! From a name to a record.

use std::hash::{BuildHasher, RandomState};

use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::http::follow::{Follower, Journal, Resolved, Stop, Target, Trail, join, redirection};
use crate::http::{Response, Scheme, Tls};
use crate::resolve::Resolver;
use crate::scope::{Name, Scope};

use super::classify::classify;
use super::config::RobotsConfig;
use super::end::End;
use super::outcome::RobotsOutcome;
use super::record::RobotsRecord;
use super::similar::similar;

const PATH: &str = "/robots.txt";
const ACCEPT: &str = "text/plain,*/*;q=0.5";

/// Fetches and classifies robots.txt.
///
/// It keeps no state between fetches and may be shared by any number of them.
#[derive(Clone, Debug)]
pub struct RobotsFetcher {
    config: RobotsConfig,
    scope: Scope,
    resolver: Resolver,
    tls: Tls,
    /// Keys the paths of probes, so that no server can know them.
    probe_key: RandomState,
}

/// How the attempt over one scheme ended.
enum Attempt {
    /// With a class; the record has it.
    Classified,
    /// Below HTTP, on the first hop, so that another scheme may do better.
    Unanswered(End),
}

impl RobotsFetcher {
    /// A fetcher within `scope`.
    pub fn new(config: RobotsConfig, scope: Scope, resolver: Resolver, tls: Tls) -> Self {
        Self {
            config,
            scope,
            resolver,
            tls,
            probe_key: RandomState::new(),
        }
    }

    /// The settings.
    pub fn config(&self) -> &RobotsConfig {
        &self.config
    }

    /// Fetches the robots.txt of the host `name`.
    ///
    /// It never fails and never takes longer than [`RobotsConfig::deadline`]: whatever happens is
    /// in the record.
    ///
    /// Nothing is sent to a host or an address that the scope does not admit, on the first hop or
    /// any other. The scope is asked about each name before it is looked up, about each address of
    /// the answer, and about each address that stands in a URL. A name is looked up once in a
    /// fetch: the other scheme, redirects to the same host and the probe of a random path go to
    /// the addresses that were admitted then. The next fetch asks anew.
    pub async fn fetch(&self, name: &str) -> RobotsRecord {
        let start = Instant::now();
        let mut record = RobotsRecord::new(name);
        let work = self.attempt_all(name, &mut record);
        let in_time = timeout_at(start + self.config.deadline, work).await.is_ok();
        if !in_time && record.outcome == RobotsOutcome::Timeout {
            record.detail = Some("the deadline".to_owned());
        }
        record.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        record
    }

    /// Tries each scheme until one classifies the name; see [`RobotsConfig::schemes`].
    async fn attempt_all(&self, name: &str, record: &mut RobotsRecord) {
        let name = match Name::parse(name) {
            Ok(name) => name,
            Err(error) => {
                return finish(
                    record,
                    End::new(RobotsOutcome::InvalidName, error.to_string()),
                );
            }
        };
        let mut resolved = Resolved::default();
        let mut first_failure = None;
        for scheme in &self.config.schemes {
            match self.attempt(*scheme, &name, &mut resolved, record).await {
                Attempt::Classified => return,
                Attempt::Unanswered(end) => {
                    first_failure.get_or_insert_with(|| (end, record.final_url.clone()));
                }
            }
        }
        let none = || {
            (
                End::new(RobotsOutcome::Unreachable, "no scheme to try"),
                None,
            )
        };
        let (end, url) = first_failure.unwrap_or_else(none);
        record.final_url = url;
        finish(record, end);
    }

    /// Follows one scheme's URL to its end.
    async fn attempt(
        &self,
        scheme: Scheme,
        name: &Name,
        resolved: &mut Resolved,
        record: &mut RobotsRecord,
    ) -> Attempt {
        let url = match Url::parse(&format!("{}://{name}{PATH}", scheme.as_str())) {
            Ok(url) => url,
            Err(error) => {
                finish(
                    record,
                    End::new(RobotsOutcome::InvalidName, error.to_string()),
                );
                return Attempt::Classified;
            }
        };
        let mut trail = Trail::new(url, self.config.max_redirects);
        record.status = None;
        match self.follower().follow(&mut trail, resolved, record).await {
            Ok((response, target)) => self.judge(response, &target, record).await,
            Err(Stop::Exchange(error)) if trail.is_at_start() && error.permits_other_scheme() => {
                return Attempt::Unanswered(End::from(&error));
            }
            Err(stop) => finish(record, End::from(&stop)),
        }
        Attempt::Classified
    }

    /// Classifies the final response.
    async fn judge(&self, response: Response, target: &Target, record: &mut RobotsRecord) {
        match response.head.status {
            200..=299 => self.judge_content(response, target, record).await,
            401 | 403 | 407 | 429 | 451 => record.outcome = RobotsOutcome::Blocked,
            400..=499 => record.outcome = RobotsOutcome::NotFound,
            500..=599 => record.outcome = RobotsOutcome::ServerError,
            _ => record.outcome = RobotsOutcome::BadStatus,
        }
    }

    async fn judge_content(&self, response: Response, target: &Target, record: &mut RobotsRecord) {
        let Some(page) = classify(response, record).filter(|_| self.config.soft404) else {
            return;
        };
        if self.is_soft_404(&page, target, record).await {
            record.outcome = RobotsOutcome::Soft404;
        }
    }

    /// Asks the same host for a path that cannot exist, and compares.
    async fn is_soft_404(&self, page: &[u8], target: &Target, record: &mut RobotsRecord) -> bool {
        let key = self.probe_key.hash_one((target.url.as_str(), page));
        let path = format!("/{key:016x}.txt");
        let probe = match self.follower().get(target, &path, record).await {
            Ok(probe) => probe,
            Err(error) => {
                // The class without the probe would be a guess about the site.
                if error.is_local() {
                    finish(record, End::from(&error));
                }
                return false;
            }
        };
        if let Some(location) = redirection(&probe.head) {
            // Whatever does not exist is sent where robots.txt was sent.
            return target.url.path() != PATH
                && join(&target.url, location).is_ok_and(|url| url == target.url);
        }
        (200..=299).contains(&probe.head.status) && similar(page, &probe.body.bytes)
    }

    fn follower(&self) -> Follower<'_> {
        Follower {
            scope: &self.scope,
            resolver: &self.resolver,
            tls: &self.tls,
            http_port: self.config.http_port,
            https_port: self.config.https_port,
            named_port: None,
            accept: ACCEPT,
            user_agent: &self.config.user_agent,
            connect_timeout: self.config.connect_timeout,
            limits: self.config.limits(),
        }
    }
}

impl Journal for RobotsRecord {
    fn note_way(&mut self, trail: &Trail) {
        self.hops = trail.hops().map(Url::to_string).collect();
        self.final_url = Some(trail.current().to_string());
    }

    fn note_status(&mut self, status: u16) {
        self.status = Some(status);
    }

    fn bytes_read(&mut self) -> &mut u64 {
        &mut self.bytes_read
    }
}

fn finish(record: &mut RobotsRecord, end: End) {
    record.outcome = end.outcome;
    record.detail = Some(end.detail);
}
