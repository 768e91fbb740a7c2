use std::time::Duration;

use sortie_task_defs::control::{Conditional, Fail, SleepUntil, Test};
use sortie_task_defs::data::Condition;
use task_core::Timestamp;

use crate::at;

#[test]
fn failures_sleeps_and_conditions() {
    let message = "no names to scan".to_owned();
    golden!("control.fail", Fail { message });
    let sleeps = [
        SleepUntil::at(Timestamp::from_millis(1_795_000_000_000)),
        SleepUntil::after(Duration::from_secs(3600)),
    ];
    golden!("control.sleep_until", sleeps);
    let tests = [
        Test::HasRows,
        Test::RowsAtLeast(3),
        Test::AnyRow(Condition::Exists { at: at("") }),
        Test::AllRows(Condition::AllOf(vec![])),
    ];
    let from = || "scan".to_owned();
    let all = tests.map(|holds| Conditional {
        from: from(),
        holds,
    });
    golden!("control.conditional", all);
}

#[cfg(feature = "expressions")]
#[test]
fn expressions() {
    use sortie_task_defs::data::Expression;

    let holds: Expression = "row.rules > 10".parse().unwrap();
    let tests = [Test::AnyRowBy(holds.clone()), Test::AllRowsBy(holds)];
    let all = tests.map(|holds| Conditional {
        from: "scan".to_owned(),
        holds,
    });
    golden!("control.conditional.expressions", all);
}

#[cfg(feature = "notify")]
#[test]
fn notifications() {
    use serde_json::json;
    use sortie_task_defs::control::notify::*;

    let generic = GenericNotification {
        to: "ops".to_owned(),
        subject: "begun".to_owned(),
        data: json!({"names": 3}),
    };
    golden!("notify.generic", generic);
    let error = ErrorNotification {
        to: "ops".to_owned(),
        error: "no answer".to_owned(),
        of: Some("scan".to_owned()),
    };
    golden!("notify.error", error);
    let result = TaskResultNotification::new("ops", "scan");
    golden!("notify.task_result", result);
    golden!("notify.output", Notified { status: 204 });
}
