//! Task data.

use super::fixture::{
    becomes, begin, child, claim, collection, commit, container, full_container, generator, json,
    name, running, seed, writer,
};
use crate::id::TaskId;
use crate::payload::Payload;
use crate::ports::data::{DataRow, Dataset, PAGE_BYTES, RowKey, Writer};
use crate::ports::store::{ContainerRow, ResultRow, Store, StoreError, Task, TaskStatus};
use crate::state::TaskState;

/// A container with three tasks that run in attempt 1.
async fn three_running(store: &dyn Store) -> (ContainerRow, Vec<Task>) {
    let row = container(collection(1).id, 0);
    let mut all: Vec<Task> = (0..3).map(|ordinal| child(&row, ordinal)).collect();
    for task in &mut all {
        task.head.status = running(1, 10);
    }
    seed(store, &row, &all).await;
    (row, all)
}

async fn write(store: &dyn Store, writer: Writer, first: u32, rows: &[Payload]) {
    store
        .write_rows(writer, first, rows)
        .await
        .expect("rows of a running task are written");
}

async fn read(store: &dyn Store, set: Dataset, after: Option<RowKey>, n: usize) -> Vec<DataRow> {
    store.rows(set, after, n).await.expect("rows are read")
}

fn keys(rows: &[DataRow]) -> Vec<(TaskId, u32)> {
    rows.iter().map(|row| (row.key.task, row.key.seq)).collect()
}

async fn update(store: &dyn Store, task: &Task, status: TaskStatus) {
    let mut tx = begin(store).await;
    tx.update_tasks(&[becomes(task, status)])
        .await
        .expect("tasks are updated");
    commit(tx).await;
}

/// Data sets are found by the name of a task or a container.
pub async fn a_data_set_has_a_name(store: &dyn Store) {
    let row = full_container(collection(1).id, 0);
    let mut task = child(&row, 1);
    task.name = name("scan");
    seed(store, &row, std::slice::from_ref(&task)).await;
    let find = async |collection, name| {
        store
            .dataset(collection, name)
            .await
            .expect("a data set is looked up")
    };
    let one = Dataset {
        container: row.id,
        task: Some(task.head.id),
    };
    assert_eq!(
        find(collection(1).id, "scan").await,
        Some(one),
        "a task's data set"
    );
    let all = Dataset {
        container: row.id,
        task: None,
    };
    assert_eq!(
        find(collection(1).id, "container 0").await,
        Some(all),
        "a container's data set"
    );
    assert_eq!(
        find(collection(1).id, "nothing").await,
        None,
        "a name that nobody has"
    );
    assert_eq!(
        find(collection(2).id, "scan").await,
        None,
        "names belong to their collection"
    );
}

/// Rows come by task and place, in pages that follow one another.
pub async fn rows_come_in_order_and_in_pages(store: &dyn Store) {
    let (row, all) = three_running(store).await;
    for task in [2, 0, 1] {
        let rows: Vec<Payload> = (0..300)
            .map(|seq| json(&format!("{}", task * 1000 + seq)))
            .collect();
        write(store, writer(&all[task], 1), 0, &rows[..200]).await;
        write(store, writer(&all[task], 1), 200, &rows[200..]).await;
    }
    let set = Dataset {
        container: row.id,
        task: None,
    };
    let expected: Vec<(TaskId, u32)> = all
        .iter()
        .flat_map(|task| (0..300).map(|seq| (task.head.id, seq)))
        .collect();
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map(|row: &DataRow| row.key);
        let page = read(store, set, after, 77).await;
        assert!(page.len() <= 77, "a page keeps its limit");
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(
        keys(&seen),
        expected,
        "rows come by task and place, each once, over pages"
    );
    assert_eq!(
        seen[299 + 300].body,
        json("1299"),
        "a row is as it was written"
    );
    let set = Dataset {
        container: row.id,
        task: Some(all[1].head.id),
    };
    let seen = read(
        store,
        set,
        Some(RowKey {
            task: all[1].head.id,
            seq: 297,
        }),
        10,
    )
    .await;
    assert_eq!(
        keys(&seen),
        [(all[1].head.id, 298), (all[1].head.id, 299)],
        "one task's rows"
    );
    let seen = read(
        store,
        set,
        Some(RowKey {
            task: all[0].head.id,
            seq: 5,
        }),
        1,
    )
    .await;
    assert_eq!(
        keys(&seen),
        [(all[1].head.id, 0)],
        "behind an earlier task: from the start"
    );
    let seen = read(
        store,
        set,
        Some(RowKey {
            task: all[2].head.id,
            seq: 5,
        }),
        1,
    )
    .await;
    assert_eq!(seen, [], "behind a later task: nothing");
    for (task, expected) in [(None, 900), (Some(all[0].head.id), 300)] {
        let set = Dataset {
            container: row.id,
            task,
        };
        let count = store.count(set).await.expect("rows are counted");
        assert_eq!(count, expected, "the number of rows of a data set");
    }
    let none = Dataset {
        container: collection(1).id.container(9),
        task: None,
    };
    assert_eq!(
        read(store, none, None, 10).await,
        [],
        "a data set without rows"
    );
    assert_eq!(store.count(none).await.expect("rows are counted"), 0);
    assert_eq!(read(store, set, None, 0).await, [], "a limit of 0");
}

/// A page ends when its bytes pass the limit, but not before its first row.
pub async fn pages_end_by_bytes(store: &dyn Store) {
    let (row, all) = three_running(store).await;
    let large = json(&format!("\"{}\"", "x".repeat(PAGE_BYTES / 4)));
    write(store, writer(&all[0], 1), 0, &vec![large.clone(); 6]).await;
    let huge = json(&format!("\"{}\"", "x".repeat(PAGE_BYTES + 1)));
    write(store, writer(&all[1], 1), 0, &[huge.clone(), json("1")]).await;
    let set = Dataset {
        container: row.id,
        task: None,
    };
    let mut seen = Vec::new();
    loop {
        let page = read(store, set, seen.last().map(|row: &DataRow| row.key), 100).await;
        let Some((_, but_last)) = page.split_last() else {
            break;
        };
        let bytes: usize = but_last.iter().map(|row| row.body.inline_len()).sum();
        assert!(
            bytes <= PAGE_BYTES,
            "a page ends when its rows pass {PAGE_BYTES} bytes"
        );
        seen.extend(page);
    }
    assert_eq!(seen.len(), 8, "a row that is larger than a page comes, too");
    assert!(
        seen[6].body == huge && seen[5].body == large,
        "large rows are whole"
    );
}

/// What the manager writes for a worker overwrites what is there.
pub async fn put_data_overwrites(store: &dyn Store) {
    let (row, all) = three_running(store).await;
    let result = |seq, body: Payload| ResultRow {
        collection: row.collection,
        container: row.id,
        task: all[0].head.id,
        seq,
        body,
    };
    let mut tx = begin(store).await;
    tx.put_data(&[result(0, json("0")), result(1, json("1"))])
        .await
        .expect("data is put");
    tx.put_data(&[result(1, Payload::Claim(claim("data/1")))])
        .await
        .expect("data is put");
    commit(tx).await;
    let seen = read(
        store,
        Dataset {
            container: row.id,
            task: None,
        },
        None,
        10,
    )
    .await;
    let bodies: Vec<_> = seen.into_iter().map(|row| row.body).collect();
    assert_eq!(
        bodies,
        [json("0"), Payload::Claim(claim("data/1"))],
        "a row whose place is taken is overwritten"
    );
}

/// The rows of a generator are no rows of its container.
pub async fn a_generators_rows_are_its_own(store: &dyn Store) {
    let mut row = container(collection(1).id, 0);
    let mut all = vec![generator(&row), child(&row, 0), child(&row, 1)];
    row.generator = Some(all[0].head.id);
    for task in &mut all {
        task.head.status = running(1, 10);
    }
    seed(store, &row, &all).await;
    for task in &all {
        write(store, writer(task, 1), 0, &[json("1"), json("2")]).await;
    }
    let set = |task| Dataset {
        container: row.id,
        task,
    };
    let children = read(store, set(None), None, 10).await;
    let expected = [(1, 0), (1, 1), (2, 0), (2, 1)].map(|(at, seq)| (all[at].head.id, seq));
    assert_eq!(
        keys(&children),
        expected,
        "a container's rows are its children's"
    );
    let counted = store.count(set(None)).await.expect("rows are counted");
    assert_eq!(counted, 4, "and so is their number");
    let own = read(store, set(Some(all[0].head.id)), None, 10).await;
    assert_eq!(
        own.len(),
        2,
        "a generator's rows are found under its own name"
    );
}

/// Only the running attempt of a task may write; the refusal names it.
pub async fn writers_are_fenced(store: &dyn Store) {
    let (row, all) = three_running(store).await;
    let done = TaskStatus {
        state: TaskState::Succeeded,
        attempt: 1,
        ..TaskStatus::NEW
    };
    update(store, &all[1], done).await;
    update(store, &all[2], running(2, 10)).await;
    let elsewhere = Writer {
        container: collection(1).id.container(5),
        ..writer(&all[0], 1)
    };
    for (writer, why) in [
        (writer(&all[0], 0), "an earlier attempt"),
        (writer(&all[0], 2), "a later attempt"),
        (writer(&all[1], 1), "a task that is over"),
        (writer(&all[2], 1), "an attempt that another has followed"),
        (writer(&child(&row, 9), 1), "a task that does not exist"),
        (elsewhere, "a task of another container"),
    ] {
        let rows = store.write_rows(writer, 0, &[json("1")]).await;
        let value = store.set_value(writer, "key", &json("1")).await;
        for refused in [rows, value] {
            let fenced = matches!(
                refused,
                Err(StoreError::Fenced { task, attempt })
                    if task == writer.task && attempt == writer.attempt
            );
            assert!(fenced, "{why} is fenced off, not {refused:?}");
        }
    }
    let set = Dataset {
        container: row.id,
        task: None,
    };
    assert_eq!(
        read(store, set, None, 10).await,
        [],
        "what was fenced off left no rows"
    );
    let value = store
        .value(collection(1).id, "key")
        .await
        .expect("a value is read");
    assert_eq!(value, None, "what was fenced off left no value");
    write(store, writer(&all[2], 2), 0, &[json("2")]).await;
    assert_eq!(
        read(store, set, None, 10).await.len(),
        1,
        "the running attempt writes"
    );
}

/// A write removes what earlier attempts wrote at or behind it; its own attempt's rows stay.
pub async fn a_resumed_attempt_removes_what_lies_ahead(store: &dyn Store) {
    let (row, all) = three_running(store).await;
    let set = Dataset {
        container: row.id,
        task: Some(all[0].head.id),
    };
    let seen = async || -> Vec<Payload> {
        read(store, set, None, 100)
            .await
            .into_iter()
            .map(|row| row.body)
            .collect()
    };
    let rows: Vec<Payload> = ["10", "11", "12", "13", "14"].map(json).into();
    write(store, writer(&all[0], 1), 0, &rows).await;
    write(store, writer(&all[1], 1), 0, &rows).await;
    write(store, writer(&all[0], 1), 1, &[json("111")]).await;
    assert_eq!(
        seen().await,
        ["10", "111", "12", "13", "14"].map(json),
        "writing a place again replaces it; rows of the same attempt behind it stay"
    );
    update(store, &all[0], running(2, 10)).await;
    write(store, writer(&all[0], 2), 2, &[json("22")]).await;
    assert_eq!(
        seen().await,
        ["10", "111", "22"].map(json),
        "rows of earlier attempts at or behind the first row written are removed"
    );
    write(store, writer(&all[0], 2), 3, &["23", "24"].map(json)).await;
    write(store, writer(&all[0], 2), 3, &[json("33")]).await;
    assert_eq!(
        seen().await,
        ["10", "111", "22", "33", "24"].map(json),
        "the same attempt again"
    );
    update(store, &all[0], running(3, 10)).await;
    write(store, writer(&all[0], 3), 1, &[]).await;
    assert_eq!(
        seen().await,
        [json("10")],
        "a write without rows removes what lies ahead, too"
    );
    let other = Dataset {
        container: row.id,
        task: Some(all[1].head.id),
    };
    assert_eq!(
        read(store, other, None, 100).await.len(),
        5,
        "other tasks' rows stay"
    );
}

/// Values belong to their collection; setting one again overwrites it.
pub async fn values_are_fenced_and_overwritten(store: &dyn Store) {
    let (_, all) = three_running(store).await;
    let get =
        async |collection, key: &str| store.value(collection, key).await.expect("a value is read");
    assert_eq!(
        get(collection(1).id, "key").await,
        None,
        "a value that nobody has set"
    );
    for value in [json("1"), Payload::Claim(claim("values/1")), json("null")] {
        store
            .set_value(writer(&all[0], 1), "key", &value)
            .await
            .expect("a value is set");
        assert_eq!(
            get(collection(1).id, "key").await,
            Some(value),
            "the value that was set last"
        );
    }
    store
        .set_value(writer(&all[1], 1), "", &json("2"))
        .await
        .expect("a value is set");
    assert_eq!(
        get(collection(1).id, "").await,
        Some(json("2")),
        "an empty key is a key"
    );
    assert_eq!(
        get(collection(2).id, "key").await,
        None,
        "values belong to their collection"
    );
}
