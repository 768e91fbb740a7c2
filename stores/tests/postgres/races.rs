//! Transactions that are at work on the same rows at once.

use sortie_stores::PostgresStore;
use task_core::id::MessageId;
use task_core::ports::store::{OutboxRow, Store as _, StoreError, TaskUpdate};
use task_core::state::TaskState;
use uuid::Uuid;

use super::fixture::*;

/// Twenty collections, and managers that take two of them in any order: each transaction commits
/// or conflicts, and in the end every count is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_meets_in_another_order_conflicts_and_goes_on() {
    let database = database!();
    let stores = [database.store().await, database.store().await];
    for n in 0..20 {
        insert(&stores[0], n).await;
    }
    let count_up = async |store: &PostgresStore, n: u64| {
        let mut tx = store.begin().await?;
        for n in [n % 20, n * 7 % 20] {
            let mut rows = tx.containers(&[id(n).container(0)]).await?;
            rows[0].children.created += 1;
            tx.update_containers(&rows).await?;
        }
        tx.commit().await
    };
    let managers = (0..8).map(|manager| {
        let store = stores[manager % 2].clone();
        async move {
            let mut conflicts = 0;
            for n in 0..50 {
                while let Err(error) = count_up(&store, n * 8 + manager as u64).await {
                    assert!(matches!(error, StoreError::Conflict), "{error:?}");
                    conflicts += 1;
                }
            }
            conflicts
        }
    });
    let begin = std::time::Instant::now();
    let conflicts: u64 = futures_util::future::join_all(managers).await.iter().sum();
    eprintln!("{conflicts} conflicts in {:?}", begin.elapsed());
    let mut total = 0;
    for n in 0..20 {
        total += stores[0].containers(id(n)).await.unwrap()[0]
            .children
            .created;
    }
    assert_eq!(total, 2 * 8 * 50);
}

/// Both find that there is none, were they not to wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_submissions_finds_the_other() {
    let database = database!();
    let store = database.store().await;
    for n in 0..20 {
        let submit = async || {
            let mut tx = store.begin().await.unwrap();
            let found = tx.collections(&[id(n)]).await.unwrap();
            tx.insert_collections(&[collection(n)]).await.unwrap();
            tx.commit().await.unwrap();
            found.len()
        };
        let (one, other) = tokio::join!(submit(), submit());
        assert_eq!(one + other, 1, "who came second saw the first");
    }
}

/// What is read behind a lock is what the other one has left, not what was there before the wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_ended_once() {
    let database = database!();
    let store = database.store().await;
    for n in 0..20 {
        insert(&store, n).await;
        let end = async || {
            let mut tx = store.begin().await.unwrap();
            let mut head = tx.heads(&[id(n).task(0)]).await.unwrap().remove(0);
            let runs = head.status.state == TaskState::Running;
            head.status.state = TaskState::Succeeded;
            let update = TaskUpdate {
                id: head.id,
                status: head.status,
            };
            tx.update_tasks(&[update]).await.unwrap();
            tx.commit().await.unwrap();
            u32::from(runs)
        };
        let ended = tokio::join!(end(), end(), end(), end());
        assert_eq!(ended.0 + ended.1 + ended.2 + ended.3, 1);
    }
}

/// Two managers have sent a part each of what one has put: nobody brings back what the other one has
/// removed, and what neither has sent stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_batch_are_removed_at_once() {
    let database = database!();
    let store = database.store().await;
    for round in 0..20 {
        let first = (id(round).task(0), 1);
        let batch: Vec<_> = (0..100)
            .map(|n| OutboxRow {
                batch: first,
                ..OutboxRow::alone(id(round).task(n), 1, at(round))
            })
            .collect();
        let mut tx = store.begin().await.unwrap();
        tx.put_outbox(&batch).await.unwrap();
        tx.commit().await.unwrap();
        let remove = |rows: Vec<OutboxRow>| {
            let store = &store;
            async move {
                let mut tx = store.begin().await.unwrap();
                tx.remove_outbox(&rows).await.unwrap();
                // Both are in the midst of it now, at the earliest.
                tx.due_outbox(at(1000), 1).await.unwrap();
                tx.commit().await.unwrap();
            }
        };
        let part = |number: usize| {
            let of = batch
                .iter()
                .enumerate()
                .filter(move |(n, _)| n % 3 == number);
            of.map(|(_, row)| *row).collect::<Vec<_>>()
        };
        tokio::join!(remove(part(0)), remove(part(1)));
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.due_outbox(at(1000), 1000).await.unwrap(), part(2));
        tx.remove_outbox(&batch).await.unwrap();
        assert_eq!(tx.due_outbox(at(1000), 1000).await.unwrap(), []);
        tx.commit().await.unwrap();
    }
}

/// A message that two managers were given is new to one of them. The other one waits, and may have to
/// begin again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_to_two_is_new_to_one() {
    let database = database!();
    let store = database.store().await;
    for round in 0..20u128 {
        let list = [3, 1, 3, 2].map(|n| MessageId::from_uuid(Uuid::from_u128(round << 64 | n)));
        let take = || async {
            loop {
                let mut tx = store.begin().await.unwrap();
                match tx.inbox(&list, at(1)).await {
                    Ok(new) => {
                        tx.commit().await.unwrap();
                        break new;
                    }
                    Err(error) => assert!(matches!(error, StoreError::Conflict), "{error}"),
                }
            }
        };
        let (one, other) = tokio::join!(take(), take());
        let new = [true, true, false, true];
        let seen = [false; 4];
        assert!((one == new && other == seen) || (one == seen && other == new));
    }
}
