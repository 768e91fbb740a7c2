//! A real interface, through packet(7).

mod carrier;
mod ends;
mod intercept;
mod neighbour;
mod netlink;
mod open;
mod program;
mod solicit;
mod sys;

use std::sync::Arc;

pub use intercept::Interception;
pub use open::AfPacketOptions;

use super::{Clock, Filter, Link, LinkError, LinkInfo, MonotonicClock, Receive, Transmit};

/// An Ethernet interface of this machine. Linux only; needs CAP_NET_RAW.
///
/// Frames are sent by `sendmmsg` from a socket for each [`Transmit`], past the queueing discipline
/// where the kernel allows, and received from a TPACKET_V3 ring that a filter in the kernel fills.
///
/// # What the kernel does beside us
///
/// The kernel knows nothing of the connections that probes ask for, so it answers each SYN-ACK to
/// one of its addresses with an RST (RFC 9293, section 3.5.2). That is welcome: no connection is
/// left half open at the target, and nobody has to send the RST. It costs more than a probe, though;
/// [`Interception`] does the same for a fraction. Where nothing is to be reset, drop TCP to the
/// source ports before the kernel sees it (an nftables rule in the `netdev` family, at `ingress`):
/// this link still receives the frame, because packet sockets come before the rule.
///
/// Source ports should lie outside of `net.ipv4.ip_local_port_range`, or an answer may meet a
/// connection of this machine.
///
/// # Why not AF_XDP
///
/// In copy mode, which is all that most drivers and every virtual link can do, the kernel makes the
/// same packet of a frame, whichever socket it comes from. A bare loop sends at most a fifth more through
/// AF_XDP, before an answer is read; this link reaches 0.94 of a bare `sendmmsg` loop. The figures
/// are in `benches/runs`. What is dear is the kernel's part in an answer, and that
/// [`Interception`] spares.
///
/// # Example
///
/// ```no_run
/// use sortie_scanners::link::{AfPacket, AfPacketOptions, Link};
/// use sortie_scanners::scope::Scope;
///
/// let scope = Scope::builder().allow_net("192.0.2.0/24".parse::<ipnet::IpNet>()?).build()?;
/// let target = scope.admit_ip("192.0.2.1".parse()?)?;
/// let link = AfPacket::toward(&[target], &AfPacketOptions::default())?;
/// println!("{:?}", link.describe());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AfPacket {
    interface: u32,
    info: LinkInfo,
    ring_bytes: usize,
    interception: Interception,
    clock: MonotonicClock,
}

impl Link for AfPacket {
    fn transmit(&self) -> Result<Box<dyn Transmit>, LinkError> {
        Ok(Box::new(ends::Sender::open(self)?))
    }

    fn receive(&self, filter: &Filter) -> Result<Box<dyn Receive>, LinkError> {
        Ok(Box::new(ends::Receiver::open(self, filter)?))
    }

    fn describe(&self) -> LinkInfo {
        self.info.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock)
    }
}
