//! Rows in parts, for as many children.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use siphasher::sip::SipHasher13;
use task_core::requirements::DeclaresTaskData;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::canonical;
use super::pointer::Pointer;
use super::walk::{Row, Walk};

/// Writes the rows of an earlier task, or of all children of a container, in parts: each row of
/// its own task data is a [`Part`]. A generator reads them and makes a child of each, which then
/// has its rows in its payload. Every row is in exactly one part, and keeps its text.
///
/// Rows are streamed. A part ends early when it has [`MAX_BYTES`](Self::MAX_BYTES), so that it
/// fits a message or little more; memory holds at most [`MAX_BUFFER`](Self::MAX_BUFFER) bytes of
/// unfinished parts, and ends the largest beyond that.
///
/// When its time runs out it ends all parts, and hands back the last row it has read; the next
/// attempt goes on behind it.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or a limit of `by` is broken.
///
/// ```
/// use sortie_task_defs::data::{Partition, Split};
///
/// // 1,000 names a child.
/// let chunks = Partition { from: "names".to_owned(), by: Split::Chunks { rows: 1000 } };
/// // All hosts of a domain in one part, so that one child paces them.
/// let hashed = Partition {
///     from: "names".to_owned(),
///     by: Split::Hash { at: "/domain".parse()?, parts: 16 },
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Partition {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Which rows share a part.
    pub by: Split,
}

/// How [`Partition`] divides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Split {
    /// So many rows that follow each other; fewer in the last part. Parts count from 0.
    Chunks {
        /// Rows in a part. 1 to [`Partition::MAX_ROWS`].
        rows: u32,
    },
    /// By the value at a place: rows with the same JSON text there, or none, have the same number.
    /// There may be several parts of one number.
    Hash {
        /// Where in a row the value is.
        at: Pointer,
        /// How many numbers there are, from 0. 1 to [`Partition::MAX_PARTS`].
        parts: u32,
    },
}

/// What [`Partition`] writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part<T = Value> {
    /// Its number.
    pub part: u64,
    /// Its rows, in their order.
    pub rows: Vec<T>,
}

impl Partition {
    /// Bytes of JSON after which a part ends.
    pub const MAX_BYTES: usize = 128 << 10;
    /// Bytes of JSON in unfinished parts.
    pub const MAX_BUFFER: usize = 32 << 20;
    /// Most rows in a chunk.
    pub const MAX_ROWS: u32 = 100_000;
    /// Most numbers.
    pub const MAX_PARTS: u32 = 65_536;
}

impl TaskDefinition for Partition {
    const KIND: &'static str = "data.partition";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        self.by.check()?;
        let (next, behind) = cx.cursor()?.unwrap_or((0, None));
        let mut parts = Parts::new(self.by, next);
        let mut walk = Walk::over(&cx, &self.from, behind).await?;
        while let Some(row) = walk.next().await? {
            write(&cx, parts.add(row)).await?;
            if walk.must_end() {
                // The chunk that ends here has taken its number.
                let next = parts.next + u64::from(!parts.open.is_empty());
                write(&cx, parts.end_all()).await?;
                return Err(TaskError::deadline(&(next, walk.place())));
            }
        }
        write(&cx, parts.end_all()).await
    }
}

async fn write<R: DeclaresTaskData>(
    cx: &TaskContext<R>,
    parts: impl IntoIterator<Item = Part<Box<RawValue>>>,
) -> Result<(), TaskError> {
    for part in parts {
        cx.task_data().push(&part).await?;
    }
    Ok(())
}

impl Split {
    fn check(&self) -> Result<(), TaskError> {
        let (field, value, max) = match self {
            Self::Chunks { rows } => ("rows", *rows, Partition::MAX_ROWS),
            Self::Hash { parts, .. } => ("parts", *parts, Partition::MAX_PARTS),
        };
        if (1..=max).contains(&value) {
            return Ok(());
        }
        let error = format!("by.{field}: {value} is not within 1 and {max}");
        Err(TaskError::fatal(error))
    }
}

/// Parts that are not finished.
struct Parts {
    by: Split,
    /// The number of the next chunk.
    next: u64,
    open: BTreeMap<u64, Open>,
    bytes: usize,
}

#[derive(Default)]
struct Open {
    rows: Vec<Box<RawValue>>,
    bytes: usize,
}

impl Parts {
    fn new(by: Split, next: u64) -> Self {
        Self {
            by,
            next,
            open: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Takes a row; returns the part that this ends, if it ends one.
    fn add(&mut self, row: Row) -> Option<Part<Box<RawValue>>> {
        let number = match &self.by {
            Split::Chunks { .. } => self.next,
            Split::Hash { at, parts } => hashed(at.find(&row.value), *parts),
        };
        let len = row.raw.get().len();
        let open = self.open.entry(number).or_default();
        open.rows.push(row.raw);
        open.bytes += len;
        self.bytes += len;
        let full = match self.by {
            Split::Chunks { rows } => open.rows.len() >= rows as usize,
            Split::Hash { .. } => false,
        };
        if full || open.bytes >= Partition::MAX_BYTES {
            return self.end(number);
        }
        if self.bytes < Partition::MAX_BUFFER {
            return None;
        }
        let largest = self.open.iter().max_by_key(|(_, open)| open.bytes);
        let largest = *largest?.0;
        self.end(largest)
    }

    fn end(&mut self, number: u64) -> Option<Part<Box<RawValue>>> {
        let open = self.open.remove(&number)?;
        self.bytes -= open.bytes;
        if matches!(self.by, Split::Chunks { .. }) {
            self.next += 1;
        }
        Some(Part {
            part: number,
            rows: open.rows,
        })
    }

    fn end_all(self) -> impl Iterator<Item = Part<Box<RawValue>>> {
        self.open.into_iter().map(|(part, open)| Part {
            part,
            rows: open.rows,
        })
    }
}

/// The number of a value's part: the same on every machine and in every version.
fn hashed(value: Option<&Value>, parts: u32) -> u64 {
    let mut hasher = SipHasher13::new();
    if let Some(value) = value {
        hasher.write(canonical::text(value).as_bytes());
    }
    ((u128::from(hasher.finish()) * u128::from(parts)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn divide(by: Split, rows: &[Value]) -> Vec<(u64, Vec<Value>)> {
        let mut parts = Parts::new(by, 0);
        let mut ended = Vec::new();
        for value in rows {
            let raw = serde_json::value::to_raw_value(value).unwrap();
            ended.extend(parts.add(Row {
                raw,
                value: value.clone(),
            }));
        }
        ended.extend(parts.end_all());
        let value = |raw: Box<RawValue>| serde_json::from_str(raw.get()).unwrap();
        ended
            .into_iter()
            .map(|part| (part.part, part.rows.into_iter().map(value).collect()))
            .collect()
    }

    fn rows(keys: &[u8], padding: usize) -> Vec<Value> {
        let pad = "x".repeat(padding);
        let row = |(n, key)| json!({"n": n, "key": key, "pad": pad});
        keys.iter().enumerate().map(row).collect()
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_part(
            keys in proptest::collection::vec(0u8..9, 0..120),
            padding in prop_oneof![Just(0usize), Just(20_000)],
            size in 1u32..50,
            by_hash: bool,
        ) {
            let rows = rows(&keys, padding);
            let by = if by_hash {
                Split::Hash { at: "/key".parse().unwrap(), parts: size }
            } else {
                Split::Chunks { rows: size }
            };
            let parts = divide(by, &rows);
            let mut all: Vec<Value> = parts.iter().flat_map(|(_, rows)| rows.clone()).collect();
            if !by_hash {
                prop_assert_eq!(&all, &rows);
                prop_assert!(parts.iter().all(|(_, rows)| rows.len() <= size as usize));
                prop_assert!(parts.iter().map(|(part, _)| *part).eq(0..parts.len() as u64));
            }
            all.sort_by_key(|row| row["n"].as_u64());
            prop_assert_eq!(&all, &rows);
            if by_hash {
                let mut of_key = BTreeMap::new();
                for (part, rows) in &parts {
                    prop_assert!(*part < u64::from(size));
                    prop_assert!(rows.is_sorted_by_key(|row| row["n"].as_u64()));
                    for row in rows {
                        let key = row["key"].as_u64();
                        prop_assert_eq!(of_key.entry(key).or_insert(*part), part);
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_of_parts_stay_what_they_are() {
        let of = |value: Value| hashed(Some(&value), 1000);
        assert_eq!(
            [of(json!("example.com")), of(json!(7)), hashed(None, 1000)],
            [750, 976, 820]
        );
    }
}
