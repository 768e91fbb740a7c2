//! The hardware address of the next hop: what the kernel knows, or what the neighbour says.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::link::{Batch, LinkError, MacAddr};

use super::ends::{LONGEST, failed, open_socket, system};
use super::netlink::{Interface, Netlink};
use super::solicit::{Solicitation, solicit};
use super::sys::{ALL, Headers};

/// A question that is lost is asked again after this long.
const AGAIN: Duration = Duration::from_millis(300);
/// More frames than these are not looked at for one question.
const MAX_FRAMES: usize = 100_000;

/// The hardware address of `neighbour`, within `patience`.
///
/// The kernel's table first: who talks to a gateway at all has it there. A neighbour of the other
/// version of IP (an IPv4 route by way of an IPv6 router) is looked up there only, because we have
/// no address to ask it from.
pub(super) fn resolve(
    netlink: &mut Netlink,
    interface: &Interface,
    source: IpAddr,
    neighbour: IpAddr,
    patience: Duration,
) -> Result<MacAddr, LinkError> {
    if let Some(mac) = netlink.neighbour(interface, neighbour)? {
        return Ok(mac);
    }
    let silent = || LinkError::NoNeighbour {
        neighbour,
        interface: interface.name.clone(),
    };
    let question = solicit(interface.mac, source, neighbour).ok_or_else(silent)?;
    ask(interface, &question, patience)?.ok_or_else(silent)
}

fn ask(
    interface: &Interface,
    question: &Solicitation,
    patience: Duration,
) -> Result<Option<MacAddr>, LinkError> {
    let socket = open_socket()?;
    socket
        .ignore_outgoing()
        .map_err(system("leaving out our own frames (Linux 4.20 or newer)"))?;
    socket
        .bind(interface.index, ALL)
        .map_err(|source| failed("binding to the interface", &interface.name, source))?;
    let mut batch = Batch::new(1, question.frame().len());
    batch.set(0, question.frame());
    let mut headers = Headers::new(1);
    let end = Instant::now() + patience.min(LONGEST);
    let mut buffer = [0; 256];
    let mut seen = 0;
    while Instant::now() < end && seen < MAX_FRAMES {
        socket
            .send_batch(&mut headers, &batch, 0..1)
            .map_err(|source| failed("asking a neighbour", &interface.name, source))?;
        let again = end.min(Instant::now() + AGAIN);
        loop {
            let left = again.saturating_duration_since(Instant::now());
            let ready = socket.wait(left);
            if !ready.map_err(|source| failed("asking a neighbour", &interface.name, source))? {
                break;
            }
            while seen < MAX_FRAMES
                && let Some(len) = socket
                    .receive(&mut buffer)
                    .map_err(|source| failed("asking a neighbour", &interface.name, source))?
            {
                seen += 1;
                let frame = buffer.get(..len).unwrap_or_default();
                if let Some(mac) = question.answered_by(frame) {
                    return Ok(Some(mac));
                }
            }
            if left.is_zero() || seen >= MAX_FRAMES {
                break;
            }
        }
    }
    Ok(None)
}
