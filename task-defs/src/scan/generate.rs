//! The rows of an earlier task become tasks.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::requirements::DeclaresTaskData;
use task_core::{TaskContext, TaskDefinition, TaskError, UpgradeError, needs};

use super::gathered::Gathered;
use super::kind::Kinds;
use super::probe::{Probe, Target};
use super::scan::{DEFAULT_CONCURRENCY, Scan, check_concurrency};
use super::upgrade::upgrade;
use crate::blocking::blocking;
use crate::chunk::Chunks;
use crate::clients;
use crate::data::{Pointer, Walk};
use crate::recon::BadRows;
use crate::split::{Split, Splitting};

/// Reads the rows of an earlier task, or of all children of a container, turns each into targets,
/// shuffles these, cuts them into chunks and creates a [`Scan`] for each.
///
/// A target that comes twice is looked at once. All are in memory before the first chunk is cut:
/// at most [a million](Self::MAX_TARGETS), and 64 MiB of them as JSON. They are shuffled so that
/// each chunk is a sample of the whole: neighbours in a list share networks and defences. The
/// shuffle depends on `seed` and the rows only, so running again creates the same children. When its
/// time runs out it hands back how many there are, with a hash of what all are given; the next
/// attempt goes on behind these.
///
/// # Errors
///
/// - [`TaskError::OutOfScope`] if the collection has no scope document.
/// - [`TaskError::Fatal`] if it has nothing called `from`, a setting is beyond its limits, a row is
///   not what the family reads (the text names the row) and [`bad_rows`](Self::bad_rows) says to
///   refuse it, there are too many targets, or an earlier attempt has created tasks that are not
///   those that this one would: another version of the program reads or splits the rows otherwise.
///
/// ```
/// use sortie_task_defs::scan::{Aggregate, Dns, Generate};
/// use task_core::Workflow;
/// # let names = sortie_task_defs::data::InsertData { rows: vec!["example.com".into()] };
///
/// let plan = Workflow::new("names")
///     .task("names", names)
///     .generate("dns", Generate::new("names", Dns::default()), |scans| scans.max_in_flight(10))
///     .aggregate("outcomes", Aggregate::<Dns>::new("dns"))
///     .build()?;
/// # Ok::<(), task_core::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Generate<P> {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Where in a row is what the family reads; the whole row by default. An array there has one
    /// in each item, and nothing there is no target.
    #[serde(default)]
    pub at: Pointer,
    /// What is done with what the family cannot read.
    #[serde(default)]
    pub bad_rows: BadRows,
    /// The most targets of one task; as the family has it if `None`. 500, and 1 to
    /// [`MAX_CHUNK`](Self::MAX_CHUNK); for ports 65,536, and 1 to 1,048,576.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<u32>,
    /// Which shuffle. 0.
    #[serde(default)]
    pub seed: u64,
    /// How many looks are under way at once in one task. 256; 1 to 10,000.
    #[serde(default = "default_concurrency")]
    pub concurrency: u16,
    /// How the targets are looked at.
    pub options: P,
}

/// What [`Generate`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Generated {
    /// How many rows were read.
    pub rows: u64,
    /// How many of their items were left out because the family cannot read them.
    pub skipped: u64,
    /// How many of their items gave no target: the family reads them, and there is nothing in them
    /// that it looks at, such as a closed port. See [`Probe::targets`].
    #[serde(default)]
    pub without_target: u64,
    /// How many targets there are.
    pub targets: u64,
    /// How many more there would be with those that came again.
    pub duplicates: u64,
    /// How many tasks were created.
    pub tasks: u32,
    /// How many names of addresses are not carried along, because too many lead to one address; see
    /// [`AddressTarget`](super::AddressTarget). The addresses are scanned all the same.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub names_cut: u64,
}

impl<P> Generate<P> {
    /// Most targets of one task.
    pub const MAX_CHUNK: u32 = 100_000;
    /// Most targets in all.
    pub const MAX_TARGETS: u32 = 1_000_000;
    /// Targets of one task, unless told otherwise. Ports have another default, and another limit.
    pub const DEFAULT_CHUNK: u32 = 500;

    /// With less time than this left, the task hands back its cursor.
    const MARGIN: Duration = Duration::from_secs(5);

    /// The rows of `from`, looked at so.
    pub fn new(from: impl Into<String>, options: P) -> Self {
        Self {
            from: from.into(),
            at: Pointer::default(),
            bad_rows: BadRows::Refuse,
            chunk: None,
            seed: 0,
            concurrency: DEFAULT_CONCURRENCY,
            options,
        }
    }

    /// What the family reads is at this place of each row.
    #[must_use]
    pub fn at(mut self, at: Pointer) -> Self {
        self.at = at;
        self
    }

    /// At most so many targets in one task.
    #[must_use]
    pub const fn chunk(mut self, targets: u32) -> Self {
        self.chunk = Some(targets);
        self
    }

    /// What the family cannot read is left out and counted.
    #[must_use]
    pub const fn skip_bad_rows(mut self) -> Self {
        self.bad_rows = BadRows::Skip;
        self
    }
}

impl<P: Probe> TaskDefinition for Generate<P> {
    const KIND: &'static str = Kinds::<P>::GENERATE;
    const VERSION: u32 = P::VERSION;
    type Requires = needs![QueueAccess, TaskDataAccess];
    const CREATES: &'static [&'static str] = &[Kinds::<P>::SCAN];
    type Output = Generated;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Generated, TaskError> {
        let size = self.chunk_within(Self::DEFAULT_CHUNK, Self::MAX_CHUNK)?;
        check_concurrency(self.concurrency)?;
        self.options.check()?;
        let scope = clients::scope(&cx).await?;
        let mut gathered = Gathered::<P::Target>::new();
        let mut targets = Vec::new();
        let mut without_target = 0;
        let mut generated = self
            .read(&cx, |row| {
                self.options.targets(row, &mut targets);
                without_target += u64::from(targets.is_empty());
                targets
                    .drain(..)
                    .try_for_each(|target| gathered.add(target))
            })
            .await?;
        generated.without_target = without_target;
        generated.duplicates = gathered.duplicates();
        let mut targets = gathered.into_targets();
        generated.targets = targets.len() as u64;
        let (seed, options) = (self.seed, self.options.clone());
        let count = u32::try_from(targets.len()).map_err(TaskError::fatal)?;
        let (targets, chunks, split) = blocking(move || {
            options.settle(&scope, &mut targets);
            let chunks = Chunks::new(count, size, seed);
            let split = split(&targets, &chunks)?;
            Ok::<_, TaskError>((targets, chunks, split))
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
            children
                .create(Scan {
                    targets: chunks.pick(index, &targets).cloned().collect(),
                    concurrency: self.concurrency,
                    options: self.options.clone(),
                })
                .await?;
        }
        generated.tasks = split.tasks();
        Ok(generated)
    }

    fn upgrade(from: u32, payload: Value) -> Result<Value, UpgradeError> {
        upgrade::<P>(from, payload)
    }
}

impl<P> Generate<P> {
    /// The most targets of one task.
    pub(super) fn chunk_within(&self, default: u32, most: u32) -> Result<u32, TaskError> {
        let chunk = self.chunk.unwrap_or(default);
        if (1..=most).contains(&chunk) {
            return Ok(chunk);
        }
        Err(TaskError::fatal(format!(
            "chunk is {chunk}; 1 to {most} are allowed"
        )))
    }

    /// Reads all rows, gives what the family reads in them to `each`, and counts both.
    pub(super) async fn read<R: DeclaresTaskData, T: DeserializeOwned>(
        &self,
        cx: &TaskContext<R>,
        mut each: impl FnMut(T) -> Result<(), TaskError> + Send,
    ) -> Result<Generated, TaskError> {
        let mut generated = Generated::default();
        let mut walk = Walk::over(cx, &self.from, None).await?;
        while let Some(row) = walk.next().await? {
            // Half of the rows make no chunk: another worker begins anew.
            if cx.is_leaving() {
                return Err(TaskError::Cancelled);
            }
            generated.rows += 1;
            for item in items(self.at.find(&row.value)) {
                match T::deserialize(item) {
                    Ok(item) => each(item)?,
                    Err(_) if self.bad_rows == BadRows::Skip => generated.skipped += 1,
                    Err(error) => return Err(walk.refuse(error)),
                }
            }
        }
        Ok(generated)
    }
}

/// The targets of all tasks, in the order in which each has them.
fn split<T: Target>(targets: &[T], chunks: &Chunks) -> Result<Split, TaskError> {
    let mut splitting = Splitting::new();
    for index in 0..chunks.count() {
        chunks
            .pick(index, targets)
            .try_for_each(|target| splitting.add(target))?;
        splitting.next_task();
    }
    Ok(splitting.into_split(chunks.count(), targets.len() as u64))
}

/// The items of an array; else the value itself, if there is one.
fn items(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        Some(value) => std::slice::from_ref(value),
        None => &[],
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) const fn is_zero(count: &u64) -> bool {
    *count == 0
}

const fn default_concurrency() -> u16 {
    DEFAULT_CONCURRENCY
}
