//! What the kernel knows of routes, interfaces and neighbours (rtnetlink(7)).

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use crate::link::{LinkError, MacAddr};

use super::ends::system;

/// The way to a target.
pub(super) struct Route {
    pub(super) interface: u32,
    /// `None` when the target is on the link itself.
    pub(super) gateway: Option<IpAddr>,
    pub(super) source: Option<IpAddr>,
}

/// An interface, as far as it matters here.
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) mac: MacAddr,
    pub(super) mtu: u32,
    /// Whether frames can go: it is up, and so is what is at the other end.
    pub(super) carrier: bool,
    up: bool,
    kind: u16,
}

impl Interface {
    /// Refuses what cannot carry frames.
    pub(super) fn check(&self) -> Result<(), LinkError> {
        if self.kind != u16::from(LinkLayerType::Ether) {
            return Err(LinkError::Medium {
                interface: self.name.clone(),
                kind: self.kind,
            });
        }
        if !self.up {
            return Err(LinkError::Down(self.name.clone()));
        }
        Ok(())
    }
}

pub(super) struct Netlink {
    socket: Socket,
}

impl Netlink {
    /// Needs no privilege.
    pub(super) fn open() -> Result<Self, LinkError> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(Self { socket })
        };
        open().map_err(system("opening a netlink socket"))
    }

    /// The way that a packet to `target` would take, from `interface` if that is given.
    pub(super) fn route(
        &mut self,
        target: IpAddr,
        interface: Option<&Interface>,
    ) -> Result<Route, LinkError> {
        let mut query = RouteMessage::default();
        query.header.address_family = family(target);
        query.header.destination_prefix_length = if target.is_ipv4() { 32 } else { 128 };
        query.attributes = vec![RouteAttribute::Destination(target.into())];
        if let Some(interface) = interface {
            query.attributes.push(RouteAttribute::Oif(interface.index));
        }
        let answers = self
            .ask(RouteNetlinkMessage::GetRoute(query), 0)
            .map_err(|source| match source.raw_os_error() {
                // What routes of the kinds unreachable, prohibit and blackhole are told as.
                Some(
                    libc::ENETUNREACH
                    | libc::EHOSTUNREACH
                    | libc::EACCES
                    | libc::EINVAL
                    | libc::ENETDOWN,
                ) => LinkError::NoRoute(target),
                _ => system("asking for a route")(source),
            })?;
        let found = answers.into_iter().find_map(|answer| match answer {
            RouteNetlinkMessage::NewRoute(route) => Some(route),
            _ => None,
        });
        let found = found.ok_or(LinkError::NoRoute(target))?;
        match found.header.kind {
            RouteType::Unicast => {}
            RouteType::Local => return Err(LinkError::Local(target)),
            _ => return Err(LinkError::NoRoute(target)),
        }
        let mut route = Route {
            interface: 0,
            gateway: None,
            source: None,
        };
        for attribute in found.attributes {
            match attribute {
                RouteAttribute::Oif(index) => route.interface = index,
                RouteAttribute::Gateway(address) => route.gateway = ip(&address),
                RouteAttribute::Via(RouteVia::Inet(address)) => {
                    route.gateway = Some(address.into())
                }
                RouteAttribute::Via(RouteVia::Inet6(address)) => {
                    route.gateway = Some(address.into());
                }
                RouteAttribute::PrefSource(address) => route.source = ip(&address),
                _ => {}
            }
        }
        Ok(route)
    }

    /// The interface of this name.
    pub(super) fn interface_named(&mut self, name: &str) -> Result<Interface, LinkError> {
        let mut query = LinkMessage::default();
        query.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        self.find_interface(query, || name.to_owned())
    }

    /// The interface of this number.
    pub(super) fn interface(&mut self, index: u32) -> Result<Interface, LinkError> {
        let mut query = LinkMessage::default();
        query.header.index = index;
        self.find_interface(query, || format!("number {index}"))
    }

    fn find_interface(
        &mut self,
        query: LinkMessage,
        name: impl Fn() -> String,
    ) -> Result<Interface, LinkError> {
        let answers = self
            .ask(RouteNetlinkMessage::GetLink(query), 0)
            .map_err(|source| match source.raw_os_error() {
                // A name that is too long is out of range.
                Some(libc::ENODEV | libc::EINVAL | libc::ERANGE) => LinkError::NoInterface(name()),
                _ => system("asking for an interface")(source),
            })?;
        let found = answers.into_iter().find_map(|answer| match answer {
            RouteNetlinkMessage::NewLink(link) => Some(link),
            _ => None,
        });
        let found = found.ok_or_else(|| LinkError::NoInterface(name()))?;
        let mut interface = Interface {
            index: found.header.index,
            name: name(),
            mac: MacAddr::default(),
            mtu: 0,
            carrier: found.header.flags.contains(LinkFlags::LowerUp),
            up: found.header.flags.contains(LinkFlags::Up),
            kind: found.header.link_layer_type.into(),
        };
        for attribute in found.attributes {
            match attribute {
                LinkAttribute::IfName(name) => interface.name = name,
                LinkAttribute::Mtu(mtu) => interface.mtu = mtu,
                LinkAttribute::Address(bytes) => interface.mac = mac(&bytes).unwrap_or_default(),
                _ => {}
            }
        }
        Ok(interface)
    }

    /// What the kernel knows of `neighbour`'s hardware address.
    pub(super) fn neighbour(
        &mut self,
        interface: &Interface,
        neighbour: IpAddr,
    ) -> Result<Option<MacAddr>, LinkError> {
        let mut query = NeighbourMessage::default();
        query.header.family = family(neighbour);
        let answers = self
            .ask(RouteNetlinkMessage::GetNeighbour(query), NLM_F_DUMP)
            .map_err(system("asking for the neighbours"))?;
        Ok(answers.into_iter().find_map(|answer| {
            let RouteNetlinkMessage::NewNeighbour(entry) = answer else {
                return None;
            };
            let is_it = |attribute: &NeighbourAttribute| match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(it)) => *it == neighbour,
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(it)) => *it == neighbour,
                _ => false,
            };
            if entry.header.ifindex != interface.index || !entry.attributes.iter().any(is_it) {
                return None;
            }
            // An entry that is incomplete or failed has no address.
            entry
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    NeighbourAttribute::LinkLayerAddress(bytes) => mac(bytes),
                    _ => None,
                })
        }))
    }

    fn ask(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        let mut answers = Vec::new();
        loop {
            let (bytes, _) = self.socket.recv_from_full()?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                    .map_err(io::Error::other)?;
                // Messages are padded to four bytes.
                let len = (message.header.length as usize).next_multiple_of(4).max(4);
                rest = rest.get(len..).unwrap_or_default();
                match message.payload {
                    NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                    NetlinkPayload::Done(_) => return Ok(answers),
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        return Err(error.to_io());
                    }
                    _ => {}
                }
            }
            if flags & NLM_F_DUMP != NLM_F_DUMP {
                return Ok(answers);
            }
        }
    }
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn mac(bytes: &[u8]) -> Option<MacAddr> {
    bytes.try_into().ok().map(MacAddr)
}
