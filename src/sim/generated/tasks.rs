//! The definitions of generated workflows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::recon::{Changes, Field, Model};
use task_core::{Arm, Limits, TaskContext, TaskDefinition, TaskError, needs};

use super::script::{LIMITS, Row, Script};
use crate::sim::dice::{Dice, hash};

/// External: returns its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Probe(pub(super) Script);

impl TaskDefinition for Probe {
    const KIND: &'static str = "sim.probe";
    type Requires = needs![];
    type Output = Row;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Row, TaskError> {
        self.0.play(&cx).await?;
        let key = self.0.key;
        Ok(Row { key, seq: 0 })
    }

    fn targets(&self) -> u64 {
        self.0.targets
    }

    fn limits() -> Limits {
        LIMITS
    }
}

/// Bare metal: the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Raw(pub(super) Script);

impl TaskDefinition for Raw {
    const KIND: &'static str = "sim.raw";
    type Requires = needs![RawSocketAccess];
    type Output = Row;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Row, TaskError> {
        self.0.play(&cx).await?;
        let key = self.0.key;
        Ok(Row { key, seq: 0 })
    }

    fn targets(&self) -> u64 {
        self.0.targets
    }

    fn limits() -> Limits {
        LIMITS
    }
}

/// Internal: writes its rows and a value itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note(pub(super) Script);

impl Note {
    /// Where its value is.
    pub(super) fn value_key(&self) -> String {
        format!("note/{:016x}", self.0.key)
    }
}

impl TaskDefinition for Note {
    const KIND: &'static str = "sim.note";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        self.0.play(&cx).await?;
        let data = cx.task_data();
        let key = self.0.key;
        for seq in 0..self.0.rows {
            data.push(&Row { key, seq }).await?;
        }
        data.set_value(&self.value_key(), &cx.attempt()).await
    }

    fn targets(&self) -> u64 {
        self.0.targets
    }

    fn limits() -> Limits {
        LIMITS
    }
}

/// Something that is found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Thing {
    name: String,
    /// Who saw it last.
    mark: String,
}

impl Model for Thing {
    const NAME: &'static str = "sim_thing";
    const FIELDS: &'static [Field] = &[Field::text("name"), Field::text("mark")];

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// Internal: observes things, some of them twice, some of them like others do; some of its first
/// attempts fail half-way, and when it is short of time it goes on later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Find(pub(super) Script);

impl Find {
    /// All that it sees, one after the other.
    fn things(&self) -> impl Iterator<Item = Thing> {
        let key = self.0.key;
        (0..self.sights()).map(move |at| Thing {
            name: format!("thing {}", hash(&[key, at]) % 40),
            mark: format!("{key:016x}"),
        })
    }

    pub(super) fn sights(&self) -> u64 {
        u64::from(self.0.rows) * 2
    }
}

impl TaskDefinition for Find {
    const KIND: &'static str = "sim.find";
    type Requires = needs![ReconDataAccess];
    type Output = Changes;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Changes, TaskError> {
        let (first, mut changes): (u64, Changes) = cx.cursor()?.unwrap_or_default();
        for (at, thing) in (0..).zip(self.things()).skip(first as usize) {
            if cx.attempt() <= self.0.fails && at > first {
                return Err(TaskError::retry("it was written that this attempt fails"));
            }
            let short = cx.remaining().is_some_and(|left| left < PAUSE * 2);
            if at > first && (short || cx.is_leaving()) {
                return Err(TaskError::deadline(&(at, changes)));
            }
            changes.merge(&cx.recon().upsert([&thing]).await?);
            cx.sleep(PAUSE).await;
        }
        cx.cover("found", self.0.targets);
        Ok(changes)
    }

    fn targets(&self) -> u64 {
        self.0.targets
    }

    fn limits() -> Limits {
        LIMITS
    }
}

/// A generator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) children: u32,
    pub(super) seed: u64,
}

impl Spread {
    /// The script of a child, and whether it is a [`Note`].
    pub(super) fn child(&self, ordinal: u32) -> (Script, bool) {
        let mut dice = Dice::new(hash(&[self.seed, ordinal.into()]));
        let note = dice.below(4) == 0;
        (Script::random(&mut dice), note)
    }
}

impl TaskDefinition for Spread {
    const KIND: &'static str = "sim.spread";
    type Requires = needs![QueueAccess];
    type Output = u32;
    const CREATES: &'static [&'static str] = &[Probe::KIND, Note::KIND];

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u32, TaskError> {
        let queue = cx.queue();
        let first = queue.len().await;
        for ordinal in first..self.children {
            let short = cx.remaining().is_some_and(|left| left < PAUSE * 2);
            if ordinal > first && (short || cx.is_leaving()) {
                return Err(TaskError::deadline(&ordinal));
            }
            let (script, note) = self.child(ordinal);
            let mut dice = Dice::new(script.key);
            if note {
                queue.create(Script::child(Note(script), &mut dice)).await?;
            } else {
                queue
                    .create(Script::child(Probe(script), &mut dice))
                    .await?;
            }
            if ordinal % 16 == 15 {
                // Children arrive while others are still to be made.
                queue.flush().await?;
                cx.sleep(PAUSE).await;
            }
        }
        cx.cover("spread", self.targets());
        Ok(self.children)
    }

    fn targets(&self) -> u64 {
        self.seed % 3
    }

    fn limits() -> Limits {
        LIMITS
    }
}

const PAUSE: Duration = Duration::from_millis(200);

/// An aggregator: what it has seen of a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Total {
    pub(super) of: String,
}

/// What a [`Total`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) rows: u64,
    pub(super) weight: u64,
}

impl Sum {
    pub(super) fn add(&mut self, row: Row) {
        self.rows += 1;
        self.weight = self.weight.wrapping_add(row.weight());
    }
}

impl TaskDefinition for Total {
    const KIND: &'static str = "sim.total";
    type Requires = needs![TaskDataAccess];
    type Output = Sum;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Sum, TaskError> {
        let mut rows = cx.task_data().of::<Row>(&self.of).await?;
        let mut sum = Sum::default();
        while let Some(row) = rows.next().await? {
            sum.add(row);
        }
        Ok(sum)
    }

    fn limits() -> Limits {
        LIMITS
    }
}

/// A condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Choose {
    pub(super) then: bool,
}

impl TaskDefinition for Choose {
    const KIND: &'static str = "sim.choose";
    type Requires = needs![];
    type Output = Arm;

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<Arm, TaskError> {
        Ok(self.then.into())
    }

    fn limits() -> Limits {
        LIMITS
    }
}
