//! What the lab has seen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;

/// A snapshot of the counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Connections that were accepted, those to the canaries not included.
    pub connections: u64,
    /// TLS handshakes that were completed.
    pub tls_handshakes: u64,
    /// HTTP requests that were read.
    pub requests: u64,
    /// DNS queries over UDP.
    pub dns_udp: u64,
    /// DNS queries over TCP.
    pub dns_tcp: u64,
    /// Questions to the search of certificate transparency logs.
    #[serde(default)]
    pub ct: u64,
    /// Connections to addresses that must never be touched.
    pub forbidden_hits: u64,
    /// HTTP requests and DNS questions for IPv4 addresses, by the behaviour of the name; and
    /// connections, for behaviours that read no request.
    pub by_behaviour: BTreeMap<String, u64>,
}

/// The counters themselves. Relaxed: each stands alone.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: Counter,
    pub(crate) tls_handshakes: Counter,
    pub(crate) requests: Counter,
    pub(crate) dns_udp: Counter,
    pub(crate) dns_tcp: Counter,
    pub(crate) ct: Counter,
    /// Of these, the ones that meet a busy server.
    pub(crate) ct_busy: Counter,
    pub(crate) forbidden_hits: Counter,
    by_behaviour: ByBehaviour,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Adds one; returns how many there were before.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[derive(Debug)]
struct ByBehaviour([Counter; Behaviour::ALL.len()]);

impl Default for ByBehaviour {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl Counters {
    pub(crate) fn saw(&self, behaviour: Behaviour) {
        self.by_behaviour.0[behaviour as usize].add_one();
    }

    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            connections: self.connections.get(),
            tls_handshakes: self.tls_handshakes.get(),
            requests: self.requests.get(),
            dns_udp: self.dns_udp.get(),
            dns_tcp: self.dns_tcp.get(),
            ct: self.ct.get(),
            forbidden_hits: self.forbidden_hits.get(),
            by_behaviour: Behaviour::ALL
                .iter()
                .zip(&self.by_behaviour.0)
                .map(|(behaviour, count)| (behaviour.tag().to_owned(), count.get()))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }
}
