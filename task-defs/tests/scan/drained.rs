//! Attempts that end early.

use std::time::Duration;

use serde_json::json;
use sortie_task_defs::scan::Scan;
use task_core::message::Outcome;
use task_core::ports::runtime::Runtime as _;
use task_core::registry;

use crate::bench::{Bench, Told, in_virtual_time};
use crate::machine::{Slow, chunk};

fn bench() -> Bench {
    Bench::new(|| registry![Scan<Slow>])
}

#[test]
fn a_worker_that_leaves_hands_back_what_is_not_done_and_the_next_does_that_alone() {
    in_virtual_time(async {
        let mut bench = bench();
        // Every third look takes longer than any worker may stay.
        let millis = (0..60).map(|n| if n % 3 == 0 { 40_000 } else { 1000 });
        let scan = chunk(millis, 30);
        let begun = bench.runtime.now();
        let told = Told::ToLeave(Duration::from_millis(1500));
        let first = bench.attempt_of(&scan, 1, told).await;
        let took = bench.runtime.now().since(begun);
        assert!(took < Duration::from_secs(5), "{took:?}");
        let Outcome::Deadline {
            cursor,
            after_ms: None,
        } = &first.outcome
        else {
            panic!("{:?}", first.outcome)
        };
        let at: serde_json::Value = cursor.decode().unwrap();
        let again = at["at"]["again"].as_array().unwrap();
        assert!(again.len() >= 10, "{at}");
        let seen = first.coverage.get("seen");
        assert_eq!(bench.rows().0.len() as u64, seen);
        assert!((20..60).contains(&seen), "{seen} seen");

        let second = bench.attempt(&scan).await;
        assert_eq!(second.outcome, Outcome::Succeeded { children: None });
        assert_eq!(second.coverage.get("seen") + seen, 60);
        assert_eq!(bench.rows().0, (0..60).collect::<Vec<_>>());
        let looked = bench.machine.looked.lock().unwrap();
        assert!(looked.values().all(|times| *times == 1), "none twice");
    });
}

#[test]
fn a_worker_that_leaves_before_anything_was_seen_has_not_begun() {
    in_virtual_time(async {
        let mut bench = bench();
        let scan = chunk(vec![40_000; 5], 5);
        let told = Told::ToLeave(Duration::from_millis(500));
        let ended = bench.attempt_of(&scan, 1, told).await;
        assert!(
            matches!(ended.outcome, Outcome::NotStarted { .. }),
            "{:?}",
            ended.outcome
        );
    });
}

#[test]
fn when_time_is_short_looks_are_seen_to_their_end_and_no_other_is_begun() {
    in_virtual_time(async {
        let mut bench = bench();
        let scan = chunk(vec![1000; 100], 5);
        // One look may take 45 s, and two are kept to hand back.
        let told = Told::TimeIsOver(Duration::from_millis(49_500));
        let first = bench.attempt_of(&scan, 1, told).await;
        assert!(matches!(first.outcome, Outcome::Deadline { .. }));
        assert_eq!(bench.rows().0, (0..15).collect::<Vec<_>>());
        let second = bench.attempt(&scan).await;
        assert_eq!(second.outcome, Outcome::Succeeded { children: None });
        assert_eq!(bench.rows().0, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_cursor_of_the_first_version_is_read() {
    in_virtual_time(async {
        let mut bench = bench();
        let rows: Vec<_> = (0..7).map(|n| json!({"n": n, "took": 1})).collect();
        bench.left_behind(&rows, &json!(7));
        let ended = bench.attempt(&chunk(vec![10; 10], 5)).await;
        assert_eq!(ended.outcome, Outcome::Succeeded { children: None });
        assert_eq!(ended.coverage.get("seen"), 3);
        assert_eq!(bench.rows().0, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn a_cursor_that_is_none_of_these_targets_is_refused() {
    in_virtual_time(async {
        for at in [json!(11), json!({"next": 5, "again": [7]}), json!("x")] {
            let mut bench = bench();
            bench.left_behind(&[], &at);
            let ended = bench.attempt(&chunk(vec![10; 10], 5)).await;
            let Outcome::Fatal { error } = ended.outcome else {
                panic!("{:?}", ended.outcome)
            };
            assert!(
                error.contains("cursor") || error.contains("position"),
                "{error}"
            );
        }
    });
}
