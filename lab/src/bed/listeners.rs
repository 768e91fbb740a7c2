//! The open ports of the far side.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use super::error::BedError;

/// Listeners for both versions of IP. Nobody accepts: a scan resets what it finds, and the system
/// forgets the connection.
pub(super) struct Listeners {
    _sockets: Vec<TcpListener>,
}

impl Listeners {
    pub(super) fn open(ports: &[u16]) -> Result<Self, BedError> {
        let mut sockets = Vec::with_capacity(ports.len() * 2);
        for &port in ports {
            let everywhere = [
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            ];
            for address in everywhere {
                sockets.push(listen(address).map_err(|source| BedError::Listen { port, source })?);
            }
        }
        Ok(Self { _sockets: sockets })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(65_535)?;
    Ok(socket.into())
}
