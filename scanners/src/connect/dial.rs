//! Dialling what the scope admitted.

use std::io::{self, ErrorKind::AddrNotAvailable};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::scope::InScope;

use super::error::ConnectError;
use super::route::lack_of_route;

/// Most addresses that [`dial`] tries: who has no luck with four will not have it with five, and
/// each takes of the time of those behind it.
pub const MAX_DIALS: usize = 4;

/// Connects to the first of `addrs` that answers, within `limit` in all.
///
/// At most [`MAX_DIALS`] are tried, one after the other: IPv4 and IPv6 in turns, beginning with the
/// family of the first address (RFC 8305 §4), and within a family as they stand. So a family that
/// leads nowhere from here hides no address of the other.
///
/// Nothing is checked here, and nothing need be: an [`InScope`] address is made by a
/// [`Scope`](crate::scope::Scope) alone, when it admits that very address, and it is what is
/// connected to. No name is looked up in between, so an answer that changes after the check leads
/// nowhere else. The port is the caller's; scopes do not rule on ports.
///
/// Each address but the last gets half of the time that is left, so a silent one leaves time for
/// the next.
///
/// # Errors
///
/// The most telling [`ConnectError`] of the addresses that were tried. [`ConnectError::Local`] ends
/// the dialling, because the next address would meet the same.
pub async fn dial(
    addrs: &[InScope<SocketAddr>],
    limit: Duration,
) -> Result<TcpStream, ConnectError> {
    let end = Instant::now() + limit;
    let addrs = in_turns(addrs);
    let mut worst = ConnectError::NoAddress;
    for (index, addr) in addrs.iter().enumerate() {
        let last = index + 1 == addrs.len();
        let now = Instant::now();
        let until = if last {
            end
        } else {
            now + end.saturating_duration_since(now) / 2
        };
        let failure = match timeout_at(until, TcpStream::connect(addr.get())).await {
            Ok(Ok(stream)) => {
                // The request is one write; waiting for more of it would only delay the answer.
                // A socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => failure(*addr.get(), error),
            Err(_) => ConnectError::Timeout,
        };
        if matches!(failure, ConnectError::Local(_)) {
            return Err(failure);
        }
        worst = worst.min(failure);
    }
    Err(worst)
}

/// The addresses that are tried, in order.
fn in_turns(addrs: &[InScope<SocketAddr>]) -> Vec<&InScope<SocketAddr>> {
    let is_v6 = |addr: &InScope<SocketAddr>| addr.get().is_ipv6();
    let v6_first = addrs.first().is_some_and(is_v6);
    let family = |v6| addrs.iter().filter(move |addr| is_v6(addr) == v6);
    let mut turns = [family(v6_first), family(!v6_first)];
    let mut order = Vec::with_capacity(MAX_DIALS);
    for turn in 0..2 * MAX_DIALS {
        order.extend(turns[turn % 2].next());
    }
    order.truncate(MAX_DIALS);
    order
}

/// Why connecting to `addr` failed. That no route leads there is this machine's own affair, while
/// a router that says so speaks of the peer; the system has one error for both.
///
/// It has one error, too, for a machine without IPv6, which has no address of its own to dial from,
/// and for one whose ports are used up: another attempt mends the latter and not the former. Where
/// a datagram could go out it is the ports.
pub(super) fn failure(addr: SocketAddr, error: io::Error) -> ConnectError {
    let is_homeless = addr.is_ipv6() && error.kind() == AddrNotAvailable;
    match ConnectError::from(error) {
        ConnectError::Local(reason) if is_homeless && lack_of_route(addr).is_some() => {
            ConnectError::NoRoute(reason)
        }
        ConnectError::Unreachable(reason) if lack_of_route(addr).is_some() => {
            ConnectError::NoRoute(reason)
        }
        failure => failure,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const EADDRNOTAVAIL: i32 = 99;

    fn unavailable(addr: SocketAddr) -> ConnectError {
        failure(addr, io::Error::from_raw_os_error(EADDRNOTAVAIL))
    }

    #[test]
    fn ports_that_are_used_up_are_told_from_a_machine_without_ipv6() {
        // To a family that is not there no way leads, whatever the tests run on.
        for addr in ["[::1]:9", "[2001:db8::1]:9"] {
            let addr = addr.parse().unwrap();
            let error = unavailable(addr);
            match lack_of_route(addr) {
                None => assert!(matches!(error, ConnectError::Local(_)), "{addr}: {error}"),
                Some(_) => assert!(matches!(error, ConnectError::NoRoute(_)), "{addr}: {error}"),
            }
        }
        let error = unavailable("127.0.0.1:9".parse().unwrap());
        assert!(matches!(error, ConnectError::Local(_)), "{error}");
    }
}
