//! The children: what they do follows from their number, and so does what must be left of them.

use std::time::Duration;

use sortie::prelude::*;

use crate::leash::Leash;

/// Targets of a [`Probe`].
pub(crate) const TARGETS: u64 = 3;
/// Rows after which a task's data goes to the store at the latest.
const WRITTEN_AT_ONCE: u32 = 500;

/// A row of a child. The number of the attempt is in it, so that rows of two attempts cannot pass
/// for those of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) child: u32,
    pub(crate) at: u32,
    pub(crate) attempt: u32,
}

impl Row {
    /// What is the same in every run.
    pub(crate) fn key(&self) -> u64 {
        u64::from(self.child) * 1009 + u64::from(self.at)
    }
}

/// Whether a child is a [`Scribe`].
pub(crate) fn writes(child: u32) -> bool {
    child.is_multiple_of(3)
}

/// The rows that a child leaves behind.
pub(crate) fn rows(child: u32) -> u32 {
    match child {
        _ if !writes(child) => 1,
        // More than one write.
        _ if child.is_multiple_of(300) => WRITTEN_AT_ONCE + 20,
        _ => 2 + child % 4,
    }
}

/// Whether the first two attempts fail.
fn stumbles(child: u32) -> bool {
    child % 7 == 3 || sprawls(child)
}

/// Whether attempts that fail leave more rows in the store than the one that does not.
fn sprawls(child: u32) -> bool {
    child % 300 == 150
}

/// Whether a cursor is handed back half way; after how many rows, if it writes.
pub(crate) fn pauses(child: u32) -> Option<u32> {
    (child % 5 == 1).then(|| rows(child) / 2)
}

const RETRY: RetryPolicy = RetryPolicy {
    max_failures: 3,
    base: Duration::from_millis(4),
    cap: Duration::from_millis(20),
};

async fn work<R>(cx: &TaskContext<R>, child: u32) {
    cx.resources().get::<Leash>().unwrap().child(child).await;
    cx.sleep(Duration::from_millis(4 + u64::from(child % 5)))
        .await;
}

/// Covers its targets, and returns its row.
#[derive(Serialize, Deserialize)]
pub(crate) struct Probe(pub(crate) u32);

impl TaskDefinition for Probe {
    const KIND: &'static str = "crash.probe";
    type Requires = needs![];
    type Output = Row;

    fn targets(&self) -> u64 {
        TARGETS
    }

    fn retry() -> RetryPolicy {
        RETRY
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Row, TaskError> {
        let Self(child) = self;
        let covered = cx.cursor::<u64>()?.unwrap_or(0);
        work(&cx, child).await;
        if stumbles(child) && cx.attempt() <= 2 {
            cx.cover("found", TARGETS);
            return Err(TaskError::retry("as it should"));
        }
        if pauses(child).is_some() && covered == 0 {
            cx.cover("found", 1);
            return Err(TaskError::deadline(&1));
        }
        cx.cover("found", TARGETS - covered);
        let attempt = cx.attempt();
        Ok(Row {
            child,
            at: 0,
            attempt,
        })
    }
}

/// Writes rows.
#[derive(Serialize, Deserialize)]
pub(crate) struct Scribe(pub(crate) u32);

impl TaskDefinition for Scribe {
    const KIND: &'static str = "crash.scribe";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    fn targets(&self) -> u64 {
        1
    }

    fn retry() -> RetryPolicy {
        RETRY
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let Self(child) = self;
        let from = cx.cursor::<u32>()?.unwrap_or(0);
        let stumbles = stumbles(child) && cx.attempt() <= 2;
        let to = match pauses(child) {
            _ if stumbles && sprawls(child) => WRITTEN_AT_ONCE,
            Some(half) if from == 0 => half,
            _ => rows(child),
        };
        work(&cx, child).await;
        for at in from..to {
            let attempt = cx.attempt();
            let row = Row { child, at, attempt };
            cx.task_data().push(&row).await?;
            if (at + 1).is_multiple_of(WRITTEN_AT_ONCE) {
                // A moment to be killed between two writes, or between a write and the end.
                cx.sleep(Duration::from_millis(10)).await;
            }
        }
        if stumbles {
            cx.cover("written", 1);
            return Err(TaskError::retry("as it should"));
        }
        if to < rows(child) {
            return Err(TaskError::deadline(&to));
        }
        cx.cover("written", 1);
        Ok(())
    }
}
