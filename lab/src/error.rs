//! What can keep the lab from starting, and what its other side can get wrong.

use std::io;
use std::net::IpAddr;

/// Why the lab did not start, or why a description of it could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The system does not treat all of 127.0.0.0/8 as local (true on Linux; macOS and the BSDs
    /// know 127.0.0.1 only until an alias is added).
    #[error(
        "cannot bind {address}: the lab needs all of 127.0.0.0/8 to be local, as on Linux; \
         elsewhere add an alias for each address to the loopback interface"
    )]
    NoLoopbackNet {
        /// The address that was refused.
        address: IpAddr,
    },
    /// A socket could not be opened.
    #[error("cannot bind {address}: {source}")]
    Bind {
        /// The address that was asked for.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No pair of ports was free on every address of the lab.
    #[error("no pair of ports is free on all addresses of the lab after {tries} tries")]
    NoCommonPorts {
        /// How many pairs were tried.
        tries: usize,
    },
    /// The certificate authority or the certificate could not be made.
    #[error("cannot make the lab's certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS configuration was refused.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The line that describes a running lab could not be read.
    #[error("not a description of a lab: {0}")]
    Info(#[from] serde_json::Error),
}
