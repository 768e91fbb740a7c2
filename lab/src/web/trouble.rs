//! Connections that come to nothing.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What answers a TLS handshake: plain HTTP, as servers do that have no certificate; the alert
/// `handshake_failure`; noise. None of them can be taken for the beginning of a handshake.
const TLS_GARBAGE: [&[u8]; 3] = [
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3\xf2\xf1\xf0",
];

/// Answers a handshake with garbage: with the same one for the same client and name, whose hello
/// has the same length each time, so that who looks twice finds no news.
pub(crate) async fn tls_garbage(mut stream: TcpStream) -> io::Result<()> {
    let mut hello = [0; 4096];
    let length = stream.read(&mut hello).await?;
    let garbage = TLS_GARBAGE[length % TLS_GARBAGE.len()];
    stream.write_all(garbage).await?;
    stream.shutdown().await?;
    // Closing with bytes unread would reset the connection, and the garbage would be lost.
    let _ = tokio::time::timeout(Duration::from_secs(2), drain(&mut stream)).await;
    Ok(())
}

/// Says nothing until the client gives up.
pub(crate) async fn silence(mut stream: TcpStream) -> io::Result<()> {
    drain(&mut stream).await
}

/// Resets the connection.
pub(crate) fn reset(stream: TcpStream) -> io::Result<()> {
    // No lingering means RST instead of FIN.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    drop(stream);
    Ok(())
}

async fn drain(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1024];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}
