//! What workers say to the manager, as the bench plays them.

use serde::Serialize;
use sortie::core::envelope::DispatchTask;
use sortie::core::message::{CompleteTask, CreateTasks, Heartbeat, Message, NewChild, Outcome};
use sortie::core::{Arm, Coverage, Payload, Usage};

/// A completion without data or coverage.
pub(crate) fn ended(task: &DispatchTask, outcome: Outcome) -> CompleteTask {
    CompleteTask {
        task_id: task.task_id,
        kind: task.kind.clone(),
        attempt: task.attempt,
        fence: task.fence,
        outcome,
        data: None,
        coverage: Coverage::new(),
        usage: Usage::default(),
    }
}

/// Done, without an output.
pub(crate) fn done(task: &DispatchTask) -> CompleteTask {
    ended(task, Outcome::Succeeded { children: None })
}

/// Done, with so many targets found.
pub(crate) fn found(task: &DispatchTask, targets: u64) -> CompleteTask {
    let coverage = [("found", targets)].into_iter().collect();
    CompleteTask {
        coverage,
        ..done(task)
    }
}

/// Done, with an output.
pub(crate) fn output(task: &DispatchTask, value: &impl Serialize) -> CompleteTask {
    CompleteTask {
        data: Some(Payload::encode(value).unwrap()),
        ..done(task)
    }
}

/// A condition's choice.
pub(crate) fn chose(task: &DispatchTask, arm: Arm) -> CompleteTask {
    output(task, &arm)
}

/// A generator's end, with its total.
pub(crate) fn total(task: &DispatchTask, children: u32) -> CompleteTask {
    ended(
        task,
        Outcome::Succeeded {
            children: Some(children),
        },
    )
}

/// A failure that trying again may mend.
pub(crate) fn failed(task: &DispatchTask) -> CompleteTask {
    ended(
        task,
        Outcome::Retry {
            error: "not today".to_owned(),
            after_ms: None,
        },
    )
}

/// A failure for good.
pub(crate) fn fatal(task: &DispatchTask) -> CompleteTask {
    ended(
        task,
        Outcome::Fatal {
            error: "broken".to_owned(),
        },
    )
}

/// A cursor handed back, after so many targets.
pub(crate) fn handed_back(task: &DispatchTask, targets: u64) -> CompleteTask {
    let cursor = Payload::encode(&targets).unwrap();
    CompleteTask {
        outcome: Outcome::Deadline {
            cursor,
            after_ms: None,
        },
        ..found(task, targets)
    }
}

/// Leaves with one target each, at these ordinals.
pub(crate) fn children(generator: &DispatchTask, ordinals: std::ops::Range<u32>) -> Message {
    let children = ordinals.map(|ordinal| child(ordinal, "t.leaf")).collect();
    create(generator, children)
}

/// A child of one target.
pub(crate) fn child(ordinal: u32, kind: &str) -> NewChild {
    NewChild {
        ordinal,
        kind: kind.to_owned(),
        version: 1,
        targets: 1,
        options: None,
        payload: Payload::encode(&1u64).unwrap(),
    }
}

/// These children.
pub(crate) fn create(generator: &DispatchTask, children: Vec<NewChild>) -> Message {
    Message::CreateTasks(CreateTasks {
        parent_id: generator.task_id,
        attempt: generator.attempt,
        fence: generator.fence,
        children,
    })
}

/// A sign of life.
pub(crate) fn alive(task: &DispatchTask) -> Message {
    Message::Heartbeat(Heartbeat {
        task_id: task.task_id,
        attempt: task.attempt,
        fence: task.fence,
    })
}
