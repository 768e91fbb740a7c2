//! A task that does what it is told.

use std::time::Duration;

use sortie::prelude::*;

use super::rig::Log;

/// What to do in each attempt; the last line is for all that follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) attempts: Vec<Vec<Step>>,
    pub(crate) targets: u64,
}

/// One thing to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Says so.
    Say(String),
    /// Is quiet for some seconds.
    Sleep(u64),
    /// Shows progress each second for some seconds.
    Work(u64),
    /// Counts targets.
    Cover(u64),
    /// Writes rows from here to there.
    Push(u64, u64),
    /// Creates children, which say their number.
    Create(u32, u32),
    /// Says where it stands, counts so many targets from there, and hands the cursor back, until
    /// all are done.
    Crawl(u64),
    /// Fails.
    Fail,
    /// Panics.
    Panic,
    /// Waits for the word to stop, and stops.
    UntilCancelled,
    /// Waits for the word that the worker leaves, and hands back a cursor.
    UntilLeaving,
    /// Returns this.
    Return(u64),
}

impl TaskDefinition for Script {
    const KIND: &'static str = "t.script";
    type Requires = needs![TaskDataAccess, QueueAccess];
    type Output = Option<u64>;

    fn targets(&self) -> u64 {
        self.targets
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Option<u64>, TaskError> {
        let log = cx.resources().get::<Log>().unwrap();
        let last = self.attempts.len() - 1;
        let steps = &self.attempts[last.min(cx.attempt() as usize - 1)];
        for step in steps {
            match step {
                Step::Say(text) => log.say(text),
                Step::Sleep(seconds) => cx.sleep(Duration::from_secs(*seconds)).await,
                Step::Work(seconds) => {
                    for _ in 0..*seconds {
                        cx.sleep(Duration::from_secs(1)).await;
                        cx.checkpoint();
                    }
                }
                Step::Cover(targets) => cx.cover("found", *targets),
                Step::Push(from, to) => {
                    for row in *from..*to {
                        cx.task_data().push(&row).await?;
                    }
                }
                Step::Create(from, to) => {
                    for n in *from..*to {
                        let steps = vec![Step::Say(n.to_string()), Step::Return(n.into())];
                        let child = Self {
                            attempts: vec![steps],
                            targets: 0,
                        };
                        cx.queue().create(child).await?;
                    }
                }
                Step::Crawl(stride) => {
                    let at = cx.cursor::<u64>()?.unwrap_or(0);
                    let end = self.targets.min(at + stride);
                    log.say(format!("{at}..{end}"));
                    for target in at..end {
                        cx.cover("found", 1);
                        cx.task_data().push(&target).await?;
                        let child = Self {
                            attempts: vec![vec![]],
                            targets: 0,
                        };
                        cx.queue().create(child).await?;
                    }
                    if end < self.targets {
                        return Err(TaskError::deadline(&end));
                    }
                }
                Step::Fail => return Err(TaskError::retry("as told")),
                Step::Panic => panic!("as told"),
                Step::UntilCancelled => {
                    cx.cancelled().await;
                    log.say("cancelled");
                    return Err(TaskError::Cancelled);
                }
                Step::UntilLeaving => {
                    cx.leaving().await;
                    log.say("leaving");
                    return Err(TaskError::deadline(&7));
                }
                Step::Return(value) => return Ok(Some(*value)),
            }
        }
        Ok(None)
    }
}
