//! The settings of a fetcher.

use std::time::Duration;

use crate::http::Limits;

/// Settings of a [`PageFetcher`](super::PageFetcher); the defaults suit the Internet.
#[derive(Clone, Debug)]
pub struct PageConfig {
    /// What is asked in place of port 80 when an http URL names no port, or 80, which is the same:
    /// a lab's port. 80. A URL that was [found at](super::PageFetcher::fetch_at) a port is asked
    /// there.
    pub http_port: u16,
    /// The same for https URLs and port 443. 443.
    pub https_port: u16,
    /// How many redirects are followed. 5.
    pub max_redirects: usize,
    /// Bytes of the decoded body that are looked at; what is beyond is not read. 512,000.
    pub max_body: usize,
    /// The time for the whole fetch: all hops and addresses. 10 s.
    pub deadline: Duration,
    /// The time for connecting to one host, all its addresses included; and again for a TLS
    /// handshake. 3 s.
    pub connect_timeout: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for PageConfig {
    fn default() -> Self {
        Self {
            http_port: 80,
            https_port: 443,
            max_redirects: 5,
            max_body: 512_000,
            deadline: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            user_agent: concat!("sortie/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl PageConfig {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            body: self.max_body,
            ..Limits::default()
        }
    }
}
