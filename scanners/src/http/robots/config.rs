//! The settings of a fetcher.

use std::time::Duration;

use crate::http::{Limits, Scheme};

/// Settings of a [`RobotsFetcher`](super::RobotsFetcher); the defaults suit the Internet.
#[derive(Clone, Debug)]
pub struct RobotsConfig {
    /// The port for http URLs that name none. 80.
    pub http_port: u16,
    /// The port for https URLs that name none. 443.
    pub https_port: u16,
    /// The schemes to try, in order. None twice. https, then http.
    ///
    /// The next one is tried when the first request of this one, before any redirect, had no
    /// answer: no connection in [`connect_timeout`](Self::connect_timeout), a TLS handshake that
    /// failed or took longer than that, or a connection that the peer closed or reset before the
    /// end of the response head. If the last one has no answer either, the outcome is that of the
    /// first.
    ///
    /// It is *not* tried after a certificate that does not verify, under
    /// [`TlsPolicy::Verify`](crate::http::TlsPolicy::Verify): that is a
    /// [`TlsError`](super::RobotsOutcome::TlsError). Nor after an answer that is not HTTP, a name
    /// that does not resolve, a [`LocalFailure`](super::RobotsOutcome::LocalFailure), or when the
    /// deadline has passed. Other failures of TLS lead to http even so, and whoever sits on the
    /// path can cause one: leave http out if an answer in the clear is not good enough.
    pub schemes: Vec<Scheme>,
    /// How many redirects are followed. 5 (RFC 9309 §2.3.1.2).
    pub max_redirects: usize,
    /// Bytes of the decoded body that are kept; what is beyond is not read. 512,000, which is
    /// 500 KiB (RFC 9309 §2.5).
    pub max_body: usize,
    /// The time for the whole fetch: all schemes, hops and addresses. 10 s.
    pub deadline: Duration,
    /// The time for connecting to one host, all its addresses included; and again for a TLS
    /// handshake. 3 s.
    pub connect_timeout: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Whether a page in place of rules is compared with that of a random path, at the cost of a
    /// second request. Yes.
    pub soft404: bool,
}

impl Default for RobotsConfig {
    fn default() -> Self {
        Self {
            http_port: 80,
            https_port: 443,
            schemes: vec![Scheme::Https, Scheme::Http],
            max_redirects: 5,
            max_body: 512_000,
            deadline: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            user_agent: concat!("sortie/", env!("CARGO_PKG_VERSION")).to_owned(),
            soft404: true,
        }
    }
}

impl RobotsConfig {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            body: self.max_body,
            ..Limits::default()
        }
    }
}
