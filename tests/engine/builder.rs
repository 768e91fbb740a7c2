//! Mistakes in workflows, and plans that no builder makes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sortie::core::submit::{SubmitError, submission};
use sortie::core::workflow::{Mode, PlanContainer, PlanTask, Role, Sequence};
use sortie::core::{CompletionPolicy, Payload, PayloadError, Plan, TaskOptions, WorkflowError};
use sortie::prelude::*;
use sortie::transports::objects::ObjectStoreObjects;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::{Choice, Leaf, Reader, Spawner, inert};
use crate::support::messages::done;

/// A text of any length.
#[derive(Serialize, Deserialize)]
struct Text(String);

impl TaskDefinition for Text {
    const KIND: &'static str = "t.text";
    type Requires = needs![];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

/// Has no JSON form: its keys are no text.
#[derive(Default, Serialize, Deserialize)]
struct Keys(std::collections::BTreeMap<(u8, u8), u8>);

impl TaskDefinition for Keys {
    const KIND: &'static str = "t.keys";
    type Requires = needs![];
    type Output = ();

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

fn error(steps: Workflow) -> String {
    steps.build().unwrap_err().to_string()
}

#[test]
fn mistakes_are_found_when_the_workflow_is_built_and_named() {
    let new = || Workflow::new("w");
    let long = "x".repeat(129);
    let cases = [
        (new(), "the container `w` is empty"),
        (new().parallel("p", |p| p), "the container `p` is empty"),
        (
            new().parallel("p", |p| p.sequence("s", |s| s)),
            "the container `s` is empty",
        ),
        (
            new().task("a", Leaf(0)).task("a", Leaf(0)),
            "the name `a` is used twice",
        ),
        (
            new().parallel("a", |p| p.task("a", Leaf(0))),
            "the name `a` is used twice",
        ),
        (
            new()
                .generate("a", Spawner(0), |c| c)
                .task("a.generator", Leaf(0)),
            "the name `a.generator` is used twice",
        ),
        (new().task("", Leaf(0)), "`` cannot be a name"),
        (new().task("a\nb", Leaf(0)), "`a\\nb` cannot be a name"),
        (new().task(long, Leaf(0)), "x` cannot be a name"),
        (
            new().aggregate("a", Reader(0)),
            "the aggregator `a` has nothing before it",
        ),
        (
            new().parallel("p", |p| p.sequence("s", |s| s.aggregate("a", Reader(0)))),
            "the aggregator `a` has nothing before it",
        ),
        (
            new().when("if", Choice(0), |s| s, |s| s),
            "the condition `if` chooses between two empty",
        ),
        (
            new().parallel("p", |p| p.task("a", Leaf(0)).max_in_flight(0)),
            "the policy of `p` cannot be met: with max_in_flight = 0",
        ),
        (
            new().parallel("p", |p| p.task("a", Leaf(0)).enough(Enough::AtLeast(2))),
            "the policy of `p` cannot be met: at least 2 of 1 children",
        ),
        (
            new().parallel("p", |p| p.task("a", Leaf(0)).enough(Enough::AtLeast(0))),
            "the policy of `p` cannot be met: at least 0 is no condition",
        ),
        (
            new().generate("g", Spawner(0), |c| c.enough(Enough::PerMille(1001))),
            "the policy of `g` cannot be met: 1001 thousandths",
        ),
        (
            deep(65),
            "the workflow has 65 levels of containers; at most 64",
        ),
        (
            new().task("k", Keys([((1, 2), 3)].into())),
            "the payload of `k`: ",
        ),
        (
            (0..20_001).fold(new(), |w, n| w.task(format!("t{n}"), Leaf(0))),
            "the workflow has 20002 tasks and containers; at most 20000",
        ),
    ];
    for (steps, expected) in cases {
        let error = error(steps);
        assert!(error.contains(expected), "{error}\ninstead of\n{expected}");
    }
}

#[test]
fn the_first_mistake_is_told() {
    let steps = Workflow::new("w")
        .task("k", Keys([((1, 2), 3)].into()))
        .task("", Leaf(0));
    assert!(error(steps).contains("the payload of `k`"));
}

/// Sequences within parallels within sequences, `levels` containers deep.
fn deep(levels: u32) -> Workflow {
    fn fill(s: Sequence, left: u32) -> Sequence {
        match left {
            0 => s.task("bottom", Leaf(0)),
            1 => s.parallel("p1", |p| p.task("bottom", Leaf(0))),
            _ => s.parallel(format!("p{left}"), |p| {
                p.sequence(format!("s{left}"), |s| fill(s, left - 2))
            }),
        }
    }
    let left = levels - 1;
    Workflow::new("deep").parallel("top", |p| p.sequence("below", |s| fill(s, left - 2)))
}

#[tokio::test]
async fn the_deepest_workflow_runs() {
    let bench = Bench::new();
    let id = bench.submit(deep(64)).await;
    bench.finish_only().await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_workflow_is_held_against_the_registry_before_it_is_submitted() {
    let bench = Bench::new();
    let made = |steps| submission(steps, Some(&bench.registry), 1 << 20, None, &bench.runtime);
    let unknown = made(Workflow::new("w").task("a", Text("x".to_owned())))
        .await
        .unwrap_err();
    assert!(
        matches!(
            unknown,
            SubmitError::Workflow(WorkflowError::UnknownKind { .. })
        ),
        "{unknown}"
    );
}

#[tokio::test]
async fn payloads_over_the_limit_need_an_object_store() {
    let bench = Bench::new();
    let registry = inert().merge(registry![Text]).unwrap();
    let limit = 10_000;
    let steps = |len| Workflow::new("w").task("a", Text("x".repeat(len)));
    let made = |len| submission(steps(len), Some(&registry), limit, None, &bench.runtime);
    assert!(made(4_998).await.is_ok(), "half of the limit fits");
    let error = made(4_999).await.unwrap_err();
    let SubmitError::Workflow(WorkflowError::Payload { task, source }) = &error else {
        panic!("{error}")
    };
    assert_eq!(task, "a");
    assert!(
        matches!(source, PayloadError::NoObjectStore { len: 5_001 }),
        "{source}"
    );
    // Each payload fits, but all of them do not.
    let many = (0..5).fold(Workflow::new("w"), |w, n| {
        w.task(format!("t{n}"), Text("x".repeat(3_000)))
    });
    let error = submission(many, Some(&registry), limit, None, &bench.runtime)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SubmitError::Payload(PayloadError::NoObjectStore { .. })
        ),
        "{error}"
    );
    let scoped = Workflow::new("w").task("a", Leaf(0)).scope("example.com");
    let error = submission(scoped, None, limit, None, &bench.runtime)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SubmitError::Payload(PayloadError::NoObjectStore { len: 11 })
        ),
        "{error}"
    );

    let mut bench = bench.with_objects(Arc::new(ObjectStoreObjects::memory()));
    let all = inert().merge(registry![Text]).unwrap();
    bench.registry = Arc::new(all.clone());
    let objects = bench.objects.clone().unwrap();
    bench = Bench::over(bench.runtime, bench.store, bench.transport, all).with_objects(objects);
    let id = bench.submit(steps(2 << 20).scope("example.com")).await;
    let task = bench.only().await;
    assert!(matches!(task.payload, Payload::Claim(_)));
    let found = task
        .payload
        .resolve(4 << 20, bench.objects.as_deref())
        .await
        .unwrap();
    assert_eq!(found.get().len(), (2 << 20) + 2);
    assert_eq!(task.scope.as_ref().unwrap().len, 11);
    bench.tell(done(&task)).await;
    audit::over(&bench, id).await;
}

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
    bench
        .tell(crate::support::messages::failed(&tasks[0]))
        .await;
    bench.tick_after(Duration::from_secs(3600)).await;
    bench.cancel(id).await;
    assert_eq!(bench.state(id).await, TaskState::Disabled);
}

/// Two tasks in each of `n` containers: what is slow per container shows here.
fn wide(n: u32) -> Workflow {
    (0..n).fold(Workflow::new("wide"), |w, n| {
        w.parallel(format!("p{n}"), |p| {
            p.task(format!("a{n}"), Leaf(0))
                .task(format!("b{n}"), Leaf(0))
        })
    })
}

#[tokio::test]
async fn the_largest_workflows_are_checked_in_time_that_grows_with_their_size() {
    let built = |n| {
        let times = (0..5).map(|_| {
            let steps = wide(n);
            let started = Instant::now();
            assert_eq!(steps.build().unwrap().tasks.len(), 2 * n as usize);
            started.elapsed()
        });
        times.min().unwrap()
    };
    let (small, large) = (built(600), built(6_600));
    // Eleven times the work; when it grew with the square it was a hundred times as much.
    assert!(
        large < 40 * small,
        "{small:?} for 600 containers, {large:?} for 6,600"
    );

    let bench = Bench::new();
    let (id, handled) = bench.submit_plan(&wide(6_600).build().unwrap()).await;
    assert_eq!(handled.refused, []);
    assert_eq!(bench.dispatched().await.len(), 2);
    bench.cancel(id).await;
    assert_eq!(bench.state(id).await, TaskState::Disabled);
}
