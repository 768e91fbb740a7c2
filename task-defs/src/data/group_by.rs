//! How many rows have which value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::canonical;
use super::carry::{hand_back, take_up};
use super::pointer::Pointer;
use super::walk::Walk;

/// Counts the rows of an earlier task, or of all children of a container, by the value at one
/// place. Rows are streamed; memory holds a page and the groups, at most
/// [`MAX_GROUPS`](Self::MAX_GROUPS).
///
/// Two values are one group if their JSON text is the same. When its time runs out it hands back
/// what it has counted, and the next attempt goes on behind the last row.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or with the text of a
/// [`GroupError`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupBy {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Where in a row the value is.
    pub by: Pointer,
}

/// What [`GroupBy`] returns: `rows` is the sum of all groups and `missing`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Groups {
    /// The number of rows read.
    pub rows: u64,
    /// Rows without a value at that place.
    pub missing: u64,
    /// The groups, the largest first; those of one size by the JSON text of their value.
    pub groups: Vec<Group>,
}

/// The rows that have one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// The value.
    pub value: Value,
    /// How many rows have it.
    pub rows: u64,
}

/// Groups that cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// There are more values than [`GroupBy::MAX_GROUPS`].
    #[error("by: `{by}` has more than {max} values; choose a place with fewer, or filter first", max = GroupBy::MAX_GROUPS)]
    TooManyGroups {
        /// The place.
        by: Pointer,
    },
    /// A value is longer than [`GroupBy::MAX_VALUE_BYTES`].
    #[error("by: row {row} has a value of {len} bytes at `{by}`; at most {max} are allowed", max = GroupBy::MAX_VALUE_BYTES)]
    ValueTooLong {
        /// The place.
        by: Pointer,
        /// The number of the row, from 1.
        row: u64,
        /// The length of the value's JSON text in bytes.
        len: usize,
    },
}

impl GroupBy {
    /// Most groups.
    pub const MAX_GROUPS: usize = 10_000;
    /// Longest value, as JSON text, in bytes.
    pub const MAX_VALUE_BYTES: usize = 1024;
}

impl TaskDefinition for GroupBy {
    const KIND: &'static str = "data.group_by";
    type Requires = needs![TaskDataAccess];
    type Output = Groups;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<Groups, TaskError> {
        let (behind, so_far) = take_up(&cx).await?.unwrap_or_default();
        let mut counter = Counter::new(self.by, so_far);
        let mut walk = Walk::over(&cx, &self.from, behind).await?;
        while let Some(row) = walk.next().await? {
            counter.add(&row.value).map_err(TaskError::fatal)?;
            if walk.must_end() {
                return Err(hand_back(&cx, walk.place(), &counter.finish()).await);
            }
        }
        Ok(counter.finish())
    }
}

/// The counting, apart from where the rows come from.
struct Counter {
    by: Pointer,
    rows: u64,
    missing: u64,
    groups: BTreeMap<String, Group>,
}

impl Counter {
    fn new(by: Pointer, so_far: Groups) -> Self {
        let groups = so_far.groups.into_iter();
        Self {
            by,
            rows: so_far.rows,
            missing: so_far.missing,
            groups: groups
                .map(|group| (canonical::text(&group.value), group))
                .collect(),
        }
    }

    fn add(&mut self, row: &Value) -> Result<(), GroupError> {
        self.rows += 1;
        let Some(value) = self.by.find(row) else {
            self.missing += 1;
            return Ok(());
        };
        let text = canonical::text(value);
        if let Some(group) = self.groups.get_mut(&text) {
            group.rows += 1;
            return Ok(());
        }
        if text.len() > GroupBy::MAX_VALUE_BYTES {
            return Err(GroupError::ValueTooLong {
                by: self.by.clone(),
                row: self.rows,
                len: text.len(),
            });
        }
        if self.groups.len() == GroupBy::MAX_GROUPS {
            return Err(GroupError::TooManyGroups {
                by: self.by.clone(),
            });
        }
        let value = value.clone();
        self.groups.insert(text, Group { value, rows: 1 });
        Ok(())
    }

    fn finish(self) -> Groups {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        // Stable, so that groups of one size stay in the order of their text.
        groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
        Groups {
            rows: self.rows,
            missing: self.missing,
            groups,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn by(at: &str) -> Counter {
        Counter::new(at.parse().unwrap(), Groups::default())
    }

    #[test]
    fn the_largest_group_comes_first() {
        let mut counter = by("/tld");
        for tld in ["org", "com", "net", "com"] {
            counter.add(&json!({ "tld": tld })).unwrap();
        }
        counter.add(&json!({"name": "x"})).unwrap();
        let expected = json!({"rows": 5, "missing": 1, "groups": [
            {"value": "com", "rows": 2}, {"value": "net", "rows": 1}, {"value": "org", "rows": 1},
        ]});
        assert_eq!(serde_json::to_value(counter.finish()).unwrap(), expected);
    }

    #[test]
    fn limits_name_the_place() {
        let mut counter = by("");
        for n in 0..GroupBy::MAX_GROUPS {
            counter.add(&json!(n)).unwrap();
        }
        counter.add(&json!(7)).unwrap();
        let error = counter.add(&json!("one more")).unwrap_err();
        assert!(matches!(error, GroupError::TooManyGroups { .. }));
        let error = by("/a").add(&json!({"a": "x".repeat(1023)})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "by: row 1 has a value of 1025 bytes at `/a`; at most 1024 are allowed"
        );
    }

    proptest! {
        #[test]
        fn every_row_is_counted_once(values in proptest::collection::vec(0u8..5, 0..50)) {
            let mut counter = by("/v");
            for value in &values {
                let row = if *value == 0 { json!({}) } else { json!({"v": value}) };
                counter.add(&row).unwrap();
            }
            let groups = counter.finish();
            let sum: u64 = groups.groups.iter().map(|group| group.rows).sum();
            prop_assert_eq!(groups.rows, values.len() as u64);
            prop_assert_eq!(sum + groups.missing, groups.rows);
        }
    }
}
