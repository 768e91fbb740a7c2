//! Ports of addresses, by packets where that is allowed.
//!
//! A family of its own, and no [`Probe`](super::Probe): its targets are not a list. They are
//! addresses times ports, numbered through in an order from a seed, and a task has a range of
//! these numbers ([`Chunk`](scanners::target::Chunk)), so a scan of a /8 on ten ports costs its
//! generator no memory and each task a few hundred bytes.
//!
//! Everything else is as in the other families: [`Generate<TcpSyn>`](super::Generate),
//! [`PortScan`] and [`Aggregate<TcpSyn>`](super::Aggregate).

mod addrs;
mod aggregate;
mod connections;
mod cursor;
mod form;
mod generate;
mod hosts;
mod names;
mod options;
mod packets;
mod part;
mod parts;
mod ports;
mod record;
mod scan;
mod watch;
mod write;

pub use addrs::Addrs;
pub use hosts::Hosts;
pub use options::{Method, PortRows, TcpSyn};
pub use part::{AddressTarget, Part, Portion};
pub use record::{AskedBy, Counted, PortClass, PortRecord, PortRow};
pub use scan::PortScan;
