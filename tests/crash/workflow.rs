//! The run: children are created, then their rows are read, then the sums are published.

use sortie::core::Registry;
use sortie::prelude::*;

use crate::children::{Probe, Row, Scribe, rows, writes};
use crate::leash::Leash;

pub(crate) const CHILDREN: u32 = 5_000;
pub(crate) const MAX_IN_FLIGHT: u32 = 50;
/// The collection's value that the last task sets.
pub(crate) const VALUE: &str = "sums";
/// Children after which the generator hands back a cursor.
const STRIDE: u32 = 40;

pub(crate) fn registry() -> Registry {
    registry![Generate, Probe, Scribe, Read, Publish]
}

pub(crate) fn workflow() -> Workflow {
    Workflow::new("crash")
        .generate("scan", Generate, |c| c.max_in_flight(MAX_IN_FLIGHT))
        .aggregate("read", Read)
        .task("publish", Publish)
}

/// Creates the children, in several attempts even if nobody kills it.
#[derive(Serialize, Deserialize)]
struct Generate;

impl TaskDefinition for Generate {
    const KIND: &'static str = "crash.generate";
    const CREATES: &'static [&'static str] = &[Probe::KIND, Scribe::KIND];
    type Requires = needs![QueueAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let leash = cx.resources().get::<Leash>().unwrap();
        let queue = cx.queue();
        let from = cx.cursor::<u32>()?.unwrap_or(0);
        let to = CHILDREN.min(from + STRIDE);
        for child in from..to.min(leash.children()) {
            if writes(child) {
                queue.create(Scribe(child)).await?;
            } else {
                queue.create(Probe(child)).await?;
            }
        }
        if to > leash.children() {
            // These exist already when the next attempt makes them again.
            queue.flush().await?;
            return std::future::pending().await;
        }
        if to < CHILDREN {
            return Err(TaskError::deadline(&to));
        }
        Ok(())
    }
}

/// What can be said of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) rows: u64,
    pub(crate) sum: u64,
    pub(crate) xor: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.sum += row.key();
        // Spread over all bits, or many rows that are read twice would cancel out alike.
        self.xor ^= row.key().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// As they must be.
    pub(crate) fn expected() -> Self {
        let mut sums = Self::default();
        for child in 0..CHILDREN {
            for at in 0..rows(child) {
                let attempt = 0;
                sums.add(&Row { child, at, attempt });
            }
        }
        sums
    }
}

/// Reads all rows.
#[derive(Serialize, Deserialize)]
struct Read;

impl TaskDefinition for Read {
    const KIND: &'static str = "crash.read";
    type Requires = needs![TaskDataAccess];
    type Output = Sums;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Sums, TaskError> {
        let mut sums = Sums::default();
        let mut rows = cx.task_data().of::<Row>("scan").await?;
        while let Some(row) = rows.next().await? {
            sums.add(&row);
        }
        cx.resources().get::<Leash>().unwrap().reader().await;
        Ok(sums)
    }
}

/// Makes the sums a value of the collection.
#[derive(Serialize, Deserialize)]
struct Publish;

impl TaskDefinition for Publish {
    const KIND: &'static str = "crash.publish";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let data = cx.task_data();
        let sums = data.of::<Sums>("read").await?.next().await?;
        data.set_value(VALUE, &sums).await?;
        cx.resources().get::<Leash>().unwrap().end().await;
        Ok(())
    }
}
