//! A list of names becomes tasks.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::list::{TargetCounts, TargetList};
use super::options::RobotsOptions;
use super::scan::RobotsScan;
use super::targets::Targets;
use crate::blocking::blocking;
use crate::chunk::Chunks;
use crate::split::{Split, Splitting};

/// Shuffles a list of names, cuts it into chunks and creates a [`RobotsScan`] for each.
///
/// The shuffle depends on `seed` and the list only, so running again creates the same children. When
/// its time runs out it hands back how many there are, with a hash of what all are given. A list of a million names takes some 60 MB of memory.
///
/// # Errors
///
/// [`TaskError::Fatal`] if `chunk` or an option is beyond its limits, or the list cannot be read
/// ([`TargetsError`](super::TargetsError)); the text names the field. And if an earlier attempt has
/// created tasks that are not those that this one would: another version of the program reads or
/// splits the list otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RobotsGenerator {
    /// The names.
    pub targets: Targets,
    /// The most names of one task. 1,250; 1 to [`MAX_CHUNK`](Self::MAX_CHUNK).
    #[serde(default = "default_chunk")]
    pub chunk: u32,
    /// Which shuffle. 0.
    #[serde(default)]
    pub seed: u64,
    /// How robots.txt are fetched.
    #[serde(default)]
    pub options: RobotsOptions,
}

/// What [`RobotsGenerator`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RobotsGenerated {
    /// What the list was made of.
    pub targets: TargetCounts,
    /// How many tasks were created.
    pub tasks: u32,
}

impl RobotsGenerator {
    /// Most names that one task may be given.
    pub const MAX_CHUNK: u32 = 100_000;
    /// Names of one task, unless told otherwise: 800 tasks for a million.
    pub const DEFAULT_CHUNK: u32 = 1250;

    /// With less time than this left, the task hands back its cursor.
    const MARGIN: Duration = Duration::from_secs(5);

    fn check(&self) -> Result<(), TaskError> {
        if !(1..=Self::MAX_CHUNK).contains(&self.chunk) {
            return Err(TaskError::fatal(format!(
                "chunk is {}; 1 to {} are allowed",
                self.chunk,
                Self::MAX_CHUNK
            )));
        }
        Ok(self.options.check()?)
    }
}

impl From<Targets> for RobotsGenerator {
    fn from(targets: Targets) -> Self {
        Self {
            targets,
            chunk: Self::DEFAULT_CHUNK,
            seed: 0,
            options: RobotsOptions::default(),
        }
    }
}

impl TaskDefinition for RobotsGenerator {
    const KIND: &'static str = "robots.generate";
    type Requires = needs![QueueAccess];
    const CREATES: &'static [&'static str] = &[RobotsScan::KIND];
    type Output = RobotsGenerated;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<RobotsGenerated, TaskError> {
        self.check()?;
        let list = self.targets.load(cx.objects().map(AsRef::as_ref)).await?;
        let (size, seed) = (self.chunk, self.seed);
        let names = u32::try_from(list.len()).map_err(TaskError::fatal)?;
        let (list, chunks, split) = blocking(move || {
            let chunks = Chunks::new(names, size, seed);
            let split = split(&list, &chunks)?;
            Ok::<_, TaskError>((list, chunks, split))
        })
        .await??;
        let children = cx.queue();
        // Not the first of all if an earlier attempt ran out of time.
        let first = split.goes_on(&cx, children.len().await)?;
        for index in first..split.tasks() {
            if cx.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            // Only behind a new child, so that every attempt gets further than the one before.
            let short = cx.remaining().is_some_and(|left| left < Self::MARGIN);
            if index > first && (short || cx.is_leaving()) {
                return Err(split.deadline(index));
            }
            let names = pick(&list, chunks.get(index)).map(str::to_owned).collect();
            let options = self.options.clone();
            children.create(RobotsScan { names, options }).await?;
        }
        Ok(RobotsGenerated {
            targets: list.counts(),
            tasks: split.tasks(),
        })
    }
}

fn pick<'a>(list: &'a TargetList, chunk: &'a [u32]) -> impl Iterator<Item = &'a str> {
    chunk.iter().filter_map(|&index| list.get(index as usize))
}

/// The names of all tasks, in the order in which each has them.
fn split(list: &TargetList, chunks: &Chunks) -> Result<Split, TaskError> {
    let mut splitting = Splitting::new();
    for index in 0..chunks.count() {
        pick(list, chunks.get(index)).try_for_each(|name| splitting.add(&name))?;
        splitting.next_task();
    }
    Ok(splitting.into_split(chunks.count(), list.len() as u64))
}

fn default_chunk() -> u32 {
    RobotsGenerator::DEFAULT_CHUNK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_name_their_field() {
        let mut generator = RobotsGenerator::from(Targets::Inline(Vec::new()));
        assert!(generator.check().is_ok());
        generator.chunk = 0;
        let error = generator.check().unwrap_err().to_string();
        assert_eq!(error, "chunk is 0; 1 to 100000 are allowed");
        generator.chunk = 1;
        generator.options.concurrency = 0;
        let error = generator.check().unwrap_err().to_string();
        assert_eq!(error, "options.concurrency is 0; 1 to 10000 are allowed");
    }

    #[test]
    fn children_have_every_name_once() {
        let text: String = (0..1000).map(|n| format!("{n}.example\n")).collect();
        let list = Targets::parse(text.as_bytes()).unwrap();
        let chunks = Chunks::new(1000, 300, 1);
        let mut all: Vec<_> = (0..chunks.count())
            .flat_map(|n| pick(&list, chunks.get(n)))
            .collect();
        assert_ne!(all, list.names().collect::<Vec<_>>());
        all.sort_unstable();
        let mut names: Vec<_> = list.names().collect();
        names.sort_unstable();
        assert_eq!(all, names);
    }
}
