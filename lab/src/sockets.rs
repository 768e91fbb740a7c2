//! All sockets of a lab, and what each is for.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;

use tokio::net::{TcpListener, UdpSocket};

use crate::addresses as at;
use crate::bind::{self, Need};
use crate::error::LabError;
use crate::lab::LabPorts;
use crate::web::{Duty, Tls};

/// A listener whose queue is full, and the connection that fills it.
pub(crate) type FullQueue = (std::net::TcpListener, TcpStream);

pub(crate) struct Sockets {
    pub(crate) http_port: u16,
    pub(crate) https_port: u16,
    pub(crate) resolver: SocketAddr,
    pub(crate) ct: SocketAddr,
    pub(crate) listeners: Vec<(TcpListener, Duty)>,
    pub(crate) dns_udp: Arc<UdpSocket>,
    pub(crate) full_queues: Vec<FullQueue>,
    pub(crate) canaries: Vec<std::net::TcpListener>,
}

/// An address, how much it is wanted, and what happens there; nothing happens behind a full queue.
type Post = (IpAddr, Need, Option<Duty>);

impl Sockets {
    /// Opens them. Must run inside a Tokio runtime.
    pub(crate) fn bind(tls: &Tls, ports: LabPorts) -> Result<Self, LabError> {
        let mut listeners = Vec::new();
        let mut full_queues = Vec::new();
        let mut canaries = Vec::new();
        let mut open = |posts: Vec<Post>, port: u16| -> Result<u16, LabError> {
            let wanted: Vec<_> = posts
                .iter()
                .map(|(address, need, _)| (*address, *need))
                .collect();
            let (port, bound) = bind::listeners(&wanted, port)?;
            for ((address, _, duty), listener) in posts.into_iter().zip(bound) {
                let fault = |source| LabError::Bind { address, source };
                match (listener, duty) {
                    (Some(listener), Some(duty)) => {
                        if matches!(duty, Duty::Canary) {
                            canaries.push(listener.try_clone().map_err(fault)?);
                        }
                        let listener = TcpListener::from_std(listener).map_err(fault)?;
                        listeners.push((listener, duty));
                    }
                    (Some(listener), None) => {
                        let filler = bind::fill(&listener).map_err(fault)?;
                        full_queues.push((listener, filler));
                    }
                    (None, _) => {}
                }
            }
            Ok(port)
        };
        let http_port = open(http_posts(), ports.http)?;
        let https_port = open(https_posts(tls), ports.https)?;
        let ct_port = open(vec![(at::CT.into(), Need::Must, Some(Duty::Ct))], ports.ct)?;

        let (dns_port, dns_udp, dns_tcp) = bind::dns_sockets(at::DNS.into(), ports.dns)?;
        let fault = |source| LabError::Bind {
            address: at::DNS.into(),
            source,
        };
        listeners.push((TcpListener::from_std(dns_tcp).map_err(fault)?, Duty::Dns));
        let dns_udp = Arc::new(UdpSocket::from_std(dns_udp).map_err(fault)?);
        let resolver = SocketAddr::new(at::DNS.into(), dns_port);
        Ok(Self {
            http_port,
            https_port,
            resolver,
            ct: SocketAddr::new(at::CT.into(), ct_port),
            listeners,
            dns_udp,
            full_queues,
            canaries,
        })
    }
}

/// Who listens on the http port.
fn http_posts() -> Vec<Post> {
    let mut posts = common_posts(&Duty::Http);
    posts.extend(at::http_only().map(|a| (a.into(), Need::Must, Some(Duty::Http))));
    posts.push((at::TLS_GARBAGE.into(), Need::Must, Some(Duty::Http)));
    posts
}

/// Who listens on the https port.
fn https_posts(tls: &Tls) -> Vec<Post> {
    let mut posts = common_posts(&Duty::Https(tls.clone()));
    posts.push((at::TLS_GARBAGE.into(), Need::Must, Some(Duty::TlsGarbage)));
    posts
}

/// Who listens on both ports. The first post picks the port.
fn common_posts(honest: &Duty) -> Vec<Post> {
    let mut posts: Vec<Post> = at::both()
        .map(|a| (a.into(), Need::Must, Some(honest.clone())))
        .collect();
    posts.push((at::SILENCE.into(), Need::Must, Some(Duty::Silence)));
    posts.push((at::RESET.into(), Need::Must, Some(Duty::Reset)));
    posts.push((at::BLACKHOLE.into(), Need::NoQueue, None));
    posts.extend(at::CANARIES.map(|a| (a.into(), Need::Must, Some(Duty::Canary))));
    posts.extend(at::RARE_CANARIES.map(|a| (a, Need::May, Some(Duty::Canary))));
    posts
}
