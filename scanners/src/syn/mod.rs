//! The SYN scanner: which TCP ports are open, without opening a connection.
//!
//! A scan in 20 lines, here against a network in memory where every fourth address listens; with
//! `AfPacket` for the link it is a scan of a real one.
//!
//! ```
//! use sortie_scanners::link::{LinkInfo, MacAddr, MemoryLink, MemoryNetwork, Path};
//! use sortie_scanners::engine::Found;
//! use sortie_scanners::scope::Scope;
//! use sortie_scanners::syn::{SynAnswer, SynHost, SynScan, SynState};
//! use sortie_scanners::target::TargetSet;
//!
//! let scope = Scope::builder().allow_net("198.18.0.0/15".parse::<ipnet::IpNet>()?).build()?;
//! let targets = TargetSet::builder().addrs("198.18.0.0/24").ports("80,443").build(&scope)?;
//!
//! let mut info = LinkInfo::new("memory", MacAddr([2, 0, 0, 0, 0, 1]));
//! info.v4 = Some(Path { source: "192.0.2.1".parse()?, next_hop: MacAddr([2, 0, 0, 0, 0, 2]) });
//! let far = SynHost::new(|target| target.ip().to_string().ends_with('4').then_some(SynState::Open));
//! let link = MemoryLink::new(info, MemoryNetwork::default(), far);
//!
//! let mut open = Vec::new();
//! let report = SynScan::new(targets)
//!     .rate(10_000.0)
//!     .run_by_turns(&link, &mut |found: &Found<SynAnswer>| open.push(found.target))?;
//! assert_eq!(open.len(), 26 * 2);
//! assert_eq!(report.class("open") + report.silent, 512);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each target ends as *open*, *closed*, *decoy*, *unreachable* or *silent* ([`SynState`]; the
//! silent are counted, and not told). An open port is a SYN-ACK and no more: whether a service
//! stands behind it, only talking to it can show.
//!
//! **Connections.** A SYN-ACK leaves the target with a half-open connection. A kernel that owns the
//! address that we send from knows nothing of our probes and resets it; otherwise we do. Where a
//! firewall keeps the answers from that kernel, set [`Close::Ours`](crate::engine::Close).

mod answer;
mod classify;
mod host;
mod options;
mod probe;
mod record;
mod scan;

pub use answer::{Reason, SynAnswer, SynState};
pub use classify::SynEvidence;
pub use host::SynHost;
pub use options::SynStyle;
pub use probe::SynProbe;
pub use scan::SynScan;
