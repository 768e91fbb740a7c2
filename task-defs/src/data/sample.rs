//! Some rows, by chance.

use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use task_core::ports::data::RowKey;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::walk::Walk;

/// Writes so many rows of an earlier task, or of all children of a container, as its own task
/// data: every choice of that many rows is as likely as any other. Rows keep their order and their
/// text. One seed chooses the same rows again, however often the task is interrupted.
///
/// Rows are streamed and nothing is kept, however large the sample. The number of rows is known
/// beforehand, since the store counts them, so each row can be decided when it comes: the n-th is
/// taken with the probability (rows still wanted) / (rows still to come). A reservoir, which needs
/// no count, would hold the whole sample in memory and in each cursor.
///
/// When its time runs out it hands back the last row it has read, and the next attempt goes on
/// behind it.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`; [`TaskError::Retry`] if it has
/// fewer rows than the store counted, because another task was still writing them.
///
/// ```
/// use sortie_task_defs::data::Sample;
///
/// let sample = Sample { from: "domains".to_owned(), rows: 1000, seed: 40 };
/// # let _ = sample;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sample {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// How many rows are taken; all if there are fewer.
    pub rows: u64,
    /// What decides which.
    #[serde(default)]
    pub seed: u64,
}

/// Chooses rows as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Chooser {
    wanted: u64,
    to_come: u64,
}

/// Where an attempt stopped.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    chooser: Chooser,
    behind: Option<RowKey>,
}

impl TaskDefinition for Sample {
    const KIND: &'static str = "data.sample";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let data = cx.task_data();
        let Cursor {
            mut chooser,
            behind,
        } = match cx.cursor()? {
            Some(cursor) => cursor,
            None => Cursor {
                chooser: Chooser {
                    wanted: self.rows,
                    to_come: data.count(&self.from).await?,
                },
                behind: None,
            },
        };
        let mut walk = Walk::over(&cx, &self.from, behind).await?;
        while chooser.wanted > 0 && chooser.to_come > 0 {
            let Some(row) = walk.next().await? else {
                let error = format!("`{}` has fewer rows than were counted", self.from);
                return Err(TaskError::retry(error));
            };
            if chooser.takes(self.seed) {
                data.push(&row.raw).await?;
            }
            if walk.must_end() {
                let behind = walk.place();
                return Err(TaskError::deadline(&Cursor { chooser, behind }));
            }
        }
        Ok(())
    }
}

impl Chooser {
    /// Whether the next row is taken.
    fn takes(&mut self, seed: u64) -> bool {
        let mut hasher = SipHasher13::new_with_keys(seed, 0);
        hasher.write_u64(self.to_come);
        // A number below `to_come`; the bias of this is to_come / 2⁶⁴.
        let dice = (u128::from(hasher.finish()) * u128::from(self.to_come)) >> 64;
        let taken = dice < u128::from(self.wanted);
        self.to_come -= 1;
        self.wanted -= u64::from(taken);
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(rows: u64, wanted: u64, seed: u64) -> Vec<u64> {
        let mut chooser = Chooser {
            wanted,
            to_come: rows,
        };
        (0..rows).filter(|_| chooser.takes(seed)).collect()
    }

    proptest! {
        #[test]
        fn a_sample_has_its_size_and_its_seed_repeats_it(rows in 0u64..500, wanted in 0u64..600, seed: u64) {
            let first = sample(rows, wanted, seed);
            prop_assert_eq!(first.len() as u64, wanted.min(rows));
            prop_assert_eq!(sample(rows, wanted, seed), first);
        }
    }

    #[test]
    fn every_row_is_as_likely_as_any_other() {
        let mut taken = [0u32; 20];
        for seed in 0..20_000 {
            for row in sample(20, 5, seed) {
                taken[row as usize] += 1;
            }
        }
        // 5,000 expected; the standard deviation is 61.
        assert!(taken.iter().all(|n| (4700..5300).contains(n)), "{taken:?}");
    }
}
