//! Scans of targets: names, addresses, ports, sites.
//!
//! | family | reads | looks at | finds | method |
//! |---|---|---|---|---|
//! | [`Dns`] | names | a name | [`DnsRecord`]: its addresses | `resolver` |
//! | [`TcpSyn`] | rows with `addresses` | a port of an address | [`PortRow`]: whether it is open | `syn` or `connect` |
//! | [`Tls`] | [`PortRow`]s | an open port, for a name or for none | [`TlsRecord`]: its certificate | `connect` |
//! | [`Http`] | [`TlsRecord`]s | a site | [`HttpRecord`]: its page | `connect` |
//!
//! The rows of one family are what the next one reads, so a chain of them needs nothing between.
//! Each family has three definitions:
//!
//! | step | definition | kind | what it does |
//! |---|---|---|---|
//! | generate | [`Generate<P>`](Generate) | `FAMILY.generate` | turns rows into targets, shuffles these and cuts them into chunks |
//! | scan | [`Scan<P>`](Scan), [`PortScan`] | `FAMILY.scan` | looks at the targets of a chunk, many at once: a record each |
//! | aggregate | [`Aggregate<P>`](Aggregate) | `FAMILY.aggregate` | counts the records by outcome |
//!
//! A scan stays within the scope of its collection; what is out of it is an outcome. Every target
//! ends in exactly one outcome of the ledger, and the models that follow from what was found (see
//! [`recon`](crate::recon)) are in the recon tables when the scan is over.
//!
//! Looks are made by one loop for all families. It bends where the world is short of something:
//!
//! | short of | what a scan does |
//! |---|---|
//! | descriptors, ports, memory | fewer looks at once until they end well; the starved targets come again |
//! | a store that keeps up | looks under way go on, no further one is begun |
//! | time | no further look is begun, and what is not done is handed over |
//! | a worker that stays | what ends within two seconds is kept, the rest is handed over |
//!
//! What is handed over is a cursor, and no target is looked at again that has a record.
//!
//! A family of your own is one more [`Probe`]: a way to look at one target, of those in a list.
//! [`TcpSyn`] is none, because its targets are too many for a list.

mod aggregate;
mod cursor;
mod dns;
mod found;
mod gathered;
mod generate;
mod host;
mod http;
mod kind;
mod looks;
mod pace;
mod positions;
mod probe;
#[expect(
    clippy::module_inception,
    reason = "the step has the name of its family"
)]
mod scan;
mod tcp_syn;
mod throttle;
mod tls;
mod tools;
mod upgrade;
mod wildcard;

pub use crate::option::InvalidOption;
pub use aggregate::{Aggregate, Summary};
pub use dns::{Dns, DnsRecord, Family, Named};
pub use found::Found;
pub use generate::{Generate, Generated};
pub use http::{Http, HttpRecord, HttpTarget};
pub use probe::{LocalFailure, Probe, Target};
pub use scan::Scan;
pub use tcp_syn::{
    AddressTarget, Addrs, AskedBy, Counted, Hosts, Method, Part, PortClass, PortRecord, PortRow,
    PortRows, PortScan, Portion, TcpSyn,
};
pub use tls::{Tls, TlsClass, TlsRecord, TlsTarget};
pub use tools::Tools;
pub use wildcard::Wildcard;
