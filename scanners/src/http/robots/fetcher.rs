//! From a name to a record.

use std::hash::{BuildHasher, RandomState};

use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::http::{
    ConnectError, ExchangeError, ExchangeOptions, Head, Request, Response, Scheme, Tls, get,
};
use crate::resolve::Resolver;
use crate::scope::{Name, Scope};

use super::classify::classify;
use super::config::RobotsConfig;
use super::outcome::RobotsOutcome;
use super::record::RobotsRecord;
use super::redirect::{Trail, join};
use super::similar::similar;
use super::target::{Admission, End, Resolved, Target};

const PATH: &str = "/robots.txt";

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
        loop {
            note_way(&trail, record);
            let url = trail.current().clone();
            let target = match self.admission().admit(url, resolved).await {
                Ok(target) => target,
                Err(end) => break finish(record, end),
            };
            let response = match self.get(&target, target_path(&target.url), record).await {
                Ok(response) => response,
                Err(error) => {
                    let first = trail.hops().next().is_none();
                    let retry = first && error.permits_other_scheme();
                    let end = failure(&error);
                    if retry {
                        return Attempt::Unanswered(end);
                    }
                    break finish(record, end);
                }
            };
            record.status = Some(response.head.status);
            match redirection(&response.head) {
                Some(location) => {
                    if let Err(end) = trail.follow(location) {
                        break finish(record, end);
                    }
                }
                None => break self.judge(response, &target, record).await,
            }
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
        let probe = match self.get(target, &path, record).await {
            Ok(probe) => probe,
            Err(error) => {
                // The class without the probe would be a guess about the site.
                if error.is_local() {
                    finish(record, failure(&error));
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

    async fn get(
        &self,
        target: &Target,
        path: &str,
        record: &mut RobotsRecord,
    ) -> Result<Response, ExchangeError> {
        let request = Request {
            host: &target.url[url::Position::BeforeHost..url::Position::AfterPort],
            target: path,
            user_agent: &self.config.user_agent,
        };
        let options = ExchangeOptions {
            tls: (target.scheme == Scheme::Https).then_some((&self.tls, &target.server_name)),
            connect_timeout: self.config.connect_timeout,
            limits: self.config.limits(),
        };
        get(&target.addrs, &request, &options, &mut record.bytes_read).await
    }

    fn admission(&self) -> Admission<'_> {
        Admission {
            config: &self.config,
            scope: &self.scope,
            resolver: &self.resolver,
        }
    }
}

fn finish(record: &mut RobotsRecord, end: End) {
    record.outcome = end.outcome;
    record.detail = end.detail;
}

fn note_way(trail: &Trail, record: &mut RobotsRecord) {
    record.hops = trail.hops().map(Url::to_string).collect();
    record.final_url = Some(trail.current().to_string());
}

fn target_path(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

/// Where the response sends the client, if it does.
fn redirection(head: &Head) -> Option<&str> {
    let location = head.location.as_deref();
    location.filter(|_| matches!(head.status, 301 | 302 | 303 | 307 | 308))
}

fn failure(error: &ExchangeError) -> End {
    let outcome = match error {
        ExchangeError::Connect(ConnectError::Local(_)) => RobotsOutcome::LocalFailure,
        ExchangeError::Connect(ConnectError::Refused) => RobotsOutcome::Refused,
        ExchangeError::Connect(ConnectError::Reset) | ExchangeError::Closed => RobotsOutcome::Reset,
        ExchangeError::Connect(ConnectError::Timeout) => RobotsOutcome::Timeout,
        ExchangeError::Connect(_) => RobotsOutcome::Unreachable,
        ExchangeError::Tls(_) | ExchangeError::Certificate(_) => RobotsOutcome::TlsError,
        ExchangeError::Malformed(_) => RobotsOutcome::ProtocolError,
    };
    End::new(outcome, error.to_string())
}
