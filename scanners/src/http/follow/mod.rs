//! From a URL to its last response, over redirects, within the scope.
//!
//! Whoever fetches something stands on this: the way is the same for all, and only what the last
//! response means is theirs. Each host on the way is admitted before it is looked up, and each
//! address before it is dialled.

mod admit;
mod found;
mod stop;
mod trail;

use std::net::SocketAddr;

use url::Url;

use crate::resolve::Resolver;
use crate::scope::Scope;

use super::exchange::ask;
use super::{ExchangeOptions, Head, Limits, Request, Response, Scheme, Tls, dial};

pub(super) use admit::{Resolved, Target};
pub(super) use stop::Stop;
pub(super) use trail::{Trail, join};

/// How URLs are asked for.
pub(super) struct Follower<'a> {
    pub(super) scope: &'a Scope,
    pub(super) resolver: &'a Resolver,
    pub(super) tls: &'a Tls,
    /// The ports of URLs that name none; not of the one that was [found](Resolved) at a port.
    pub(super) http_port: u16,
    pub(super) https_port: u16,
    /// Another port that a URL may name; besides the usual ones and those above.
    pub(super) named_port: Option<u16>,
    pub(super) accept: &'a str,
    pub(super) user_agent: &'a str,
    pub(super) connect_timeout: std::time::Duration,
    pub(super) limits: Limits,
}

/// A record that is written on the way, so that it says how far a fetch came that is cut off.
pub(super) trait Journal {
    /// The next URL is about to be asked for.
    fn note_way(&mut self, trail: &Trail);
    /// A connection was made, to this address and port.
    fn note_peer(&mut self, _peer: SocketAddr) {}
    /// A response came with this status.
    fn note_status(&mut self, status: u16);
    /// The count of bytes read, to be added to.
    fn bytes_read(&mut self) -> &mut u64;
}

impl Follower<'_> {
    /// Asks for the last URL of `trail` and goes where the responses send it, until one does not.
    pub(super) async fn follow(
        &self,
        trail: &mut Trail,
        resolved: &mut Resolved,
        journal: &mut impl Journal,
    ) -> Result<(Response, Target), Stop> {
        loop {
            journal.note_way(trail);
            let target = self.admit(trail.current().clone(), resolved).await?;
            let path = &target.url[url::Position::BeforePath..url::Position::AfterQuery];
            let response = self.get(&target, path, journal).await?;
            journal.note_status(response.head.status);
            match redirection(&response.head) {
                Some(location) => trail.follow(location)?,
                None => return Ok((response, target)),
            }
        }
    }

    /// Asks the host of `target` for `path`, and follows nothing.
    pub(super) async fn get(
        &self,
        target: &Target,
        path: &str,
        journal: &mut impl Journal,
    ) -> Result<Response, super::ExchangeError> {
        let request = Request {
            host: &target.url[url::Position::BeforeHost..url::Position::AfterPort],
            target: path,
            accept: self.accept,
            user_agent: self.user_agent,
        };
        let options = ExchangeOptions {
            tls: (target.scheme == Scheme::Https).then_some((self.tls, &target.server_name)),
            connect_timeout: self.connect_timeout,
            limits: self.limits,
        };
        let stream = dial(&target.addrs, self.connect_timeout).await?;
        // One that was reset meanwhile has no peer, and will give no response either.
        if let Ok(peer) = stream.peer_addr() {
            journal.note_peer(peer);
        }
        ask(stream, &request, &options, journal.bytes_read()).await
    }

    /// The port of `url`, if it may be asked.
    fn port(&self, url: &Url, scheme: Scheme) -> Result<u16, u16> {
        let own = match scheme {
            Scheme::Http => self.http_port,
            Scheme::Https => self.https_port,
        };
        let usual = [80, 443, self.http_port, self.https_port];
        match url.port() {
            None => Ok(own),
            Some(port) if usual.contains(&port) || self.named_port == Some(port) => Ok(port),
            Some(port) => Err(port),
        }
    }
}

/// Where the response sends the client, if it does.
pub(super) fn redirection(head: &Head) -> Option<&str> {
    let location = head.location.as_deref();
    location.filter(|_| matches!(head.status, 301 | 302 | 303 | 307 | 308))
}
