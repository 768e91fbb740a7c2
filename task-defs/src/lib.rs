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
//! | `source::Fetch<Crtsh>` | `source.crtsh` | nothing | External |
//! | `source::Fetch<Censys>` | `source.censys` | nothing | External |
//! | `source::Fetch<Shodan>` | `source.shodan` | nothing | External |
//! | `control::notify::GenericNotification` | `notify.generic` | nothing | External |
//! | `control::notify::ErrorNotification` | `notify.error` | nothing | External |
//! | `control::notify::TaskResultNotification` | `notify.task_result` | `TaskDataAccess` | Internal |
//!
//! The robots family stands behind the feature `robots` (on by default), which brings the HTTP
//! scanner; expressions behind `expressions` (on by default), which brings a parser of CEL;
//! sources behind `sources` and notifications behind `notify`, which bring an HTTPS client.
//! [`registry()`] has all that are compiled in.
#![forbid(unsafe_code)]

mod blocking;
pub mod control;
pub mod data;
mod file;
#[cfg(any(feature = "robots", feature = "sources"))]
mod millis;
pub mod recon;
#[cfg(feature = "robots")]
pub mod robots;
#[cfg(feature = "sources")]
pub mod source;
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
