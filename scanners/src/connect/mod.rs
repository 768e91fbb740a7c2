//! The fallback without privilege: open ports by ordinary connections.
//!
//! Whoever may not open raw sockets ([`LinkError::Forbidden`](crate::link::LinkError::Forbidden))
//! gets the same classes here, at a price: a connection takes a socket and a round trip and a half,
//! shows in the logs of the target, and hundreds of probes a second take hundreds of threads. What
//! is found says so: each line of output has `"method":"connect"`.
//!
//! ```
//! use sortie_scanners::connect::{ConnectAnswer, ConnectScan};
//! use sortie_scanners::engine::Found;
//! use sortie_scanners::scope::Scope;
//! use sortie_scanners::target::TargetSet;
//!
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let port = listener.local_addr()?.port();
//! let scope = Scope::builder().allow_net("127.0.0.1/32".parse::<ipnet::IpNet>()?).build()?;
//! let targets = TargetSet::builder().addrs("127.0.0.1").ports(&port.to_string()).build(&scope)?;
//!
//! let mut found = Vec::new();
//! let mut observer = |it: &Found<ConnectAnswer>| found.push(serde_json::to_value(it).unwrap());
//! let report = ConnectScan::new(targets).run(&mut observer)?;
//! assert_eq!(report.open, 1);
//! assert_eq!(found[0]["method"], "connect");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod scan;

pub use answer::ConnectAnswer;
pub use scan::{ConnectReport, ConnectScan};
