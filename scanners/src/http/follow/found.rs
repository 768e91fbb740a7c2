//! A URL that was found at an address, so that nothing need be looked up.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use crate::scope::{InScope, Name, OutOfScope};

use super::{Follower, Resolved, Stop};

impl Follower<'_> {
    /// Admits the host of `url` and those of `addrs` that the scope takes; the URL is then asked
    /// for at these and nowhere else, whichever port its scheme implies.
    ///
    /// Of addresses beside the one that stands in `url` none is taken.
    ///
    /// # Errors
    ///
    /// [`Stop::OutOfScope`] if the scope refuses the name, or every address; [`Stop::BadUrl`] if
    /// the address in `url` is none of `addrs`.
    pub(in crate::http) fn found_at(
        &self,
        url: &Url,
        addrs: &[SocketAddr],
    ) -> Result<Resolved, Stop> {
        let (name, at) = match url.host() {
            Some(Host::Domain(host)) => {
                let Ok(name) = Name::parse(host) else {
                    // What is no name is refused for that reason on the way.
                    return Ok(Resolved::default());
                };
                let name = self.scope.admit(name)?;
                let at = admitted(addrs, |addr| self.scope.admit_addr(&name, addr))?;
                (Some(name.into_inner()), at)
            }
            Some(Host::Ipv4(ip)) => (None, self.at_address(ip.into(), addrs)?),
            Some(Host::Ipv6(ip)) => (None, self.at_address(ip.into(), addrs)?),
            None => return Ok(Resolved::default()),
        };
        Ok(Resolved::found(url.origin(), name, at))
    }

    fn at_address(
        &self,
        ip: IpAddr,
        addrs: &[SocketAddr],
    ) -> Result<Vec<InScope<SocketAddr>>, Stop> {
        let is_it = |addr: &&SocketAddr| addr.ip() == ip;
        let its: Vec<SocketAddr> = addrs.iter().filter(is_it).copied().collect();
        if its.is_empty() {
            let what = format!("{ip} is none of the addresses that it was found at");
            return Err(Stop::bad_url(what));
        }
        Ok(admitted(&its, |ip| self.scope.admit_ip(ip))?)
    }
}

/// Those that are admitted; an error if all are refused.
fn admitted(
    addrs: &[SocketAddr],
    admit: impl Fn(IpAddr) -> Result<InScope<IpAddr>, OutOfScope>,
) -> Result<Vec<InScope<SocketAddr>>, OutOfScope> {
    let (mut taken, mut refusal) = (Vec::new(), None);
    for addr in addrs {
        match admit(addr.ip()) {
            Ok(ip) => taken.push(ip.with_port(addr.port())),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(error) if taken.is_empty() => Err(error),
        _ => Ok(taken),
    }
}
