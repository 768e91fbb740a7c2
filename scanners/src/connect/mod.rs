//! Connections over the system's own sockets: dialled for a use, or made only to see who accepts.
//!
//! | | what it does |
//! |---|---|
//! | [`dial`] | makes a connection to be used, over the first of several addresses that answers |
//! | [`ConnectScanner`] | asks one port whether it accepts |
//! | `ConnectScan` | asks all ports of a chunk of targets, at a rate (feature `packet`) |
//!
//! The latter two are the fallback of a SYN scan, for whoever may not open raw sockets: they need
//! no privilege and run on any system, and pay with three packets and a file descriptor where a
//! SYN scan pays one packet and no memory, so they reach thousands of probes a second and not
//! millions. What accepts sees a connection, and may log it. What is found says so: each line of
//! output has `"method":"connect"`.
//!
//! ```
//! use sortie_scanners::connect::{ConnectOptions, ConnectScanner, PortOutcome};
//! use sortie_scanners::scope::Scope;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let port = listener.local_addr()?.port();
//!
//! // The loopback is reserved: only who names it may touch it.
//! let scope = Scope::builder().allow_net("127.0.0.1/32".parse::<ipnet::IpNet>()?).build()?;
//! let address = scope.admit_ip("127.0.0.1".parse()?)?;
//! assert!(scope.admit_ip("127.0.0.2".parse()?).is_err());
//!
//! let scanner = ConnectScanner::new(ConnectOptions::default());
//! assert_eq!(scanner.probe(address.with_port(port)).await, PortOutcome::Open);
//! drop(listener);
//! assert_eq!(scanner.probe(address.with_port(port)).await, PortOutcome::Closed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dial;
mod error;
mod outcome;
#[cfg(feature = "packet")]
mod record;
mod route;
#[cfg(feature = "packet")]
mod scan;
mod scanner;

pub use dial::{MAX_DIALS, dial};
pub use error::ConnectError;
pub use outcome::PortOutcome;
#[cfg(feature = "packet")]
pub use scan::{ConnectReport, ConnectScan};
pub use scanner::{ConnectOptions, ConnectScanner};
