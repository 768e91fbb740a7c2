//! Packets or connections.

use scanners::link::{Link, LinkError};
use scanners::target::TargetSet;
use task_core::{RawSockets, TaskError};

use super::options::{Method, TcpSyn};

/// How a task asks.
pub(super) enum Form {
    /// By packets, through this link.
    Syn(Box<dyn Link>),
    /// By connections.
    Connect,
}

impl Form {
    /// What `options` ask for and this machine can do for `targets`. Blocks: the next hop may have
    /// to be asked for its hardware address.
    ///
    /// # Errors
    ///
    /// [`TaskError::Retry`] if the link fails in a way that says nothing about packets, or if there
    /// must be packets and they cannot go out.
    pub(super) fn choose(
        _allowed: RawSockets,
        options: &TcpSyn,
        targets: &TargetSet,
    ) -> Result<Self, TaskError> {
        if options.method == Method::Connect {
            return Ok(Self::Connect);
        }
        match open(options, targets) {
            Ok(link) => Ok(Self::Syn(link)),
            Err(error) if options.method == Method::Syn || !is_no_way(&error, targets) => {
                Err(TaskError::retry(error))
            }
            Err(error) => {
                tracing::info!(%error, "ports are asked by connections, not by packets");
                Ok(Self::Connect)
            }
        }
    }
}

/// Whether packets cannot go out to these targets from here at all, while connections may.
fn is_no_way(error: &LinkError, targets: &TargetSet) -> bool {
    match error {
        LinkError::System { .. } | LinkError::Down(_) => false,
        // A host that is down is an answer. A gateway that is down for a moment is none: every
        // connection would end as unreachable.
        LinkError::NoNeighbour { neighbour, .. } => {
            let port = targets.ports().as_slice().first();
            port.is_some_and(|&port| targets.index_of(*neighbour, port).is_some())
        }
        _ => true,
    }
}

#[cfg(target_os = "linux")]
fn open(options: &TcpSyn, targets: &TargetSet) -> Result<Box<dyn Link>, LinkError> {
    use scanners::link::{AfPacket, AfPacketOptions};

    // The numbering begins with IPv4 and ends with IPv6: one address of each version there is.
    let ends = [targets.get(0), targets.get(targets.len() - 1)];
    let ends = ends.into_iter().flatten();
    let ways: Vec<_> = ends.map(|target| target.in_scope().host()).collect();
    let link = AfPacket::toward(
        &ways,
        &AfPacketOptions {
            // Two seconds of answers: a worker runs many tasks, and each has a ring.
            ring_bytes: (options.rate as usize * 2 * 160).clamp(1 << 20, 64 << 20),
            ..AfPacketOptions::default()
        },
    )?;
    if targets.addrs() > 1
        && let Some(neighbour) = link.describe().neighbour
    {
        return Err(LinkError::Neighbour(neighbour));
    }
    Ok(Box::new(link))
}

#[cfg(not(target_os = "linux"))]
fn open(_: &TcpSyn, _: &TargetSet) -> Result<Box<dyn Link>, LinkError> {
    Err(LinkError::Forbidden)
}

#[cfg(test)]
mod tests {
    use scanners::scope::Scope;

    use super::*;

    #[test]
    fn who_may_not_send_packets_connects_and_who_has_lost_the_gateway_waits() {
        let scope = Scope::builder().allow_net("192.0.2.0/24".parse::<ipnet::IpNet>().unwrap());
        let targets = TargetSet::builder().addrs("192.0.2.0/24").ports("80");
        let targets = targets.build(&scope.build().unwrap()).unwrap();
        let silent = |neighbour: &str| LinkError::NoNeighbour {
            neighbour: neighbour.parse().unwrap(),
            interface: "eth0".to_owned(),
        };
        let address = "192.0.2.1".parse().unwrap();
        for error in [
            LinkError::Forbidden,
            LinkError::Local(address),
            LinkError::Neighbour(address),
            LinkError::NoRoute(address),
            silent("192.0.2.1"),
        ] {
            assert!(is_no_way(&error, &targets), "{error}");
        }
        for error in [LinkError::Down("eth0".to_owned()), silent("10.0.0.1")] {
            assert!(!is_no_way(&error, &targets), "{error}");
        }
    }
}
