//! Ports.

use std::net::{IpAddr, SocketAddr};

use scanners::scope::Name;
use serde::{Deserialize, Serialize};
use task_core::recon::{Field, Model};

use super::carrier::Carrier;

/// A port of an address.
///
/// ```
/// use sortie_task_defs::recon::{Carrier, Endpoint};
/// use task_core::recon::Model as _;
///
/// let endpoint = Endpoint::new(Carrier::Tcp, "[2001:db8::1]:443".parse()?);
/// assert_eq!(endpoint.key(), "tcp://[2001:db8::1]:443");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// What carries it.
    pub transport: Carrier,
    /// Names that led to it; they add up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// How it answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PortState>,
    /// The protocol that was spoken, in lower case: `http`, `ssh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The software that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// The key of the [`Certificate`](super::Certificate) that it presented last, to who asked for
    /// the first of its names in scope; if it has none, to who asked for no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The key of the certificate that it presented last to who asked for no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_certificate: Option<String>,
}

/// How a port answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PortState {
    /// Somebody accepts.
    Open,
    /// It refuses.
    Closed,
    /// Somebody on the way says that it cannot be reached.
    Unreachable,
    /// Nothing came back.
    Silent,
}

impl Endpoint {
    /// A port of which nothing else is known.
    pub const fn new(transport: Carrier, at: SocketAddr) -> Self {
        Self {
            address: at.ip(),
            port: at.port(),
            transport,
            names: Vec::new(),
            state: None,
            service: None,
            product: None,
            version: None,
            tls: None,
            certificate: None,
            default_certificate: None,
        }
    }
}

impl Model for Endpoint {
    const NAME: &'static str = "endpoint";
    const FIELDS: &'static [Field] = &[
        Field::text("address"),
        Field::integer("port"),
        Field::text("transport"),
        Field::text_set("names").refers_to("domain"),
        Field::text("state"),
        Field::text("service"),
        Field::text("product"),
        Field::text("version"),
        Field::boolean("tls"),
        Field::text("certificate").refers_to("certificate"),
        Field::text("default_certificate").refers_to("certificate"),
    ];

    fn key(&self) -> String {
        let at = SocketAddr::new(self.address, self.port);
        format!("{}://{at}", self.transport)
    }
}
