//! Odd texts, large payloads, great numbers.

use super::fixture::{
    at, becomes, begin, child, collection, commit, container, full_container, full_status, json,
    read_container, seed, tasks, writer,
};
use crate::payload::Payload;
use crate::ports::data::Dataset;
use crate::ports::store::{OutboxRow, Store};
use crate::state::TaskState;

/// What quoting, encoding or matching could get wrong.
const ODD: [&str; 10] = [
    "",
    " ",
    "'; DROP TABLE tasks; --",
    "\"double\" 'single' `back`",
    "back\\slash \\u0041 %s {} $1 ?1 :a @b",
    "line\nfeed\ttab\r\nand\u{1b}escape",
    "Grüße, 世界, мир, 🦀, \u{202e}reversed",
    "e\u{301} is not \u{e9}",
    "null",
    "{\"json\": [1, 2.50, \"\\u00e9\"]}",
];

/// Names, kinds, errors, keys and payloads are kept to the byte.
pub async fn every_text_is_kept(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let mut all = Vec::new();
    for (text, ordinal) in ODD.into_iter().zip(0..) {
        let mut task = child(&row, ordinal);
        task.name = super::fixture::name(&format!("{ordinal}{text}"));
        task.head.kind = text.into();
        task.head.status.error = Some(text.to_owned());
        task.head.status.cursor = Some(Payload::encode(text).expect("texts have a JSON form"));
        task.payload = json(&format!(
            " {{ \"a\" : {}, \"n\": 1.50e+3 }} ",
            serde_json::to_string(text).expect("texts have a JSON form")
        ));
        all.push(task);
    }
    seed(store, &row, &all).await;
    let mut tx = begin(store).await;
    let seen = tasks(&mut *tx, &super::fixture::ids(&all)).await;
    assert_eq!(
        seen, all,
        "texts are kept to the byte, and JSON as it was written"
    );
    let mut renamed = collection(1);
    renamed.name = ODD.concat();
    tx.update_collections(&[renamed.clone()])
        .await
        .expect("collections are updated");
    tx.update_tasks(&[becomes(&all[0], full_status(TaskState::Running))])
        .await
        .expect("updated");
    let mut named = full_container(collection(1).id, 1);
    named.name = super::fixture::name(&ODD.concat());
    tx.insert_containers(std::slice::from_ref(&named))
        .await
        .expect("containers are inserted");
    commit(tx).await;
    let seen = store
        .collection(collection(1).id)
        .await
        .expect("a collection is read");
    assert_eq!(
        seen,
        Some(renamed),
        "a collection's name is kept to the byte"
    );
    assert_eq!(
        read_container(store, named.id).await,
        named,
        "a container's name is kept"
    );
    for (text, task) in ODD.into_iter().zip(&all) {
        let name = task.name.as_deref().unwrap_or_default();
        let found = store
            .task(collection(1).id, name)
            .await
            .expect("a task is read");
        assert_eq!(
            found.map(|head| head.id),
            Some(task.head.id),
            "a task is found by `{name}`"
        );
        let value = Payload::encode(text).expect("texts have a JSON form");
        store
            .set_value(writer(&all[0], 4), text, &value)
            .await
            .expect("a value is set");
    }
    for text in ODD {
        let value = store
            .value(collection(1).id, text)
            .await
            .expect("a value is read");
        let expected = Payload::encode(text).expect("texts have a JSON form");
        assert_eq!(
            value,
            Some(expected),
            "a value is found by the key `{text}`"
        );
    }
}

/// Payloads of 1 MiB are kept.
pub async fn large_payloads_are_kept(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let large = |n: usize| json(&format!("\"{}\"", "ü\\\\0".repeat((1 << 20) / 5 + n)));
    let mut all: Vec<_> = (0..20).map(|ordinal| child(&row, ordinal)).collect();
    for (n, task) in all.iter_mut().enumerate() {
        task.payload = large(n);
    }
    seed(store, &row, &all).await;
    let mut tx = begin(store).await;
    assert!(
        tasks(&mut *tx, &super::fixture::ids(&all)).await == all,
        "payloads of 1 MiB are kept"
    );
    let waiting = tx
        .waiting(&[(row.id, 20)])
        .await
        .expect("waiting tasks are read");
    assert!(waiting == all, "tasks with large payloads wait whole");
    let mut status = full_status(TaskState::Running);
    status.cursor = Some(large(1));
    tx.update_tasks(&[becomes(&all[0], status.clone())])
        .await
        .expect("tasks are updated");
    commit(tx).await;
    store
        .write_rows(writer(&all[0], 4), 0, &[large(2)])
        .await
        .expect("rows are written");
    let rows = store
        .rows(
            Dataset {
                container: row.id,
                task: None,
            },
            None,
            10,
        )
        .await
        .expect("rows are read");
    assert!(rows[0].body == large(2), "a row of 1 MiB is kept");
    let mut tx = begin(store).await;
    let heads = tx.heads(&[all[0].head.id]).await.expect("heads are read");
    assert!(heads[0].status == status, "a cursor of 1 MiB is kept");
}

/// Counters go up to `i64::MAX`, ordinals, attempts and places up to `u32::MAX`.
pub async fn counters_reach_far(store: &dyn Store) {
    const MOST: u64 = i64::MAX as u64;
    let mut row = full_container(collection(1).id, 0);
    row.expected = Some(MOST);
    row.children.created = MOST;
    row.children.disabled = MOST;
    row.targets = MOST;
    row.outcomes = [("responded", MOST), ("timeout", u64::MAX)]
        .into_iter()
        .collect();
    row.usage.bytes_out = u64::MAX;
    row.cursor = u32::MAX;
    let mut tasks = [child(&row, u32::MAX), child(&row, 0)];
    for task in &mut tasks {
        task.head.targets = MOST;
        task.head.status = full_status(TaskState::Running);
        task.head.status.attempt = u32::MAX;
        task.head.status.accounted = 0;
    }
    tasks[0].version = u32::MAX;
    seed(store, &row, &tasks).await;
    assert_eq!(
        read_container(store, row.id).await,
        row,
        "counters of a container reach far"
    );
    let mut tx = begin(store).await;
    let seen = tx.tasks(&[tasks[0].head.id]).await.expect("tasks are read");
    assert_eq!(seen, tasks[..1], "counters of a task reach far");
    let count = tx
        .count_from(row.id, u32::MAX)
        .await
        .expect("children are counted");
    assert_eq!(count, 1, "the last ordinal counts");
    let dispatch = OutboxRow::alone(tasks[0].head.id, u32::MAX, at(MOST >> 1));
    tx.put_outbox(&[dispatch])
        .await
        .expect("dispatches are put");
    let seen = tx
        .due_outbox(at(MOST >> 1), 1)
        .await
        .expect("the outbox is read");
    assert_eq!(seen, [dispatch], "attempts and times reach far");
    commit(tx).await;
    let writer = writer(&tasks[0], u32::MAX);
    store
        .write_rows(writer, u32::MAX, &[json("1")])
        .await
        .expect("the last place is a place");
    let beyond = store
        .write_rows(writer, u32::MAX, &[json("1"), json("2")])
        .await;
    assert!(beyond.is_err(), "there is no place behind the last");
    let mut tx = begin(store).await;
    let closed = tx
        .close_tasks(&[row.id], TaskState::Failed, at(0))
        .await
        .expect("tasks are closed");
    assert!(
        closed[0].targets >= MOST,
        "the targets of closed tasks do not wrap"
    );
}
