//! Tasks that an earlier version of a family has made.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sortie_task_defs::scan::{
    Aggregate, Found, Generate, InvalidOption, LocalFailure, PortScan, Probe, Scan, Target, TcpSyn,
    Tools,
};
use task_core::message::Outcome;
use task_core::{TaskDefinition, TaskError, UpgradeError, registry};

use crate::bench::{Bench, Told, in_virtual_time};

/// The family as it is now. Once it had `seconds`, and targets that were their number alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Grown {
    millis: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Numbered {
    n: u32,
}

#[derive(Serialize, Deserialize)]
struct Waited {
    n: u32,
    took: u64,
}

impl Target for Numbered {
    type Key = u32;

    fn key(&self) -> u32 {
        self.n
    }
}

impl Probe for Grown {
    const FAMILY: &'static str = "grown";
    const METHOD: &'static str = "none";
    const VERSION: u32 = 2;
    type Row = Numbered;
    type Target = Numbered;
    type Record = Waited;
    type Scanner = ();

    fn check(&self) -> Result<(), InvalidOption> {
        Ok(())
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn targets(&self, row: Numbered, targets: &mut Vec<Numbered>) {
        targets.push(row);
    }

    fn set_up(&self, _: &Tools<'_>) -> Result<(), TaskError> {
        Ok(())
    }

    async fn look(&self, (): &(), target: &Numbered) -> Result<Waited, LocalFailure> {
        Ok(Waited {
            n: target.n,
            took: self.millis,
        })
    }

    fn outcome(_: &Waited) -> &'static str {
        "waited"
    }

    fn models(_: &Waited, _: &mut Found) {}

    fn upgrade(from: u32, settings: Value) -> Result<Value, UpgradeError> {
        match (from, settings.get("seconds").and_then(Value::as_u64)) {
            (1, Some(seconds)) => Ok(json!({"millis": seconds * 1000})),
            _ => Err(UpgradeError::new(format!("no version {from} is known"))),
        }
    }

    fn upgrade_target(_: u32, target: Value) -> Result<Value, UpgradeError> {
        Ok(json!({"n": target}))
    }
}

/// A payload of another version than the type has.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Old(Value);

impl TaskDefinition for Old {
    const KIND: &'static str = Scan::<Grown>::KIND;
    type Requires = task_core::needs![];
    type Output = ();

    async fn run(self, _: task_core::TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Ok(())
    }
}

#[test]
fn the_three_definitions_of_a_family_have_its_version() {
    assert_eq!(Generate::<Grown>::VERSION, 2);
    assert_eq!(Scan::<Grown>::VERSION, 2);
    assert_eq!(Aggregate::<Grown>::VERSION, 2);
    // There is nothing of the family's own in it.
    let aggregate = json!({"from": "grown"});
    assert_eq!(
        Aggregate::<Grown>::upgrade(1, aggregate.clone()),
        Ok(aggregate)
    );
    let generate = json!({"from": "rows", "options": {"seconds": 3}});
    let upgraded = Generate::<Grown>::upgrade(1, generate).unwrap();
    assert_eq!(
        upgraded,
        json!({"from": "rows", "options": {"millis": 3000}})
    );
}

#[test]
fn a_task_that_an_earlier_version_has_made_is_run_by_this_one() {
    in_virtual_time(async {
        let old = Old(json!({"targets": [4, 5], "concurrency": 2, "options": {"seconds": 3}}));
        let mut bench = Bench::new(|| registry![Scan<Grown>]);
        let ended = bench.attempt_of(&old, 1, Told::Nothing).await;
        assert_eq!(ended.outcome, Outcome::Succeeded { children: None });
        assert_eq!(bench.rows(), (vec![4, 5], 3000));
    });
}

#[test]
fn a_task_of_a_version_that_nobody_knows_says_so() {
    in_virtual_time(async {
        let old = Old(json!({"targets": [], "concurrency": 2, "options": {}}));
        let mut bench = Bench::new(|| registry![Scan<Grown>]);
        let ended = bench.attempt_of(&old, 0, Told::Nothing).await;
        let Outcome::Fatal { error } = ended.outcome else {
            panic!("{:?}", ended.outcome)
        };
        assert!(error.contains("no version 0 is known"), "{error}");
    });
}

#[test]
fn ports_that_were_a_list_in_earlier_versions_are_read() {
    let options = json!({"ports": [443, 80, 81]});
    let scan = json!({
        "part": {"addresses": "198.51.100.0/24"}, "concurrency": 256, "options": options,
    });
    for from in [1, 2] {
        let scan = PortScan::upgrade(from, scan.clone()).unwrap();
        let scan: PortScan = serde_json::from_value(scan).unwrap();
        assert_eq!(scan.options.ports, [443, 80, 81]);
        let now = serde_json::to_value(scan).unwrap();
        assert_eq!(now["options"]["ports"], "443,80-81");
    }
    assert!(PortScan::upgrade(0, scan).is_err());

    let generate = json!({"from": "dns", "options": options});
    let upgraded = Generate::<TcpSyn>::upgrade(1, generate.clone()).unwrap();
    let upgraded: Generate<TcpSyn> = serde_json::from_value(upgraded).unwrap();
    assert_eq!(upgraded.options.ports, [443, 80, 81]);
    assert!(Generate::<TcpSyn>::upgrade(0, generate).is_err());
}
