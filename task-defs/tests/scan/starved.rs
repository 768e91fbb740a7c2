//! A machine without files, for a while.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

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
fn a_machine_with_few_files_looks_at_every_target_once_in_one_attempt() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.machine.files.store(20, Relaxed);
        let scan = chunk(vec![100; 1000], 256);
        let done = bench.attempt(&scan).await;
        assert_eq!(done.outcome, Outcome::Succeeded { children: None });
        assert_eq!(done.coverage.get("seen"), 1000);
        assert_eq!(bench.rows().0, (0..1000).collect::<Vec<_>>());
        let looked = bench.machine.looked.lock().unwrap();
        assert!(looked.values().all(|times| *times == 1));
        // All that were begun at once, and then hardly more than there is room for.
        let refused = bench.machine.refused.load(Relaxed);
        assert!((236..500).contains(&refused), "{refused} refused");
    });
}

#[test]
fn looks_become_more_again_when_there_is_room_again() {
    in_virtual_time(async {
        let mut bench = bench();
        let machine = bench.machine.clone();
        machine.files.store(10, Relaxed);
        let scan = chunk(vec![100; 2500], 200);
        let mut most_before = 0;
        let mut room = || {
            if machine.files.swap(1000, Relaxed) == 10 {
                most_before = machine.most_open.load(Relaxed);
            }
        };
        let done = bench.attempt_of(&scan, 1, Told::Meanwhile(Duration::from_secs(1), &mut room));
        assert_eq!(done.await.outcome, Outcome::Succeeded { children: None });
        assert_eq!(most_before, 10);
        assert_eq!(bench.machine.most_open.load(Relaxed), 200);
        assert_eq!(bench.rows().0.len(), 2500);
    });
}

#[test]
fn when_nothing_can_be_opened_any_more_what_was_done_is_kept() {
    in_virtual_time(async {
        let mut bench = bench();
        let machine = bench.machine.clone();
        let scan = chunk(vec![100; 200], 10);
        let mut drought = || machine.files.store(0, Relaxed);
        let told = Told::Meanwhile(Duration::from_secs(1), &mut drought);
        let begun = bench.runtime.now();
        let first = bench.attempt_of(&scan, 1, told).await;
        // After the ten seconds that it waits for a file.
        let took = bench.runtime.now().since(begun);
        assert!((11..14).contains(&took.as_secs()), "{took:?}");
        let Outcome::Deadline { after_ms, .. } = first.outcome else {
            panic!("{:?}", first.outcome)
        };
        assert_eq!(after_ms, Some(10_000));
        let seen = first.coverage.get("seen");
        assert!((50..200).contains(&seen), "{seen} seen");
        assert_eq!(bench.rows().0.len() as u64, seen);

        // Nothing was gained: that is a failure, which keeps what there is.
        let second = bench.attempt(&scan).await;
        let Outcome::Retry { error, .. } = second.outcome else {
            panic!("{:?}", second.outcome)
        };
        assert!(error.contains("too many open files"), "{error}");
        assert!(error.contains("ulimit -n"), "{error}");

        bench.machine.files.store(10, Relaxed);
        let third = bench.attempt(&scan).await;
        assert_eq!(third.outcome, Outcome::Succeeded { children: None });
        assert_eq!(third.coverage.get("seen") + seen, 200);
        assert_eq!(bench.rows().0, (0..200).collect::<Vec<_>>());
        let looked = bench.machine.looked.lock().unwrap();
        assert!(looked.values().all(|times| *times == 1), "none twice");
    });
}
