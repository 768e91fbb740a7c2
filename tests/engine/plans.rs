//! Plans that no builder makes: refused, or harmless.

use std::time::Duration;

use sortie::core::workflow::{Mode, PlanContainer, PlanTask, Role};
use sortie::core::{CompletionPolicy, Payload, Plan, TaskOptions};
use sortie::prelude::*;

use crate::support::bench::Bench;
use crate::support::messages::failed;

fn container(parent: Option<u32>, position: u32) -> PlanContainer {
    PlanContainer {
        parent,
        position,
        name: None,
        mode: Mode::Sequential,
        arm: None,
        policy: CompletionPolicy::ALL,
        max_in_flight: 1,
    }
}

fn task(container: u32, position: u32, role: Role) -> PlanTask {
    PlanTask {
        container,
        position,
        role,
        name: format!("t {container} {position}"),
        kind: "t.leaf".to_owned(),
        version: 1,
        targets: 0,
        options: TaskOptions::default(),
        payload: Payload::null(),
    }
}

#[tokio::test]
async fn plans_that_no_builder_makes_are_refused() {
    let root = || container(None, 0);
    let plain = |at| task(0, at, Role::Plain);
    let armed = |arm| PlanContainer {
        arm,
        ..container(Some(0), 1)
    };
    let branch = || PlanTask {
        name: "branch".to_owned(),
        ..task(1, 0, Role::Plain)
    };
    let cases: [(&str, Vec<PlanContainer>, Vec<PlanTask>); 17] = [
        ("is empty", vec![], vec![]),
        (
            "must be the root",
            vec![container(Some(0), 0)],
            vec![plain(0)],
        ),
        (
            "has a cycle",
            vec![root(), container(Some(1), 0)],
            vec![task(1, 0, Role::Plain)],
        ),
        (
            "has a cycle",
            vec![root(), container(Some(2), 0), container(Some(1), 0)],
            vec![task(2, 0, Role::Plain)],
        ),
        (
            "has a cycle",
            vec![root(), container(Some(u32::MAX), 0)],
            vec![plain(0)],
        ),
        (
            "stands in no other",
            vec![root(), root()],
            vec![plain(0), task(1, 0, Role::Plain)],
        ),
        (
            "does not exist",
            vec![root()],
            vec![plain(0), task(1, 0, Role::Plain)],
        ),
        (
            "does not exist",
            vec![root()],
            vec![plain(0), task(u32::MAX, 0, Role::Plain)],
        ),
        (
            "at the same place",
            vec![root()],
            vec![
                plain(0),
                PlanTask {
                    name: "b".to_owned(),
                    ..plain(0)
                },
            ],
        ),
        (
            "does not stand alone",
            vec![root()],
            vec![task(0, 0, Role::Generator)],
        ),
        (
            "does not stand alone",
            vec![PlanContainer {
                mode: Mode::Parallel,
                ..root()
            }],
            vec![task(0, 0, Role::Generator), plain(1)],
        ),
        (
            "has nothing before it",
            vec![root()],
            vec![task(0, 0, Role::Aggregator)],
        ),
        (
            "has nothing before it",
            vec![PlanContainer {
                mode: Mode::Parallel,
                ..root()
            }],
            vec![plain(0), task(0, 1, Role::Aggregator)],
        ),
        (
            "chooses between",
            vec![root()],
            vec![plain(0), task(0, 1, Role::Decider)],
        ),
        (
            "do not fit a condition",
            vec![root(), armed(None)],
            vec![task(0, 0, Role::Decider), branch()],
        ),
        (
            "do not fit a condition",
            vec![root(), armed(Some(Arm::Then))],
            vec![plain(0), branch()],
        ),
        (
            "does not declare QueueAccess",
            vec![PlanContainer {
                mode: Mode::Parallel,
                ..root()
            }],
            vec![task(0, 0, Role::Generator)],
        ),
    ];
    let bench = Bench::new();
    for (place, (expected, containers, tasks)) in cases.into_iter().enumerate() {
        let plan = Plan {
            name: "w".to_owned(),
            containers,
            tasks,
            deadline_ms: None,
        };
        let (id, handled) = bench.submit_plan(&plan).await;
        let reason = handled.refused[0].1.to_string();
        assert!(reason.contains(expected), "case {place}: {reason}");
        assert!(bench.truth.collection(id).await.unwrap().is_none());
    }
    assert_eq!(bench.dispatched().await, []);
}

/// Numbers at their limits are sound, so they must not break the manager.
#[tokio::test]
async fn extreme_numbers_in_a_plan_do_no_harm() {
    let bench = Bench::new();
    let forever = Duration::from_millis(u64::MAX);
    let options = TaskOptions {
        retry: RetryPolicy {
            max_failures: u32::MAX,
            base: forever,
            cap: forever,
        },
        limits: Limits {
            queued: forever,
            running: forever,
            total: Some(forever),
        },
    };
    let huge = |at| PlanTask {
        targets: u64::MAX,
        options,
        ..task(0, at, Role::Plain)
    };
    let policy = CompletionPolicy::ALL.cut_off(forever);
    let root = PlanContainer {
        mode: Mode::Parallel,
        max_in_flight: u32::MAX,
        policy,
        ..container(None, 7)
    };
    let plan = Plan {
        name: "w".to_owned(),
        containers: vec![root],
        tasks: vec![huge(0), huge(u32::MAX - 1), huge(u32::MAX)],
        deadline_ms: Some(u64::MAX),
    };
    let (id, handled) = bench.submit_plan(&plan).await;
    assert_eq!(handled.refused, []);
    let tasks = bench.dispatched().await;
    assert_eq!(tasks.len(), 3);
    bench.tell(failed(&tasks[0])).await;
    bench.tick_after(Duration::from_secs(3600)).await;
    bench.cancel(id).await;
    assert_eq!(bench.state(id).await, TaskState::Disabled);
}
