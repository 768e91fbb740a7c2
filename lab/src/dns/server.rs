//! The sockets of the DNS server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::message::{Carrier, answer};
use crate::world::World;

/// How long a TCP connection may wait for its next query.
const IDLE: Duration = Duration::from_secs(10);

/// Answers datagrams for ever. Several of these may share a socket.
pub(crate) async fn serve_udp(socket: Arc<UdpSocket>, world: Arc<World>) {
    let mut query = [0; 1500];
    let mut out = Vec::with_capacity(1500);
    loop {
        // An error here is the echo of a client that has gone.
        let Ok((len, peer)) = socket.recv_from(&mut query).await else {
            continue;
        };
        world.counters.dns_udp.add_one();
        if answer(
            &query[..len],
            Carrier::Udp,
            &world.mix,
            &world.counters,
            &mut out,
        ) {
            // A full buffer loses the answer, as networks do; the client asks again.
            if let Err(error) = socket.try_send_to(&out, peer)
                && error.kind() == io::ErrorKind::WouldBlock
            {
                let _ = socket.send_to(&out, peer).await;
            }
        }
    }
}

/// Answers the queries of one TCP connection.
pub(crate) async fn serve_tcp(mut stream: TcpStream, world: &World) -> io::Result<()> {
    let mut query = Vec::new();
    let mut out = Vec::new();
    loop {
        let len = tokio::time::timeout(IDLE, stream.read_u16()).await??;
        query.resize(usize::from(len), 0);
        tokio::time::timeout(IDLE, stream.read_exact(&mut query)).await??;
        world.counters.dns_tcp.add_one();
        if !answer(&query, Carrier::Tcp, &world.mix, &world.counters, &mut out) {
            return Ok(());
        }
        let len = out.len() as u16;
        out.splice(..0, len.to_be_bytes());
        stream.write_all(&out).await?;
    }
}
