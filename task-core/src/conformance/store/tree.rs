//! Collections and containers.

use super::fixture::{
    at, begin, child, collection, collection_id, commit, container, full_child, full_container,
    name, read_container, seed, tasks,
};
use crate::ports::store::{ContainerRow, Store};
use crate::state::TaskState;

/// What exists already is left as it is.
pub async fn inserting_again_changes_nothing(store: &dyn Store) {
    let row = full_container(collection(1).id, 0);
    seed(store, &row, &[full_child(&row, 1)]).await;
    let mut tx = begin(store).await;
    let mut other = collection(1);
    other.name = "other".to_owned();
    tx.insert_collections(&[other])
        .await
        .expect("collections are inserted");
    tx.insert_containers(&[container(collection(1).id, 0)])
        .await
        .expect("containers are inserted");
    let mut other = full_child(&row, 1);
    other.version = 99;
    tx.insert_tasks(&[other]).await.expect("tasks are inserted");
    commit(tx).await;

    let seen = store
        .collection(collection(1).id)
        .await
        .expect("a collection is read");
    assert_eq!(
        seen,
        Some(collection(1)),
        "a collection that exists is left as it is"
    );
    let seen = store
        .containers(collection(1).id)
        .await
        .expect("containers are read");
    assert_eq!(
        seen,
        std::slice::from_ref(&row),
        "a container that exists is left as it is"
    );
    let mut tx = begin(store).await;
    let seen = tasks(&mut *tx, &[full_child(&row, 1).head.id]).await;
    assert_eq!(
        seen,
        [full_child(&row, 1)],
        "a task that exists is left as it is"
    );
}

/// Updates overwrite what changes, and nothing else; of what does not exist they make nothing.
pub async fn updates_overwrite_what_changes(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    seed(store, &row, &[]).await;
    let mut over = collection(1);
    over.name = "over".to_owned();
    over.state = TaskState::Failed;
    over.cancelled = true;
    over.deadline_at = None;
    over.finished_at = Some(at(77));
    let full = full_container(collection(1).id, 0);
    let mut tx = begin(store).await;
    tx.update_collections(&[over.clone(), collection(2)])
        .await
        .expect("collections are updated");
    tx.update_containers(&[full.clone(), full_container(collection(1).id, 1)])
        .await
        .expect("containers are updated");
    commit(tx).await;

    let seen = store
        .collection(collection(1).id)
        .await
        .expect("a collection is read");
    assert_eq!(
        seen,
        Some(over),
        "name, state, cancellation and times are overwritten"
    );
    let seen = store
        .collection(collection(2).id)
        .await
        .expect("a collection is read");
    assert_eq!(seen, None, "an update makes no collection");
    let seen = store
        .containers(collection(1).id)
        .await
        .expect("containers are read");
    assert_eq!(seen.len(), 1, "an update makes no container");
    let expected = ContainerRow {
        state: full.state,
        chosen: full.chosen,
        cursor: full.cursor,
        expected: full.expected,
        children: full.children,
        targets: full.targets,
        outcomes: full.outcomes,
        usage: full.usage,
        cut_off_at: full.cut_off_at,
        started_at: full.started_at,
        finished_at: full.finished_at,
        ..row.clone()
    };
    assert_eq!(
        seen,
        [expected],
        "of a container, everything from `state` on is overwritten"
    );

    let mut tx = begin(store).await;
    tx.update_containers(std::slice::from_ref(&row))
        .await
        .expect("containers are updated");
    commit(tx).await;
    assert_eq!(
        read_container(store, row.id).await,
        row,
        "what was set can be cleared again"
    );
}

/// The containers of a collection come parents first, and only its own.
pub async fn containers_come_parents_first(store: &dyn Store) {
    let mut tx = begin(store).await;
    tx.insert_collections(&[collection(1), collection(2)])
        .await
        .expect("collections are inserted");
    let mut rows: Vec<ContainerRow> = (0..300)
        .map(|index| container(collection(1).id, index))
        .collect();
    for index in 1..rows.len() {
        rows[index].parent = Some(rows[index / 3].id);
    }
    let shuffled: Vec<ContainerRow> = (0..rows.len())
        .map(|index| rows[index * 7 % rows.len()].clone())
        .collect();
    tx.insert_containers(&shuffled)
        .await
        .expect("containers are inserted");
    tx.insert_containers(&[container(collection(2).id, 0)])
        .await
        .expect("containers are inserted");
    let seen = tx
        .containers_of(collection(1).id)
        .await
        .expect("containers are read");
    assert_eq!(
        seen, rows,
        "`StoreTx::containers_of` returns parents before children"
    );
    let mut seen = tx
        .containers(&[rows[5].id, rows[3].id])
        .await
        .expect("containers are read");
    seen.sort_by_key(|row| row.id);
    assert_eq!(
        seen,
        [rows[3].clone(), rows[5].clone()],
        "containers are found by id"
    );
    commit(tx).await;
    let seen = store
        .containers(collection(1).id)
        .await
        .expect("containers are read");
    assert_eq!(
        seen, rows,
        "`Store::containers` returns parents before children"
    );
    let seen = store
        .containers(collection(3).id)
        .await
        .expect("containers are read");
    assert_eq!(
        seen,
        [],
        "a collection that does not exist has no containers"
    );
}

/// The newest collections, newest first.
pub async fn collections_come_newest_first(store: &dyn Store) {
    let mut tx = begin(store).await;
    let rows: Vec<_> = [3, 1, 5, 2, 4].map(collection).into();
    tx.insert_collections(&rows)
        .await
        .expect("collections are inserted");
    let mut seen = tx
        .collections(&[collection_id(2), collection_id(9), collection_id(4)])
        .await
        .expect("collections are read");
    seen.sort_by_key(|row| row.id);
    assert_eq!(
        seen,
        [collection(2), collection(4)],
        "the collections that exist are returned"
    );
    commit(tx).await;
    let seen = store.collections(3).await.expect("collections are read");
    assert_eq!(
        seen,
        [5, 4, 3].map(collection),
        "the newest collections come first"
    );
    assert_eq!(
        store
            .collections(100)
            .await
            .expect("collections are read")
            .len(),
        5
    );
    assert_eq!(
        store.collections(0).await.expect("collections are read"),
        [],
        "a limit of 0"
    );
    let seen = store
        .collection(collection_id(9))
        .await
        .expect("a collection is read");
    assert_eq!(seen, None, "a collection that does not exist is `None`");
}

/// A static task is found by its name in its own collection.
pub async fn tasks_have_names(store: &dyn Store) {
    let row = container(collection(1).id, 0);
    let other = container(collection(2).id, 0);
    let mut one = child(&row, 1);
    one.name = name("same");
    let mut two = full_child(&other, 1);
    two.name = name("same");
    seed(store, &row, &[one.clone(), two.clone(), child(&row, 2)]).await;
    let seen = store
        .task(collection(1).id, "same")
        .await
        .expect("a task is read");
    assert_eq!(seen, Some(one.head), "a task is found by its name");
    let seen = store
        .task(collection(2).id, "same")
        .await
        .expect("a task is read");
    assert_eq!(seen, Some(two.head), "names belong to their collection");
    let seen = store
        .task(collection(1).id, "Same")
        .await
        .expect("a task is read");
    assert_eq!(seen, None, "names are told apart by their case");
}
