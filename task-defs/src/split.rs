//! How a generator splits what it has read, for whoever goes on with it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use task_core::{TaskContext, TaskError};

use crate::data::canonical;

/// The tasks that a generator creates, as far as it takes to know them again: how many, of how many
/// targets, and a hash of what each is given.
///
/// A generator that goes on reads its rows again, and creates the tasks behind those that are there.
/// If these were cut otherwise, as by another version of the program, some targets would be in no
/// task and others in two. So it is written into the cursor and held against what the next attempt
/// would create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Split {
    tasks: u32,
    targets: u64,
    /// The first half of a SHA-256, in hex.
    hash: String,
}

/// Takes what the tasks are given, in their order.
pub(crate) struct Splitting(Sha256);

/// Where a generator goes on.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a number of tasks, or an object with `created` and `split`"
)]
enum Cursor {
    Split {
        created: u32,
        split: Split,
    },
    /// So the first version had it: only the number of the tasks can be held against anything.
    Created(u32),
}

/// The tasks that an earlier attempt has created are not those that this one would.
#[derive(Debug, thiserror::Error)]
#[error(
    "an earlier attempt has created {created} tasks {was}, and this one splits the rows into {is}: \
     the rows have changed meanwhile, or the program has. To go on would leave targets out and scan \
     others twice; submit the workflow again"
)]
struct OtherSplit {
    created: u32,
    was: Was,
    is: Split,
}

/// What is known of the split of an earlier attempt.
#[derive(Debug)]
struct Was(Option<Split>);

impl Splitting {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    /// Takes a thing that a task is given, in whatever order its fields are written.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if it has no JSON form.
    pub(crate) fn add(&mut self, thing: &impl Serialize) -> Result<(), TaskError> {
        let thing = serde_json::to_value(thing)?;
        // A hasher cannot fail to be written.
        let _ = canonical::write(&thing, &mut self.0);
        // JSON in one line has none, so the things cannot run into each other.
        self.0.update(b"\n");
        Ok(())
    }

    /// Between two tasks.
    pub(crate) fn next_task(&mut self) {
        self.0.update(b"\n");
    }

    pub(crate) fn into_split(self, tasks: u32, targets: u64) -> Split {
        let hash = self.0.finalize();
        let hash = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
        Split {
            tasks,
            targets,
            hash: hash.collect(),
        }
    }
}

impl Split {
    /// How many tasks there are, those of earlier attempts included.
    pub(crate) fn tasks(&self) -> u32 {
        self.tasks
    }

    /// How many targets these have.
    #[cfg(feature = "scan")]
    pub(crate) fn targets(&self) -> u64 {
        self.targets
    }

    /// The first task to be created: that behind the `created` ones of earlier attempts, if these
    /// are of the same split.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if they are of another one.
    pub(crate) fn goes_on<R>(&self, cx: &TaskContext<R>, created: u32) -> Result<u32, TaskError> {
        // Nothing is known to be there that others would have to fit. What an attempt has created
        // that was killed before it could hand back a cursor cannot be seen from here.
        if created == 0 {
            return Ok(0);
        }
        let was = match cx.cursor()? {
            Some(Cursor::Split { split, .. }) => Some(split),
            Some(Cursor::Created(_)) | None => None,
        };
        let is_same = was.as_ref().is_none_or(|was| was == self);
        if is_same && created <= self.tasks {
            return Ok(created);
        }
        Err(TaskError::fatal(OtherSplit {
            created,
            was: Was(was),
            is: self.clone(),
        }))
    }

    /// Out of time, with so many tasks created.
    pub(crate) fn deadline(&self, created: u32) -> TaskError {
        TaskError::deadline(&Cursor::Split {
            created,
            split: self.clone(),
        })
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tasks,
            targets,
            hash,
        } = self;
        let hash = hash.get(..8).unwrap_or(hash);
        write!(f, "{tasks} tasks of {targets} targets ({hash})")
    }
}

impl fmt::Display for Was {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(split) => write!(f, "of a split into {split}"),
            None => f.write_str("of a split that it does not tell"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Old {
        port: u16,
        name: &'static str,
    }

    #[derive(Serialize)]
    struct New {
        name: &'static str,
        port: u16,
    }

    fn split(things: &[&[u16]]) -> Split {
        let mut splitting = Splitting::new();
        for task in things {
            task.iter().for_each(|thing| splitting.add(thing).unwrap());
            splitting.next_task();
        }
        splitting.into_split(2, 3)
    }

    #[test]
    fn what_each_task_is_given_matters_and_the_order_of_fields_does_not() {
        assert_ne!(split(&[&[1, 2], &[3]]), split(&[&[1], &[2, 3]]));
        assert_ne!(split(&[&[1, 2], &[3]]), split(&[&[2, 1], &[3]]));
        assert_eq!(split(&[&[1, 2], &[3]]), split(&[&[1, 2], &[3]]));
        let (mut old, mut new) = (Splitting::new(), Splitting::new());
        let (port, name) = (443, "a.example");
        old.add(&Old { port, name }).unwrap();
        new.add(&New { name, port }).unwrap();
        assert_eq!(old.into_split(1, 1), new.into_split(1, 1));
    }
}
