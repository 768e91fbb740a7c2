//! The definitions of generated workflows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::recon::{Changes, Field, Model};
use task_core::{Arm, Limits, TaskContext, TaskDefinition, TaskError, needs};

use super::script::{LIMITS, MOST_FAILURES, Row, Script};
use crate::sim::dice::{Dice, hash};

/// A row, with as much besides as makes it too large for a message.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Padded {
    #[serde(flatten)]
    row: Row,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    padding: String,
}

/// More than half of a small message, beyond which a result goes through the object store.
const PADDING: usize = 17 << 10;

impl Padded {
    fn of(script: &Script, key: u64) -> Self {
        let padding = if script.sprawls { PADDING } else { 0 };
        Self {
            row: Row { key, seq: 0 },
            padding: ".".repeat(padding),
        }
    }
}

/// External: returns its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Probe(pub(super) Script);

impl TaskDefinition for Probe {
    const KIND: &'static str = "sim.probe";
    type Requires = needs![];
    type Output = Padded;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Padded, TaskError> {
        let key = self.0.play(&cx).await?;
        Ok(Padded::of(&self.0, key))
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
    type Output = Padded;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Padded, TaskError> {
        let key = self.0.play(&cx).await?;
        Ok(Padded::of(&self.0, key))
    }

    fn targets(&self) -> u64 {
        self.0.targets
    }

    fn limits() -> Limits {
        LIMITS
    }
}

/// Internal: writes its rows and a value itself; half of the rows before its steps, so that a
/// cursor goes on behind them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note(pub(super) Script);

/// Rows of an attempt that fails, if it sprawls: as many as are written at once.
const SPRAWL: u32 = 500;

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
        let Script { key, rows, .. } = self.0;
        let data = cx.task_data();
        let half = rows / 2;
        if cx.attempt() <= self.0.fails && self.0.sprawls {
            for seq in 0..SPRAWL {
                data.push(&Row { key, seq }).await?;
            }
        } else if cx.cursor::<u32>()?.is_none() {
            for seq in 0..half {
                data.push(&Row { key, seq }).await?;
            }
        }
        let key = self.0.play(&cx).await?;
        for seq in half..rows {
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
        u64::from(self.0.rows.min(MOST_SIGHTS)) * 2
    }

    /// The time for which it keeps a worker busy, at most, when nothing goes wrong.
    pub(super) fn work(&self, max_failures: u32) -> Duration {
        let sights = self.sights() as u32 + self.0.fails.min(max_failures);
        (PAUSE + WAY) * sights + WAY * self.0.fails.min(max_failures)
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
    /// Children that its first attempt makes beyond, before it fails.
    pub(super) beyond: u32,
    pub(super) seed: u64,
    /// How long a child may wait in its queue.
    pub(super) queued_ms: u64,
    /// The scope that children must find.
    pub(super) scope: Option<u64>,
}

impl Spread {
    /// The script of a child, and whether it is a [`Note`].
    pub(super) fn child(&self, ordinal: u32) -> (Script, bool) {
        let mut dice = Dice::new(hash(&[self.seed, ordinal.into()]));
        let note = dice.below(4) == 0;
        let mut script = Script::random(&mut dice);
        script.scope = self.scope;
        (script, note)
    }

    /// The time for which it keeps a worker busy, at most, when nothing goes wrong.
    pub(super) fn own_work(&self) -> Duration {
        let attempts = 1 + u32::from(self.beyond > 0);
        (PAUSE + WAY * 2) * (self.made() / 16 + 3) * attempts
    }

    /// The same with all of its children.
    pub(super) fn work(&self) -> Duration {
        let scripts = (0..self.made()).map(|ordinal| self.child(ordinal).0);
        self.own_work()
            + scripts
                .map(|script| script.work(MOST_FAILURES))
                .sum::<Duration>()
    }

    /// Children that any attempt makes.
    pub(super) const fn made(&self) -> u32 {
        self.children + self.beyond
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
        let sprawls = cx.attempt() == 1 && self.beyond > 0;
        let end = if sprawls { self.made() } else { self.children };
        for ordinal in first..end {
            let short = cx.remaining().is_some_and(|left| left < PAUSE * 2);
            let asked = short || cx.is_leaving();
            if ordinal > first && ordinal <= self.children && asked {
                return Err(TaskError::deadline(&ordinal));
            }
            let (script, note) = self.child(ordinal);
            let mut dice = Dice::new(script.key);
            let queued = Duration::from_millis(self.queued_ms);
            if note {
                let child = Script::child(Note(script), queued, &mut dice);
                queue.create(child).await?;
            } else {
                let child = Script::child(Probe(script), queued, &mut dice);
                queue.create(child).await?;
            }
            if ordinal % 16 == 15 {
                // Children arrive while others are still to be made.
                queue.flush().await?;
                cx.sleep(PAUSE).await;
            }
        }
        if sprawls {
            queue.flush().await?;
            return Err(TaskError::retry("it was written that this attempt fails"));
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

/// The longest way to another machine and back, and what is around a call.
const WAY: Duration = Duration::from_millis(100);

/// Things that a task finds, at most; half of them twice.
const MOST_SIGHTS: u32 = 12;

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
