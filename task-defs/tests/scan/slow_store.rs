//! A store that takes its time.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use sortie_task_defs::scan::Scan;
use task_core::message::Outcome;
use task_core::registry;

use crate::bench::{Bench, Told, in_virtual_time};
use crate::machine::{Slow, chunk};

#[test]
fn looks_go_on_while_their_rows_are_written_and_few_wait() {
    in_virtual_time(async {
        let mut bench = Bench::new(|| registry![Scan<Slow>]);
        *bench.data.pause.lock().unwrap() = Duration::from_secs(20);
        let scan = chunk(vec![1000; 2000], 100);
        let (machine, data) = (bench.machine.clone(), Arc::clone(&bench.data));
        let mut most_waiting = 0;
        let mut watch = || {
            let looked = machine.looked.lock().unwrap().len();
            let waiting = looked - data.written.lock().unwrap().len();
            most_waiting = most_waiting.max(waiting);
        };
        let done = bench.attempt_of(&scan, 1, Told::Meanwhile(Duration::ZERO, &mut watch));
        assert_eq!(done.await.outcome, Outcome::Succeeded { children: None });
        let (rows, longest) = bench.rows();
        assert_eq!(rows, (0..2000).collect::<Vec<_>>());
        // A look that stands still takes the twenty seconds of the store besides.
        assert!(longest <= 1010, "a look took {longest} ms");
        // A batch of 500 that is written, 64 behind it, and one for each look that was under way.
        assert!(most_waiting <= 500 + 64 + 100 + 1, "{most_waiting} waited");
        assert_eq!(bench.machine.most_open.load(Relaxed), 100);
    });
}
