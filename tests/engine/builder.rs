//! Mistakes in workflows, payloads over the limit, and the largest workflows.

use std::sync::Arc;
use std::time::Instant;

use sortie::core::submit::{SubmitError, submission};
use sortie::core::workflow::Sequence;
use sortie::core::{Payload, PayloadError, WorkflowError};
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
