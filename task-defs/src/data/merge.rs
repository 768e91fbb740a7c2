//! Several data sets as one.

use serde::{Deserialize, Serialize};
use task_core::ports::data::RowKey;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::distinct::{first_of_each, places};
use super::pointer::Pointer;
use super::walk::Walk;

/// Writes the rows of several earlier tasks or containers as its own task data: those of the first
/// name, then those of the second, each in order and unchanged. With a key, only the first row of
/// each is written, as by [`Distinct`](super::Distinct); so what stands first wins.
///
/// When its time runs out it hands back the last row it has read, and the next attempt goes on
/// behind it; with a key, on the terms of [`Distinct`](super::Distinct).
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection lacks a name of `from`, or there are more names, places
/// or keys than allowed.
///
/// ```
/// use sortie_task_defs::data::Merge;
///
/// let names = Merge {
///     from: vec!["crtsh".to_owned(), "brute_force".to_owned()],
///     by: Some(vec!["/domain".parse()?]),
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Merge {
    /// The names of the tasks or containers whose rows are read. At most
    /// [`MAX_NAMES`](Self::MAX_NAMES).
    pub from: Vec<String>,
    /// The places of the key, if rows with one key are one; an empty list is the whole row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Vec<Pointer>>,
}

impl Merge {
    /// Most data sets.
    pub const MAX_NAMES: usize = 256;
}

impl TaskDefinition for Merge {
    const KIND: &'static str = "data.merge";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        if self.from.len() > Self::MAX_NAMES {
            let (names, max) = (self.from.len(), Self::MAX_NAMES);
            let error = format!("from: {names} names; at most {max} are allowed");
            return Err(TaskError::fatal(error));
        }
        if let Some(by) = self.by {
            return first_of_each(&cx, &self.from, &places(by)?).await;
        }
        // Every name is looked up first, so that a wrong one fails before anything is written.
        for name in &self.from {
            cx.task_data().count(name).await?;
        }
        let data = cx.task_data();
        let (first, mut behind): (usize, Option<RowKey>) = cx.cursor()?.unwrap_or_default();
        for (index, name) in self.from.iter().enumerate().skip(first) {
            let mut walk = Walk::over(&cx, name, behind.take()).await?;
            while let Some(row) = walk.next().await? {
                data.push(&row.raw).await?;
                if walk.must_end() {
                    return Err(TaskError::deadline(&(index, walk.place())));
                }
            }
        }
        Ok(())
    }
}
