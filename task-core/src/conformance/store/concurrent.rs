//! Two at once.

use std::sync::Arc;

use futures_util::future::{Either, join_all, select};
use futures_util::pin_mut;

use super::fixture::{begin, collection, commit, container, read_container, seed};
use crate::ports::store::{ContainerRow, Store, StoreError};
use crate::state::TaskState;

/// Nobody sees what is not committed: a snapshot beside an open transaction shows the time before
/// it, or waits for its end.
pub async fn nothing_uncommitted_is_seen(store: Arc<dyn Store>) {
    let rows = [
        container(collection(1).id, 0),
        container(collection(1).id, 1),
    ];
    seed(&*store, &rows[0], &[]).await;
    let mut tx = begin(&*store).await;
    tx.insert_containers(&rows)
        .await
        .expect("containers are inserted");
    commit(tx).await;

    let mut tx = begin(&*store).await;
    let started = rows.map(|row| ContainerRow {
        state: TaskState::Running,
        ..row
    });
    tx.update_containers(&started)
        .await
        .expect("containers are updated");
    let snapshot = async {
        let rows = store
            .containers(collection(1).id)
            .await
            .expect("containers are read");
        [rows[0].state, rows[1].state]
    };
    // A store that lets snapshots wait must not be waited for with the transaction open: what
    // is here for this is a sibling that gives the snapshot every chance to come first.
    let patience = async {
        for _ in 0..1000 {
            yield_now().await;
        }
    };
    pin_mut!(snapshot, patience);
    match select(snapshot, patience).await {
        Either::Left((seen, _)) => {
            assert_eq!(
                seen,
                [TaskState::Pending; 2],
                "a snapshot shows nothing uncommitted"
            );
            commit(tx).await;
        }
        Either::Right((_, snapshot)) => {
            commit(tx).await;
            let [one, other] = snapshot.await;
            assert_eq!(
                one, other,
                "the effects of a transaction are seen all at once"
            );
        }
    }
    assert_eq!(
        read_container(&*store, started[0].id).await.state,
        TaskState::Running,
        "what was committed is seen"
    );
}

/// Transactions that count up one container never lose a count: they wait for each other or
/// conflict.
pub async fn no_update_is_lost(store: Arc<dyn Store>) {
    const AT_ONCE: u64 = 8;
    const EACH: u64 = 20;
    let row = container(collection(1).id, 0);
    seed(&*store, &row, &[]).await;
    join_all((0..AT_ONCE).map(|_| {
        let (store, id) = (Arc::clone(&store), row.id);
        async move {
            for _ in 0..EACH {
                while let Err(error) = count_up(&*store, id).await {
                    assert!(
                        matches!(error, StoreError::Conflict),
                        "a transaction that another one beat to it says `Conflict`, not: {error}"
                    );
                    yield_now().await;
                }
            }
        }
    }))
    .await;
    let counted = read_container(&*store, row.id).await.children.created;
    assert_eq!(
        counted,
        AT_ONCE * EACH,
        "no transaction overwrites what it has not read"
    );
}

async fn count_up(store: &dyn Store, id: crate::id::ContainerId) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let mut rows: Vec<ContainerRow> = tx.containers(&[id]).await?;
    yield_now().await;
    rows[0].children.created += 1;
    tx.update_containers(&rows).await?;
    tx.commit().await
}

/// Lets others have a turn, on any runtime.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
