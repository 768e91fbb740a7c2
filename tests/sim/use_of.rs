//! What a user of the simulation meets.

use std::time::Duration;

use sortie::prelude::*;
use sortie::sim::{Fault, Faults, Sim, SimError};

#[derive(Serialize, Deserialize)]
struct Wait(u64);

impl TaskDefinition for Wait {
    const KIND: &'static str = "test.wait";
    type Requires = needs![];
    type Output = u64;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u64, TaskError> {
        for _ in 0..self.0 {
            cx.sleep(Duration::from_secs(1)).await;
            cx.checkpoint();
        }
        Ok(self.0)
    }
}

fn sim(seconds: u64) -> Sim {
    let workflow = Workflow::new("test").task("wait", Wait(seconds));
    Sim::new(1).registry(registry![Wait]).workflow(workflow)
}

#[test]
fn hours_pass_in_no_time() {
    let report = sim(5 * 3600).run().unwrap();
    assert_eq!(report.run.state, TaskState::Succeeded);
    assert_eq!(report.result::<u64>("wait"), Some(5 * 3600));
    assert!(report.took >= Duration::from_secs(5 * 3600));
}

#[test]
fn a_run_can_be_cancelled() {
    let report = sim(3600)
        .cancel_after(Duration::from_secs(60))
        .run()
        .unwrap();
    assert_eq!(report.run.state, TaskState::Disabled);
    assert!(report.took < Duration::from_secs(600));
}

#[test]
fn a_single_fault_can_be_chosen() {
    let faults = Faults::none().with(Fault::Duplicate, 1.0);
    let report = sim(10).faults(faults).run().unwrap();
    let kinds: Vec<_> = report.faults_by_kind().into_keys().collect();
    assert_eq!(kinds, [Fault::Duplicate]);
    assert_eq!(report.rows::<u64>("wait").unwrap(), [10]);
}

#[derive(Serialize, Deserialize)]
struct Clock;

impl TaskDefinition for Clock {
    const KIND: &'static str = "test.clock";
    type Requires = needs![];
    type Output = u64;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u64, TaskError> {
        Ok(cx.now().as_millis())
    }
}

/// What the clock of the worker says that runs first, under these faults.
fn clock(faults: Faults) -> u64 {
    let workflow = Workflow::new("test").task("clock", Clock);
    let sim = Sim::new(1).registry(registry![Clock]).workflow(workflow);
    sim.faults(faults).run().unwrap().result("clock").unwrap()
}

#[test]
fn clocks_are_wrong_as_soon_as_either_their_rate_or_their_skew_is_set() {
    let right = clock(Faults::none());
    let by_rate = clock(Faults::none().with(Fault::ClockSkew, 1.0));
    assert!((1..=4000).contains(&by_rate.abs_diff(right)), "{by_rate}");
    let hour = Faults::none().skew(Duration::from_secs(3600));
    let by_skew = clock(hour.with(Fault::ClockSkew, 1.0));
    // Further off than a minute is no skew.
    assert!(
        (4001..=120_000).contains(&by_skew.abs_diff(right)),
        "{by_skew}"
    );
    let rate = Faults::none()
        .skew(Duration::from_secs(1))
        .rate(Fault::ClockSkew);
    assert!(rate > 0.0);
}

#[test]
fn a_result_too_large_for_a_message_is_read_like_any_other() {
    let workflow = Workflow::new("test").task("large", Large(600 << 10));
    let sim = Sim::new(1).registry(registry![Large]).workflow(workflow);
    let text: String = sim.run().unwrap().result("large").unwrap();
    assert_eq!(text.len(), 600 << 10);
}

#[derive(Serialize, Deserialize)]
struct Large(usize);

impl TaskDefinition for Large {
    const KIND: &'static str = "test.large";
    type Requires = needs![];
    type Output = String;

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<String, TaskError> {
        Ok(".".repeat(self.0))
    }
}

#[test]
fn mistakes_of_the_caller_are_named() {
    assert!(matches!(Sim::new(1).run(), Err(SimError::NoWorkflow)));
    let unknown = Sim::new(1).workflow(Workflow::new("test").task("wait", Wait(1)));
    let error = unknown.run().unwrap_err();
    assert!(error.to_string().contains("test.wait"), "{error}");
    let empty = Sim::new(1).workflow(Workflow::new("empty"));
    assert!(matches!(empty.run(), Err(SimError::Workflow(_))));
}
