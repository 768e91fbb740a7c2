//! The web servers: from an accepted connection to the answer, or to the trouble.

mod answer;
mod encode;
mod request;
mod serve;
mod tls;
mod trouble;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) use request::{Request, parse};
pub(crate) use tls::Tls;

use crate::behaviour::Behaviour;
use crate::world::World;
use crate::{ct, dns};

/// What a listener does with its connections.
#[derive(Clone)]
pub(crate) enum Duty {
    Http,
    Https(Tls),
    Dns,
    /// The search of certificate transparency logs.
    Ct,
    TlsGarbage,
    Silence,
    Reset,
    /// Nobody may come here.
    Canary,
}

/// Accepts for ever. When this future is dropped, so are its connections.
pub(crate) async fn accept(listener: TcpListener, duty: Duty, world: Arc<World>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok(_) if matches!(duty, Duty::Canary) => world.counters.forbidden_hits.add_one(),
            Ok((stream, _)) => {
                let (duty, world) = (duty.clone(), Arc::clone(&world));
                connections.spawn(async move {
                    let limit = world.connection_limit;
                    // Whatever goes wrong on a connection, the other side sees it and judges it.
                    let _ = tokio::time::timeout(limit, attend(stream, duty, &world)).await;
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: it passes when connections end.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn attend(stream: TcpStream, duty: Duty, world: &World) -> io::Result<()> {
    if !matches!(duty, Duty::Dns | Duty::Ct) {
        world.counters.connections.add_one();
    }
    match duty {
        Duty::Http => serve::serve(stream, false, world).await,
        Duty::Https(tls) => {
            let stream = tls.accept(stream).await?;
            world.counters.tls_handshakes.add_one();
            serve::serve(stream, true, world).await
        }
        Duty::Dns => dns::serve_tcp(stream, world).await,
        Duty::Ct => ct::serve(stream, world).await,
        Duty::TlsGarbage => {
            world.counters.saw(Behaviour::TlsGarbage);
            trouble::tls_garbage(stream).await
        }
        Duty::Silence => {
            world.counters.saw(Behaviour::Silence);
            trouble::silence(stream).await
        }
        Duty::Reset => {
            world.counters.saw(Behaviour::Reset);
            trouble::reset(stream)
        }
        // Met when they are accepted.
        Duty::Canary => Ok(()),
    }
}
