//! The settings of a scan, as they travel with each chunk.

use std::net::SocketAddr;
use std::time::Duration;

use scanners::http::Scheme;
use scanners::http::robots::RobotsConfig;
use serde::{Deserialize, Serialize};

use crate::millis;
use crate::option::InvalidOption;

/// How robots.txt are fetched. The defaults suit the Internet; fields that are absent from the
/// wire take them, and unknown ones are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RobotsOptions {
    /// The name server to ask; those of the worker's system if `None`.
    pub resolver: Option<SocketAddr>,
    /// The port for http URLs that name none. 80; not 0.
    pub http_port: u16,
    /// The port for https URLs that name none. 443; not 0.
    pub https_port: u16,
    /// The schemes to try, in order. https, then http. One or both, none twice.
    ///
    /// The next one is tried when the first request of this one, before any redirect, had no
    /// answer: no connection, a TLS handshake that failed or took too long, or a connection that
    /// the peer closed or reset before the end of the response head. It is not tried after a
    /// certificate that does not verify (see `verify_tls`), an answer that is not HTTP, or a name
    /// that does not resolve.
    pub schemes: Vec<Scheme>,
    /// The time for one name: all schemes, redirects and addresses. 10 s; 10 ms to 45 s, which
    /// is less than the minute that a task may go without progress.
    #[serde(rename = "deadline_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub deadline: Duration,
    /// The time for connecting to one host, and again for a TLS handshake. 3 s; at least 1 ms.
    #[serde(rename = "connect_timeout_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub connect_timeout: Duration,
    /// Time that is kept, beyond one `deadline`, for handing back what is left when the worker
    /// must stop. 2 s.
    #[serde(rename = "spare_ms", with = "millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub spare: Duration,
    /// How many names are under way at once on one worker, each with a socket or two. 256; 1 to
    /// 10,000.
    pub concurrency: u16,
    /// Whether certificates are verified. Yes: one that does not verify is a `tls_error`, and http
    /// is not tried then. Without it any certificate will do, and whoever sits on the path can
    /// answer in the site's place. So they can with it, by breaking the handshake, as long as
    /// `schemes` has http.
    pub verify_tls: bool,
    /// Whether a page in place of rules is compared with that of a random path, at the cost of a
    /// second request. Yes.
    pub soft404: bool,
    /// The `User-Agent` header: 1 to 256 printable ASCII characters.
    pub user_agent: String,
}

impl Default for RobotsOptions {
    fn default() -> Self {
        let config = RobotsConfig::default();
        Self {
            resolver: None,
            http_port: config.http_port,
            https_port: config.https_port,
            schemes: config.schemes,
            deadline: config.deadline,
            connect_timeout: config.connect_timeout,
            spare: Duration::from_secs(2),
            concurrency: 256,
            verify_tls: true,
            soft404: config.soft404,
            user_agent: config.user_agent,
        }
    }
}

impl RobotsOptions {
    /// Holds every field against its limits.
    ///
    /// # Errors
    ///
    /// [`InvalidOption`] for the first field that is beyond them.
    pub fn check(&self) -> Result<(), InvalidOption> {
        let rules = [
            InvalidOption::port("http_port", self.http_port),
            InvalidOption::port("https_port", self.https_port),
            (
                "schemes",
                format!("{:?}", self.schemes),
                match *self.schemes {
                    [_] => true,
                    [first, second] => first != second,
                    _ => false,
                },
                "give `https`, `http` or both, none twice",
            ),
            (
                "deadline_ms",
                self.deadline.as_millis().to_string(),
                (Duration::from_millis(10)..=Duration::from_secs(45)).contains(&self.deadline),
                "10 to 45000 are allowed",
            ),
            (
                "connect_timeout_ms",
                self.connect_timeout.as_millis().to_string(),
                self.connect_timeout >= Duration::from_millis(1),
                "at least 1 is needed",
            ),
            (
                "concurrency",
                self.concurrency.to_string(),
                (1..=10_000).contains(&self.concurrency),
                "1 to 10000 are allowed",
            ),
            InvalidOption::user_agent(&self.user_agent),
        ];
        InvalidOption::first(rules)
    }

    /// The time that must be left for another name to be started.
    pub(super) fn margin(&self) -> Duration {
        self.deadline.saturating_add(self.spare)
    }

    /// The scanner's own settings.
    pub(super) fn config(&self) -> RobotsConfig {
        RobotsConfig {
            http_port: self.http_port,
            https_port: self.https_port,
            schemes: self.schemes.clone(),
            deadline: self.deadline,
            connect_timeout: self.connect_timeout,
            user_agent: self.user_agent.clone(),
            soft404: self.soft404,
            ..RobotsConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut RobotsOptions)) -> &'static str {
        let mut options = RobotsOptions::default();
        change(&mut options);
        options.check().unwrap_err().field
    }

    #[test]
    fn every_limit_names_its_field() {
        assert_eq!(RobotsOptions::default().check(), Ok(()));
        assert_eq!(refused(|o| o.http_port = 0), "http_port");
        assert_eq!(refused(|o| o.https_port = 0), "https_port");
        assert_eq!(refused(|o| o.schemes.clear()), "schemes");
        assert_eq!(refused(|o| o.schemes = vec![Scheme::Http; 2]), "schemes");
        assert_eq!(
            refused(|o| o.deadline = Duration::from_secs(46)),
            "deadline_ms"
        );
        assert_eq!(
            refused(|o| o.connect_timeout = Duration::ZERO),
            "connect_timeout_ms"
        );
        assert_eq!(refused(|o| o.concurrency = 0), "concurrency");
        assert_eq!(
            refused(|o| o.user_agent = "a\r\nHost: b".to_owned()),
            "user_agent"
        );
    }

    #[test]
    fn absent_fields_take_their_defaults_and_unknown_ones_are_refused() {
        let parse = serde_json::from_str::<RobotsOptions>;
        assert_eq!(parse("{}").unwrap(), RobotsOptions::default());
        assert_eq!(
            parse(r#"{"deadline_ms":500}"#)
                .unwrap()
                .deadline
                .as_millis(),
            500
        );
        assert!(parse(r#"{"verify_tsl":false}"#).is_err());
    }
}
