//! The rows with the largest values, or the smallest.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use task_core::{TaskContext, TaskDefinition, TaskError, needs};

use super::carry::{hand_back, take_up};
use super::pointer::Pointer;
use super::walk::Walk;

/// Writes the rows of an earlier task, or of all children of a container, that have the largest
/// values at a place, or the smallest, as its own task data: the first comes first, and of rows
/// with one value the one that was read first. Rows keep their text.
///
/// Numbers compare by value and are smaller than texts, which compare byte by byte. Rows with
/// neither are left out.
///
/// Rows are streamed; memory holds twice as many as are wanted, at most
/// [`MAX_BYTES`](Self::MAX_BYTES). When its time runs out it hands back what it has, and the next
/// attempt goes on behind the last row. Nothing is written before all rows are read.
///
/// # Errors
///
/// [`TaskError::Fatal`] if the collection has nothing called `from`, or a limit is broken.
///
/// ```
/// use sortie_task_defs::data::{Order, TopN};
///
/// let busiest = TopN {
///     from: "groups".to_owned(),
///     by: "/rows".parse()?,
///     rows: 20,
///     order: Order::Largest,
/// };
/// # Ok::<(), sortie_task_defs::data::InvalidPointer>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopN {
    /// The name of the task or container whose rows are read.
    pub from: String,
    /// Where in a row the value is.
    pub by: Pointer,
    /// How many rows are wanted. At most [`MAX_ROWS`](Self::MAX_ROWS).
    pub rows: u32,
    /// Which come first.
    #[serde(default)]
    pub order: Order,
}

/// Which rows come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Those with the largest values.
    #[default]
    Largest,
    /// Those with the smallest values.
    Smallest,
}

impl TopN {
    /// Most rows that can be wanted.
    pub const MAX_ROWS: u32 = 10_000;
    /// Bytes of JSON in memory.
    pub const MAX_BYTES: usize = 64 << 20;
}

impl TaskDefinition for TopN {
    const KIND: &'static str = "data.top_n";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        if self.rows > Self::MAX_ROWS {
            let (rows, max) = (self.rows, Self::MAX_ROWS);
            let error = format!("rows: {rows} are wanted; at most {max} can be");
            return Err(TaskError::fatal(error));
        }
        let (behind, best) = take_up(&cx).await?.unwrap_or_default();
        let mut top = Top::new(self.rows as usize, self.order, best);
        let mut walk = Walk::over(&cx, &self.from, behind).await?;
        while let Some(row) = walk.next().await? {
            if let Some(rank) = self.by.find(&row.value).and_then(Rank::of) {
                top.add(rank, row.raw);
            }
            if top.bytes > Self::MAX_BYTES {
                let max = Self::MAX_BYTES;
                let error = format!("the rows have more than {max} bytes; want fewer");
                return Err(walk.refuse(error));
            }
            if walk.must_end() {
                return Err(hand_back(&cx, walk.place(), &top.finish()).await);
            }
        }
        let data = cx.task_data();
        for Ranked { row, .. } in top.finish() {
            data.push(&row).await?;
        }
        Ok(())
    }
}

/// A value in the order of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Rank {
    Number(serde_json::Number),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ranked {
    rank: Rank,
    row: Box<RawValue>,
}

/// The best so far, and some that may not be.
struct Top {
    wanted: usize,
    order: Order,
    rows: Vec<Ranked>,
    bytes: usize,
}

impl Top {
    fn new(wanted: usize, order: Order, rows: Vec<Ranked>) -> Self {
        let bytes = rows.iter().map(|ranked| ranked.row.get().len()).sum();
        Self {
            wanted,
            order,
            rows,
            bytes,
        }
    }

    fn add(&mut self, rank: Rank, row: Box<RawValue>) {
        self.bytes += row.get().len();
        self.rows.push(Ranked { rank, row });
        // So each row is sorted twice on average, however many are wanted.
        if self.rows.len() > 2 * self.wanted || self.bytes > TopN::MAX_BYTES {
            self.prune();
        }
    }

    fn prune(&mut self) {
        let order = self.order;
        // Stable, so that what was read first stays first.
        self.rows.sort_by(|a, b| match order {
            Order::Largest => b.rank.compare(&a.rank),
            Order::Smallest => a.rank.compare(&b.rank),
        });
        self.rows.truncate(self.wanted);
        self.bytes = self.rows.iter().map(|ranked| ranked.row.get().len()).sum();
    }

    /// The best, in order.
    fn finish(mut self) -> Vec<Ranked> {
        self.prune();
        self.rows
    }
}

impl Rank {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::String(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    /// A total order, also where floats cannot tell whole numbers apart.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Number(a), Self::Number(b)) => {
                let real = |n: &serde_json::Number| n.as_f64().unwrap_or_default();
                let whole = |n: &serde_json::Number| {
                    let whole = n.as_i64().map(i128::from);
                    let whole = whole.or_else(|| n.as_u64().map(i128::from));
                    whole.unwrap_or_else(|| real(n) as i128)
                };
                let by_value = real(a).partial_cmp(&real(b)).unwrap_or(Ordering::Equal);
                by_value.then_with(|| whole(a).cmp(&whole(b)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn top(wanted: usize, order: Order, rows: &[Value]) -> Vec<Value> {
        let mut top = Top::new(wanted, order, Vec::new());
        for row in rows {
            if let Some(rank) = Rank::of(&row["v"]) {
                top.add(rank, serde_json::value::to_raw_value(row).unwrap());
                assert!(top.rows.len() <= 2 * wanted + 1);
            }
        }
        let rows = top.finish().into_iter();
        rows.map(|ranked| serde_json::from_str(ranked.row.get()).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn it_is_the_head_of_a_sorted_list(
            values in proptest::collection::vec(-9i64..9, 0..80),
            wanted in 0usize..20,
        ) {
            let rows: Vec<Value> = (0..).zip(&values).map(|(n, v): (u32, _)| json!({"n": n, "v": v})).collect();
            let mut expected = rows.clone();
            expected.sort_by_key(|row| row["v"].as_i64());
            expected.truncate(wanted);
            prop_assert_eq!(top(wanted, Order::Smallest, &rows), expected);
            let mut expected = rows.clone();
            expected.sort_by_key(|row| row["v"].as_i64().map(|v| -v));
            expected.truncate(wanted);
            prop_assert_eq!(top(wanted, Order::Largest, &rows), expected);
        }
    }

    #[test]
    fn numbers_come_before_texts_and_whole_ones_are_exact() {
        let values = [
            json!("a"),
            json!(u64::MAX),
            json!(null),
            json!(u64::MAX - 1),
            json!(-0.5),
            json!("B"),
            json!([1]),
        ];
        let rows: Vec<Value> = values.iter().map(|v| json!({"v": v})).collect();
        let sorted: Vec<Value> = top(9, Order::Smallest, &rows)
            .into_iter()
            .map(|row| row["v"].clone())
            .collect();
        assert_eq!(
            sorted,
            [
                json!(-0.5),
                json!(u64::MAX - 1),
                json!(u64::MAX),
                json!("B"),
                json!("a")
            ]
        );
    }
}
