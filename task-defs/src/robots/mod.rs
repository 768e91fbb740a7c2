//! robots.txt of a list of names, from hundreds of workers at once, into one file.
//!
//! | step | definition | what it does |
//! |---|---|---|
//! | generate | [`RobotsGenerator`] | shuffles the list and cuts it into chunks, one task each |
//! | scan | [`RobotsScan`] | fetches the robots.txt of a chunk of names |
//! | aggregate | [`RobotsAggregate`] | sorts all records by name into one compressed file |
//!
//! [`workflow`] puts the three together. The list is shuffled so that each chunk is a sample of
//! the whole: in a popularity list neighbours share hosters, latencies and defences, and some
//! chunk would get all the slow ones.
//!
//! Every name of the list ends in exactly one outcome, malformed names included, and each
//! duplicate is counted; see [`TargetCounts`] and the ledger of the collection.

mod aggregate;
mod clients;
mod cost;
mod entry;
mod generator;
mod list;
mod options;
mod parts;
mod record;
mod run;
mod scan;
mod sorter;
mod targets;

use scanners::scope::ScopeSpec;
use task_core::Workflow;

pub use crate::file::FileError;
pub use crate::option::InvalidOption;
pub use aggregate::{RobotsAggregate, RobotsSummary};
pub use cost::LambdaPrice;
pub use generator::{RobotsGenerated, RobotsGenerator};
pub use list::{TargetCounts, TargetList};
pub use options::RobotsOptions;
pub use record::{RobotsChunk, RobotsRecord};
pub use scan::RobotsScan;
pub use targets::{Targets, TargetsError};

/// The name of the container of scans in [`workflow`]; its generator is `scan.generator`.
pub const SCAN: &str = "scan";
/// The name of the aggregator in [`workflow`]; its row is a [`RobotsSummary`].
pub const FILE: &str = "file";

/// The whole scan: generator, scans and aggregator, within `scope`. `out` is where the file will
/// lie on the Internal worker that runs the aggregator.
///
/// All children must succeed, and up to 1,000 run at once. For a cut-off, another policy or
/// further steps put the three definitions together yourself; this function is short.
///
/// ```
/// use sortie_task_defs::robots::{self, RobotsGenerator, Targets};
///
/// let list = Targets::parse("1,example.com\n2,example.org\n".as_bytes())?;
/// let scope = list.scope();
/// let targets: Targets = list.names().collect();
///
/// let plan = robots::workflow(targets.clone(), &scope, "/srv/robots.ndjson.gz").build()?;
/// assert_eq!(plan.tasks.len(), 2);
///
/// // Or with smaller chunks in another order.
/// let generator = RobotsGenerator { chunk: 100, seed: 7, ..targets.into() };
/// let plan = robots::workflow(generator, &scope, "/srv/robots.ndjson.gz").build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn workflow(
    generator: impl Into<RobotsGenerator>,
    scope: &ScopeSpec,
    out: impl Into<std::path::PathBuf>,
) -> Workflow {
    let aggregate = RobotsAggregate {
        from: SCAN.to_owned(),
        out: out.into(),
    };
    Workflow::new("robots")
        .scope(scope.to_json())
        .generate(SCAN, generator.into(), |children| children)
        .aggregate(FILE, aggregate)
}
