//! The stock definitions under faults.

use std::time::Duration;

use serde_json::{Value, json};
use sortie::defs::control::{Conditional, SleepUntil, Test};
use sortie::defs::data::{Condition, Distinct, Filter, InsertData, Merge, Sample};
use sortie::prelude::*;
use sortie::sim::{Faults, Sim, sweep};

const HOURS: Duration = Duration::from_secs(25 * 3600);

/// Longer than a day, which is the longest pause.
#[test]
fn a_sleep_of_hours_survives_whatever_happens_and_is_never_early() {
    sweep(2, |seed| {
        let once = Child::new(SleepUntil::after(HOURS)).retry(RetryPolicy::NEVER);
        let workflow = Workflow::new("test").task("sleep", once);
        let sim = Sim::new(seed).registry(sortie::defs::registry());
        let faults = if seed.is_multiple_of(2) {
            Faults::none()
        } else {
            Faults::aws()
        };
        let report = sim.workflow(workflow).faults(faults).run();
        let report = report.unwrap_or_else(|violation| panic!("{violation}"));
        // A worker that dies while it looks at the clock is a failure, and it may have but one.
        if report.run.state == TaskState::Succeeded {
            assert!(report.took >= HOURS, "{:?}", report.took);
        } else {
            assert!(seed % 2 == 1, "without faults it must succeed");
        }
    });
}

#[test]
fn rows_come_out_once_under_faults() {
    let rows: Vec<Value> = (0..60).map(|n| json!({"n": n, "key": n % 9})).collect();
    sweep(20, |seed| {
        let from = || "rows".to_owned();
        let keep = Condition::Less {
            at: "/n".parse().unwrap(),
            than: 30.into(),
        };
        let few = Conditional {
            from: "keys".to_owned(),
            holds: Test::RowsAtLeast(9),
        };
        let patient = RetryPolicy {
            max_failures: 50,
            ..RetryPolicy::DEFAULT
        };
        let workflow = Workflow::new("test")
            .task(
                "rows",
                Child::new(InsertData { rows: rows.clone() }).retry(patient),
            )
            .task(
                "low",
                Child::new(Filter { from: from(), keep }).retry(patient),
            )
            .task(
                "keys",
                Child::new(Distinct {
                    from: "low".to_owned(),
                    by: vec!["/key".parse().unwrap()],
                })
                .retry(patient),
            )
            .when(
                "few",
                Child::new(few).retry(patient),
                |then| {
                    then.task(
                        "all",
                        Child::new(Merge {
                            from: vec!["keys".to_owned(), from()],
                            by: None,
                        })
                        .retry(patient),
                    )
                },
                |otherwise| otherwise,
            )
            .task(
                "some",
                Child::new(Sample {
                    from: "all".to_owned(),
                    rows: 10,
                    seed: 40,
                })
                .retry(patient),
            );
        let sim = Sim::new(seed).registry(sortie::defs::registry());
        let report = sim.workflow(workflow).faults(Faults::aws()).run();
        let report = report.unwrap_or_else(|violation| panic!("{violation}"));
        assert_eq!(report.run.state, TaskState::Succeeded);
        assert_eq!(report.rows::<Value>("keys").unwrap(), rows[..9]);
        let all = [&rows[..9], &rows[..]].concat();
        assert_eq!(report.rows::<Value>("all").unwrap(), all);
        assert_eq!(report.rows::<Value>("some").unwrap().len(), 10);
    });
}
