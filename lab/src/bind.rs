//! Sockets: the same port on many addresses.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::LabError;

/// A port that is free on one address is often taken on another, by a client's end of a connection.
const TRIES: usize = 256;
/// As many waiting connections as the system allows.
const BACKLOG: i32 = 65_535;

/// How much a listener is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Must,
    /// Left out where the machine does not have the address.
    May,
    /// A listener without room for waiting connections; see [`fill`].
    NoQueue,
}

/// Listeners on one port, one for each address, in their order. Port 0 is any that is free on all.
pub(crate) fn listeners(
    wanted: &[(IpAddr, Need)],
    wanted_port: u16,
) -> Result<(u16, Vec<Option<TcpListener>>), LabError> {
    on_common_port(|| {
        let mut port = wanted_port;
        let mut bound = Vec::with_capacity(wanted.len());
        for &(address, need) in wanted {
            let backlog = if need == Need::NoQueue { 0 } else { BACKLOG };
            match listen(SocketAddr::new(address, port), backlog) {
                Ok(listener) => {
                    port = local_port(address, listener.local_addr())?;
                    bound.push(Some(listener));
                }
                Err(error) if need == Need::May && !is_clash(&error) => {
                    tracing::debug!(%address, %error, "no canary here");
                    bound.push(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok((port, bound))
    })
}

/// A UDP socket and a TCP listener on one port. Port 0 is any that is free for both.
pub(crate) fn dns_sockets(
    address: IpAddr,
    wanted_port: u16,
) -> Result<(u16, UdpSocket, TcpListener), LabError> {
    on_common_port(|| {
        let listener = listen(SocketAddr::new(address, wanted_port), BACKLOG)?;
        let port = local_port(address, listener.local_addr())?;
        let udp = udp(SocketAddr::new(address, port))
            .map_err(|source| LabError::Bind { address, source })?;
        Ok((port, udp, listener))
    })
}

/// Fills the queue of a listener that has no room. Linux then drops SYNs: connections are neither
/// accepted nor refused for as long as both ends are kept.
pub(crate) fn fill(listener: &TcpListener) -> io::Result<TcpStream> {
    TcpStream::connect(listener.local_addr()?)
}

fn on_common_port<T>(mut bind: impl FnMut() -> Result<T, LabError>) -> Result<T, LabError> {
    for _ in 0..TRIES {
        match bind() {
            Err(error) if is_clash(&error) => {}
            done => return done,
        }
    }
    Err(LabError::NoCommonPorts { tries: TRIES })
}

/// Whether another port may work.
fn is_clash(error: &LabError) -> bool {
    matches!(error, LabError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse)
}

fn local_port(address: IpAddr, local: io::Result<SocketAddr>) -> Result<u16, LabError> {
    local
        .map(|local| local.port())
        .map_err(|source| LabError::Bind { address, source })
}

fn listen(address: SocketAddr, backlog: i32) -> Result<TcpListener, LabError> {
    let open = || {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // The port may still hold remains of closed connections.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        Ok(TcpListener::from(socket))
    };
    open().map_err(|source: io::Error| {
        let address = address.ip();
        if source.kind() == ErrorKind::AddrNotAvailable {
            LabError::NoLoopbackNet { address }
        } else {
            LabError::Bind { address, source }
        }
    })
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    // Queries come in bursts of thousands. The system gives what it allows.
    socket.set_recv_buffer_size(4 << 20)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from(socket))
}
