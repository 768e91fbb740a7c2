//! The running lab.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use rustls::RootCertStore;
use tokio::task::JoinSet;

use crate::addresses as at;
use crate::error::LabError;
use crate::info::LabInfo;
use crate::mix::Mix;
use crate::sockets::{FullQueue, Sockets};
use crate::stats::{Counters, Stats};
use crate::truth::Truth;
use crate::web::{self, Tls};
use crate::world::World;
use crate::{dns, name};

/// How the lab behaves.
#[derive(Debug, Clone)]
pub struct LabConfig {
    /// Which share of the sites behaves how.
    pub mix: Mix,
    /// No connection is kept for longer than this; it should be well above the scanner's deadline.
    pub connection_limit: Duration,
    /// The pause between two bytes of a site that drips.
    pub drip_interval: Duration,
    /// The ports to listen on. Whoever was told the ports of a lab that has gone finds another
    /// one there.
    pub ports: LabPorts,
    /// What keys and certificates are made from: a lab with the same has the same ones. Whoever
    /// knows it can sign for the lab's authority. None is another authority each time.
    pub identity: Option<[u8; 32]>,
}

/// The ports of a lab; 0 is any that is free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct LabPorts {
    /// The DNS server's, UDP and TCP.
    pub dns: u16,
    /// The http servers'.
    pub http: u16,
    /// The https servers'.
    pub https: u16,
    /// The port of the search of certificate transparency logs.
    pub ct: u16,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            mix: Mix::default(),
            connection_limit: Duration::from_secs(30),
            drip_interval: Duration::from_millis(200),
            ports: LabPorts::default(),
            identity: None,
        }
    }
}

impl LabConfig {
    /// The default with another mix.
    pub fn with_mix(mix: Mix) -> Self {
        Self {
            mix,
            ..Self::default()
        }
    }
}

/// A small Internet on loopback. It ends when it is dropped or shut down.
#[derive(Debug)]
pub struct Lab {
    world: Arc<World>,
    resolver: SocketAddr,
    ct: SocketAddr,
    ca_der: Vec<u8>,
    servers: JoinSet<()>,
    /// The listeners of the canaries, to look for connections that no task has met yet.
    canaries: Vec<std::net::TcpListener>,
    /// The full queues of the addresses that drop SYNs.
    _blackholes: Vec<FullQueue>,
}

impl Lab {
    /// The ports that it listens on.
    pub fn ports(&self) -> LabPorts {
        LabPorts {
            dns: self.resolver.port(),
            http: self.world.http_port,
            https: self.world.https_port,
            ct: self.ct.port(),
        }
    }

    /// Starts all servers, as tasks of the current Tokio runtime. Needs no
    /// privilege, and raises the limit of open files as far as it may.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        // What the system does not allow is not needed unless thousands connect at once.
        if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
        let tls = Tls::new(config.identity)?;
        let sockets = Sockets::bind(&tls, config.ports)?;
        let world = Arc::new(World {
            mix: config.mix,
            http_port: sockets.http_port,
            https_port: sockets.https_port,
            connection_limit: config.connection_limit,
            drip_interval: config.drip_interval,
            counters: Counters::default(),
        });
        let mut servers = JoinSet::new();
        for (listener, duty) in sockets.listeners {
            servers.spawn(web::accept(listener, duty, Arc::clone(&world)));
        }
        servers.spawn(dns::serve_udp(sockets.dns_udp, Arc::clone(&world)));
        Ok(Self {
            world,
            resolver: sockets.resolver,
            ct: sockets.ct,
            ca_der: tls.ca().to_vec(),
            servers,
            canaries: sockets.canaries,
            _blackholes: sockets.full_queues,
        })
    }

    /// The address of the DNS server, UDP and TCP.
    pub fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// The base URL of the search of certificate transparency logs, which speaks the language of
    /// crt.sh: what to give to a reader of crt.sh in place of `https://crt.sh`.
    pub fn ct_url(&self) -> String {
        format!("http://{}", self.ct)
    }

    /// The port of all http servers.
    pub fn http_port(&self) -> u16 {
        self.world.http_port
    }

    /// The port of all https servers.
    pub fn https_port(&self) -> u16 {
        self.world.https_port
    }

    /// The nets that a scanner must allow by name: the honest addresses and no others. The canaries
    /// are loopback addresses too, so a scanner that allows all of 127.0.0.0/8 is found out.
    pub fn scope_nets(&self) -> Vec<IpNet> {
        let (address, len) = at::HONEST_NET;
        Ipv4Net::new(address, len)
            .map(IpNet::from)
            .into_iter()
            .collect()
    }

    /// The generated name number `index`.
    pub fn name(index: u64) -> String {
        name(index)
    }

    /// The generated names of a range of numbers. There are more than anybody can scan.
    pub fn names(&self, range: Range<u64>) -> impl Iterator<Item = String> + Clone + use<> {
        name::names(range)
    }

    /// The right answer for any name, generated or not.
    pub fn truth(&self, name: &str) -> Truth {
        Truth::in_mix(name, &self.world.mix)
    }

    /// The connections that reached an address a scanner must never touch, up to this moment.
    pub fn forbidden_hits(&self) -> u64 {
        // The listeners do not block: this takes what still waits to be accepted.
        for canary in &self.canaries {
            while canary.accept().is_ok() {
                self.world.counters.forbidden_hits.add_one();
            }
        }
        self.world.counters.forbidden_hits.get()
    }

    /// What the lab has seen so far.
    pub fn stats(&self) -> Stats {
        self.forbidden_hits();
        self.world.counters.snapshot()
    }

    /// The certificate of the lab's authority, for clients that verify: DER.
    pub fn ca_der(&self) -> &[u8] {
        &self.ca_der
    }

    /// The same as roots for rustls.
    pub fn roots(&self) -> Result<RootCertStore, LabError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca_der.clone().into())?;
        Ok(roots)
    }

    /// The description for scanners in other processes.
    pub fn info(&self) -> LabInfo {
        LabInfo {
            resolver: self.resolver,
            ct: self.ct,
            http_port: self.http_port(),
            https_port: self.https_port(),
            scope_nets: self.scope_nets(),
            ca: self
                .ca_der
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            mix: self.world.mix.clone(),
            pid: std::process::id(),
        }
    }

    /// Ends all servers and connections, and says what was seen.
    pub async fn shutdown(mut self) -> Stats {
        self.servers.shutdown().await;
        self.stats()
    }
}
