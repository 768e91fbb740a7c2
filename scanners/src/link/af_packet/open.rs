//! Finding the way to the targets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::link::{LinkError, LinkInfo, MacAddr, MonotonicClock, Path};
use crate::scope::InScope;

use super::neighbour::resolve;
use super::netlink::{Interface, Netlink, Route};
use super::{AfPacket, Interception};

/// How an [`AfPacket`] is opened.
#[derive(Clone, Debug)]
pub struct AfPacketOptions {
    /// The interface, where the routing table is not to choose it.
    pub interface: Option<String>,
    /// The IPv4 address to send from, where the routing table is not to choose it. The kernel is
    /// then taken not to reset what comes to it, as for an address that is not its own; see
    /// [`LinkInfo::resets`].
    pub source_v4: Option<Ipv4Addr>,
    /// The IPv6 address to send from, with the same effect.
    pub source_v6: Option<Ipv6Addr>,
    /// The hardware address of the next hop, where it is not to be asked for.
    pub next_hop: Option<MacAddr>,
    /// Bytes of the receive ring: what a receiver may fall behind. An answer takes about 160 bytes.
    /// 64 MiB, unless set; at least 256 KiB.
    pub ring_bytes: usize,
    /// Where answers are taken out of the interface. [`Interception::Off`], unless set.
    pub interception: Interception,
    /// How long a next hop may take to tell its hardware address. 2 s, unless set.
    pub patience: Duration,
}

impl Default for AfPacketOptions {
    fn default() -> Self {
        Self {
            interface: None,
            source_v4: None,
            source_v6: None,
            next_hop: None,
            ring_bytes: 64 << 20,
            interception: Interception::Off,
            patience: Duration::from_secs(2),
        }
    }
}

impl AfPacket {
    /// Opens the interface that leads to `targets`.
    ///
    /// The first target of each version of IP decides: the routing table is asked for the way to
    /// it, and the next hop of that way for its hardware address (ARP, RFC 826; or neighbour
    /// discovery, RFC 4861). All frames of that version go to that next hop. Behind a gateway that
    /// is right for every target; on the link itself, only for the one target, so another of that
    /// version is refused unless [`AfPacketOptions::next_hop`] is set. Name two targets where there
    /// are more, and scan a net that you are in with ordinary connections.
    ///
    /// # Errors
    ///
    /// [`LinkError::Forbidden`] without CAP_NET_RAW; [`LinkError::NoRoute`],
    /// [`LinkError::Local`], [`LinkError::NoSource`], [`LinkError::NoNeighbour`],
    /// [`LinkError::NoInterface`], [`LinkError::Down`], [`LinkError::Medium`],
    /// [`LinkError::TwoInterfaces`] and [`LinkError::Neighbour`] by what is found on the way; [`LinkError::System`] otherwise.
    pub fn toward(
        targets: &[InScope<IpAddr>],
        options: &AfPacketOptions,
    ) -> Result<Self, LinkError> {
        let mut netlink = Netlink::open()?;
        let wanted = options.interface.as_deref();
        let wanted = wanted
            .map(|name| netlink.interface_named(name))
            .transpose()?;
        let mut found: Option<(Interface, LinkInfo)> = None;
        let first = |v4: bool| targets.iter().map(InScope::get).find(|t| t.is_ipv4() == v4);
        for &target in [first(true), first(false)].into_iter().flatten() {
            let route = netlink.route(target, wanted.as_ref())?;
            let (interface, info) = match &mut found {
                Some(found) => found,
                none => {
                    let interface = netlink.interface(route.interface)?;
                    interface.check()?;
                    let mut info = LinkInfo::new(interface.name.clone(), interface.mac);
                    info.mtu = interface.mtu;
                    info.resets = options.source_v4.is_none() && options.source_v6.is_none();
                    none.insert((interface, info))
                }
            };
            if route.interface != interface.index {
                return Err(LinkError::TwoInterfaces {
                    target,
                    interface: interface.name.clone(),
                });
            }
            let other = |it: &IpAddr| it.is_ipv4() == target.is_ipv4() && *it != target;
            let alone = !targets.iter().map(InScope::get).any(other);
            if route.gateway.is_none() && options.next_hop.is_none() && !alone {
                return Err(LinkError::Neighbour(target));
            }
            add_path(&mut netlink, interface, info, &route, target, options)?;
        }
        let (interface, info) = found.ok_or(LinkError::NoTarget)?;
        Ok(Self {
            interface: interface.index,
            info,
            ring_bytes: options.ring_bytes,
            interception: options.interception,
            clock: MonotonicClock::start(),
        })
    }
}

fn add_path(
    netlink: &mut Netlink,
    interface: &Interface,
    info: &mut LinkInfo,
    route: &Route,
    target: IpAddr,
    options: &AfPacketOptions,
) -> Result<(), LinkError> {
    let chosen = match target {
        IpAddr::V4(_) => options.source_v4.map(IpAddr::V4),
        IpAddr::V6(_) => options.source_v6.map(IpAddr::V6),
    };
    let source = chosen.or(route.source).ok_or_else(|| LinkError::NoSource {
        interface: interface.name.clone(),
        target,
    })?;
    if route.gateway.is_none() {
        info.neighbour = Some(target);
    }
    let neighbour = route.gateway.unwrap_or(target);
    let next_hop = match options.next_hop {
        Some(mac) => mac,
        None => resolve(netlink, interface, source, neighbour, options.patience)?,
    };
    match source {
        IpAddr::V4(source) => info.v4 = Some(Path { source, next_hop }),
        IpAddr::V6(source) => info.v6 = Some(Path { source, next_hop }),
    }
    Ok(())
}
