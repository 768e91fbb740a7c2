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

#[test]
fn mistakes_of_the_caller_are_named() {
    assert!(matches!(Sim::new(1).run(), Err(SimError::NoWorkflow)));
    let unknown = Sim::new(1).workflow(Workflow::new("test").task("wait", Wait(1)));
    let error = unknown.run().unwrap_err();
    assert!(error.to_string().contains("test.wait"), "{error}");
    let empty = Sim::new(1).workflow(Workflow::new("empty"));
    assert!(matches!(empty.run(), Err(SimError::Workflow(_))));
}
