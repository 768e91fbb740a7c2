//! The stock task definitions of Sortie. They are meant to be used, and to be read as examples
//! for your own: each file holds one type and what it does.
//!
//! | definition | kind | requires | routed to |
//! |---|---|---|---|
//! | [`data::InsertData`] | `data.insert` | `TaskDataAccess` | Internal |
//! | [`data::Filter`] | `data.filter` | `TaskDataAccess` | Internal |
//! | `data::FilterByExpression` | `data.filter_by_expression` | `TaskDataAccess` | Internal |
//! | [`data::FilterByScope`] | `data.filter_by_scope` | `TaskDataAccess` | Internal |
//! | [`data::FilterByMembership`] | `data.filter_by_membership` | `TaskDataAccess` | Internal |
//! | [`data::Distinct`] | `data.distinct` | `TaskDataAccess` | Internal |
//! | [`data::Sample`] | `data.sample` | `TaskDataAccess` | Internal |
//! | [`data::Partition`] | `data.partition` | `TaskDataAccess` | Internal |
//! | [`data::Merge`] | `data.merge` | `TaskDataAccess` | Internal |
//! | [`data::TopN`] | `data.top_n` | `TaskDataAccess` | Internal |
//! | [`data::Count`] | `data.count` | `TaskDataAccess` | Internal |
//! | [`data::GroupBy`] | `data.group_by` | `TaskDataAccess` | Internal |
//! | [`data::ToFile`] | `data.to_file` | `TaskDataAccess` | Internal |
//! | [`control::Conditional`] | `control.conditional` | `TaskDataAccess` | Internal |
//! | [`recon::UpsertModels`] | `recon.upsert` | `TaskDataAccess`, `ReconDataAccess` | Internal |
//! | [`recon::ListModels`] | `recon.list` | `TaskDataAccess`, `ReconDataAccess` | Internal |
//! | [`recon::FilterByFreshness`] | `recon.filter_by_freshness` | `TaskDataAccess`, `ReconDataAccess` | Internal |
//! | [`control::Fail`] | `control.fail` | nothing | External |
//! | [`control::SleepUntil`] | `control.sleep_until` | nothing | External |
//! | `robots::RobotsGenerator` | `robots.generate` | `QueueAccess` | External |
//! | `robots::RobotsScan` | `robots.scan` | nothing | External |
//! | `robots::RobotsAggregate` | `robots.aggregate` | `TaskDataAccess` | Internal |
//! | `scan::Generate<Dns>` | `dns.generate` | `TaskDataAccess`, `QueueAccess` | Internal |
//! | `scan::Scan<Dns>` | `dns.scan` | `TaskDataAccess`, `ReconDataAccess`, `RawSocketAccess` | BareMetal |
//! | `scan::Aggregate<Dns>` | `dns.aggregate` | `TaskDataAccess` | Internal |
//! | `scan::Generate<TcpSyn>` | `tcp_syn.generate` | `TaskDataAccess`, `QueueAccess` | Internal |
//! | `scan::PortScan` | `tcp_syn.scan` | `TaskDataAccess`, `ReconDataAccess`, `RawSocketAccess` | BareMetal |
//! | `scan::Aggregate<TcpSyn>` | `tcp_syn.aggregate` | `TaskDataAccess` | Internal |
//! | `scan::Generate<Tls>` | `tls.generate` | `TaskDataAccess`, `QueueAccess` | Internal |
//! | `scan::Scan<Tls>` | `tls.scan` | `TaskDataAccess`, `ReconDataAccess`, `RawSocketAccess` | BareMetal |
//! | `scan::Aggregate<Tls>` | `tls.aggregate` | `TaskDataAccess` | Internal |
//! | `scan::Generate<Http>` | `http.generate` | `TaskDataAccess`, `QueueAccess` | Internal |
//! | `scan::Scan<Http>` | `http.scan` | `TaskDataAccess`, `ReconDataAccess`, `RawSocketAccess` | BareMetal |
//! | `scan::Aggregate<Http>` | `http.aggregate` | `TaskDataAccess` | Internal |
//! | `source::Fetch<Crtsh>` | `source.crtsh` | nothing | External |
//! | `source::Fetch<Censys>` | `source.censys` | nothing | External |
//! | `source::Fetch<Shodan>` | `source.shodan` | nothing | External |
//! | `control::notify::GenericNotification` | `notify.generic` | nothing | External |
//! | `control::notify::ErrorNotification` | `notify.error` | nothing | External |
//! | `control::notify::TaskResultNotification` | `notify.task_result` | `TaskDataAccess` | Internal |
//!
//! The robots family stands behind the feature `robots` (on by default), which brings the HTTP
//! scanner; expressions behind `expressions` (on by default), which brings a parser of CEL;
//! the scans of names, ports, certificates and pages behind `scan`, which brings their scanners;
//! sources behind `sources` and notifications behind `notify`, which bring an HTTPS client.
//! [`registry()`] has all that are compiled in.
//!
//! With the feature `schema` what definitions take and return is `schemars::JsonSchema`, for those
//! who write payloads or read results in another language, or offer forms for them. It describes
//! the form only: ranges, and what a text must be, are said in its descriptions and checked by the
//! tasks. The schemas stand ready in the folder `schemas` of the crate, a file for each kind.
//!
//! ```
//! # #[cfg(feature = "schema")]
//! # {
//! use schemars::schema_for;
//! use sortie_task_defs::data::Count;
//!
//! let schema = schema_for!(Count);
//! assert_eq!(schema.get("required"), Some(&serde_json::json!(["from"])));
//! # }
//! ```
#![forbid(unsafe_code)]

mod blocking;
#[cfg(any(feature = "robots", feature = "scan"))]
mod chunk;
#[cfg(any(feature = "robots", feature = "scan"))]
mod clients;
pub mod control;
pub mod data;
mod file;
#[cfg(any(feature = "robots", feature = "scan", feature = "sources"))]
mod millis;
#[cfg(any(feature = "robots", feature = "scan"))]
mod option;
pub mod recon;
#[cfg(feature = "robots")]
pub mod robots;
#[cfg(feature = "scan")]
pub mod scan;
mod scope;
#[cfg(feature = "sources")]
pub mod source;
#[cfg(any(feature = "robots", feature = "scan"))]
mod split;
#[cfg(any(feature = "sources", feature = "notify"))]
mod web;

use task_core::{Registry, registry};

/// Every stock definition that is compiled in.
///
/// ```
/// use sortie_task_defs::registry;
///
/// assert!(registry().get("data.filter").is_some());
/// ```
pub fn registry() -> Registry {
    let registry = registry![
        control::Conditional,
        control::Fail,
        control::SleepUntil,
        data::Count,
        data::Distinct,
        data::Filter,
        data::FilterByMembership,
        data::FilterByScope,
        data::GroupBy,
        data::InsertData,
        data::Merge,
        data::Partition,
        data::Sample,
        data::ToFile,
        data::TopN,
        recon::UpsertModels,
        recon::ListModels,
        recon::FilterByFreshness,
    ];
    // Family by family, as they are compiled in. No two kinds are the same: the table of the
    // routes, in the tests, has each once.
    #[cfg(feature = "expressions")]
    let registry = registry.with::<data::FilterByExpression>();
    #[cfg(feature = "robots")]
    let registry = registry
        .with::<robots::RobotsGenerator>()
        .with::<robots::RobotsScan>()
        .with::<robots::RobotsAggregate>();
    #[cfg(feature = "scan")]
    let registry = registry
        .with::<scan::Generate<scan::Dns>>()
        .with::<scan::Scan<scan::Dns>>()
        .with::<scan::Aggregate<scan::Dns>>()
        .with::<scan::Generate<scan::TcpSyn>>()
        .with::<scan::PortScan>()
        .with::<scan::Aggregate<scan::TcpSyn>>()
        .with::<scan::Generate<scan::Tls>>()
        .with::<scan::Scan<scan::Tls>>()
        .with::<scan::Aggregate<scan::Tls>>()
        .with::<scan::Generate<scan::Http>>()
        .with::<scan::Scan<scan::Http>>()
        .with::<scan::Aggregate<scan::Http>>();
    #[cfg(feature = "sources")]
    let registry = registry
        .with::<source::Fetch<source::Crtsh>>()
        .with::<source::Fetch<source::Censys>>()
        .with::<source::Fetch<source::Shodan>>();
    #[cfg(feature = "notify")]
    let registry = registry
        .with::<control::notify::GenericNotification>()
        .with::<control::notify::ErrorNotification>()
        .with::<control::notify::TaskResultNotification>();
    registry
}
