//! The outbox: a row for each batch of dispatches, which come and go together.
//!
//! Most batches hold a thousand dispatches, are put by one transaction and removed by the next. One
//! row for each dispatch would be two writes and two entries of indexes for each task that runs.

use std::collections::{HashMap, HashSet};

use sqlx::types::Uuid;
use task_core::id::TaskId;
use task_core::ports::store::OutboxRow;

use super::put::millis;
use super::session::Statement;

/// Task and attempt of a batch's first dispatch, by which its row is found.
type Key = (TaskId, u32);

/// Dispatches, batch by batch.
#[derive(Default)]
pub(super) struct Batches {
    batches: Vec<(OutboxRow, Vec<Key>)>,
    places: HashMap<Key, usize>,
}

impl Batches {
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether it has this dispatch's batch, or a part of it.
    pub(super) fn has_batch_of(&self, row: &OutboxRow) -> bool {
        self.places.contains_key(&row.batch)
    }

    /// Takes each dispatch of `rows` once.
    pub(super) fn extend(&mut self, rows: &[OutboxRow]) {
        let mut seen = HashSet::with_capacity(rows.len());
        for row in rows.iter().filter(|row| seen.insert(row.key())) {
            let next = self.batches.len();
            let place = *self.places.entry(row.batch).or_insert(next);
            if place == next {
                self.batches.push((*row, Vec::new()));
            }
            self.batches[place].1.push(row.key());
        }
    }

    /// Adds the first tasks of the batches, then the keys of all members.
    pub(super) fn bind_keys(self, statement: Statement<'_>) -> Statement<'_> {
        let firsts: Vec<Uuid> = self.places.keys().map(|key| *key.0.as_uuid()).collect();
        let mut members = Columns::default();
        let keys = self.batches.into_iter().flat_map(|(_, keys)| keys);
        keys.for_each(|key| members.push(key));
        let statement = statement.bind(firsts);
        statement.bind(members.tasks).bind(members.attempts)
    }

    /// Adds the parameters that [`batches`] names.
    pub(super) fn bind(self, statement: Statement<'_>) -> Statement<'_> {
        let count = self.batches.len();
        let (mut firsts, mut times) = (Columns::with_capacity(count), Vec::with_capacity(count));
        let (mut from, mut to) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut members = Columns::default();
        for (row, batch) in self.batches {
            firsts.push(row.batch);
            times.push(millis(row.send_at));
            // Places in arrays count from one, the last one included.
            from.push(at(members.tasks.len()) + 1);
            batch.into_iter().for_each(|key| members.push(key));
            to.push(at(members.tasks.len()));
        }
        let statement = statement.bind(firsts.tasks).bind(firsts.attempts);
        let statement = statement.bind(times).bind(from).bind(to);
        statement.bind(members.tasks).bind(members.attempts)
    }
}

#[derive(Default)]
struct Columns {
    tasks: Vec<Uuid>,
    attempts: Vec<i64>,
}

impl Columns {
    fn with_capacity(count: usize) -> Self {
        Self {
            tasks: Vec::with_capacity(count),
            attempts: Vec::with_capacity(count),
        }
    }

    fn push(&mut self, (task, attempt): Key) {
        self.tasks.push(*task.as_uuid());
        self.attempts.push(attempt.into());
    }
}

/// A place in an array: they have less than 2^31.
fn at(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}

/// How many parameters [`Batches::bind`] adds.
pub(super) const PARAMETERS: usize = 7;
/// How many parameters [`Batches::bind_keys`] adds.
pub(super) const KEYS: usize = 3;

/// `SELECT` of batches: `task`, `attempt`, `send_at`, `members`, `tasks`, `attempts`, with the first
/// array in parameter `first`.
fn batches(first: usize) -> String {
    let [tasks, attempts] = [("uuid", first + 5), ("int8", first + 6)]
        .map(|(kind, n)| format!("(${n}::{kind}[])[u.first:u.last]"));
    format!(
        "SELECT u.task, u.attempt, u.send_at, u.last - u.first + 1 AS members, \
         {tasks} AS tasks, {attempts} AS attempts \
         FROM unnest(${}::uuid[], ${}::int8[], ${}::int8[], ${}::int4[], ${}::int4[]) \
         AS u(task, attempt, send_at, first, last)",
        first,
        first + 1,
        first + 2,
        first + 3,
        first + 4,
    )
}

/// `INSERT` of batches. One that is put again is joined with what is left of it: nobody does so, but
/// nothing that must be sent may be lost over it.
pub(super) fn put(first: usize) -> String {
    format!(
        "INSERT INTO task_manager.outbox AS o (task, attempt, send_at, members, tasks, attempts) \
         {} ON CONFLICT (task, attempt) DO UPDATE SET (members, tasks, attempts) = ( \
         SELECT count(*), array_agg(m.task), array_agg(m.attempt) FROM ( \
         SELECT * FROM unnest(o.tasks, o.attempts) \
         UNION SELECT * FROM unnest(excluded.tasks, excluded.attempts)) AS m(task, attempt))",
        batches(first)
    )
}

/// Expressions of a `WITH` that remove dispatches, by the parameters of [`Batches::bind_keys`]. A batch
/// that loses all of its members goes; of another one what is left stays. Who removes other members
/// of the same batch is waited for, and what they have left is read.
pub(super) fn remove(first: usize) -> String {
    let batches = format!("o.task = ANY(${first}::uuid[])");
    let members = format!("unnest(${}::uuid[], ${}::int8[])", first + 1, first + 2);
    format!(
        "held AS (SELECT o.task, o.attempt, o.tasks, o.attempts FROM task_manager.outbox AS o \
         WHERE {batches} ORDER BY o.task, o.attempt FOR UPDATE), \
         rest AS (SELECT h.task, h.attempt, array_agg(m.task) AS tasks, \
         array_agg(m.attempt) AS attempts \
         FROM held AS h CROSS JOIN LATERAL unnest(h.tasks, h.attempts) AS m(task, attempt) \
         WHERE (m.task, m.attempt) NOT IN (SELECT * FROM {members}) \
         GROUP BY h.task, h.attempt), \
         sent AS (DELETE FROM task_manager.outbox AS o WHERE {batches} \
         AND (o.task, o.attempt) NOT IN (SELECT task, attempt FROM rest)), \
         kept AS (UPDATE task_manager.outbox AS o SET tasks = r.tasks, attempts = r.attempts, \
         members = cardinality(r.tasks) FROM rest AS r \
         WHERE o.task = r.task AND o.attempt = r.attempt AND o.members <> cardinality(r.tasks))"
    )
}

/// Members of batches that are due, up to a limit. No more batches are looked at than can be wanted,
/// as each has a member, and none is taken apart that is not.
pub(super) const DUE: &str = "SELECT m.task, m.attempt, o.send_at, o.task, o.attempt FROM ( \
     SELECT o.*, sum(members) OVER (ORDER BY send_at, task, attempt) - members AS ahead FROM ( \
     SELECT * FROM task_manager.outbox WHERE send_at <= $1 \
     ORDER BY send_at, task, attempt LIMIT $2) AS o) AS o \
     CROSS JOIN LATERAL unnest(o.tasks, o.attempts) AS m(task, attempt) WHERE o.ahead < $2 \
     ORDER BY o.send_at, m.task, m.attempt LIMIT $2";
