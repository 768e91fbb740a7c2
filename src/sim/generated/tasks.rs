//! The definitions of generated workflows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{Arm, Limits, TaskContext, TaskDefinition, TaskError, needs};

use super::script::{LIMITS, Row, Script};
use crate::sim::dice::Dice;

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

/// A generator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) children: u32,
    pub(super) seed: u64,
}

impl Spread {
    /// The script of a child, and whether it is a [`Note`].
    pub(super) fn child(&self, ordinal: u32) -> (Script, bool) {
        let mut dice = Dice::new(crate::sim::dice::hash(&[self.seed, ordinal.into()]));
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
