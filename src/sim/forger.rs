//! Messages that should not be: from an External worker that lies, and from nobody at all.

use bytes::Bytes;
use task_core::envelope::{DispatchTask, Fence};
use task_core::message::{
    CompleteTask, CreateTasks, Heartbeat, Message, NewChild, Outcome, ToManager,
};
use task_core::ports::runtime::Runtime;
use task_core::workflow::Role;
use task_core::{Coverage, MessageId, Payload, Queue, Usage};

use super::dice::Dice;
use super::keeper::Shared;

/// What stands in the data of every forged completion, and must be found nowhere.
pub(super) const FORGED: &str = "forged by an external worker";

/// A lie of somebody who knows the envelopes `seen`, if they are enough for one.
pub(super) fn lie(
    shared: &Shared,
    seen: &[DispatchTask],
    dice: &mut Dice,
    runtime: &dyn Runtime,
) -> Option<Bytes> {
    let task = &seen[dice.below(seen.len() as u64) as usize];
    let other = &seen[dice.below(seen.len() as u64) as usize];
    let honest = CompleteTask {
        task_id: task.task_id,
        kind: task.kind.clone(),
        attempt: task.attempt,
        fence: task.fence,
        outcome: Outcome::Succeeded { children: None },
        data: Payload::encode(FORGED).ok(),
        coverage: Coverage::new(),
        usage: Usage::default(),
    };
    let lie = match dice.below(7) {
        0 => complete(CompleteTask {
            attempt: task.attempt + 1,
            ..honest
        }),
        1 if other.task_id != task.task_id => complete(CompleteTask {
            fence: other.fence,
            ..honest
        }),
        2 => complete(CompleteTask {
            kind: "forged.kind".to_owned(),
            ..honest
        }),
        3 => {
            let class = |n: usize| (format!("class {n}"), 1);
            complete(CompleteTask {
                coverage: (0..=Coverage::MAX_CLASSES).map(class).collect(),
                ..honest
            })
        }
        4 => {
            // Only what is settled: the end of an attempt that runs is its worker's to tell.
            let model = shared.model();
            let status = &model.tasks.get(&task.task_id)?.task.head.status;
            let settled = status.attempt != task.attempt || status.state.is_terminal();
            settled.then(|| complete(honest))?
        }
        5 => {
            let role = shared.model().tasks.get(&task.task_id)?.task.head.role;
            // A generator's worker may create what it likes.
            (role != Role::Generator).then(|| create(task))?
        }
        _ => Message::Heartbeat(Heartbeat {
            task_id: task.task_id,
            attempt: task.attempt,
            fence: Fence(dice.roll()),
        }),
    };
    Some(ToManager::new(MessageId::new(runtime), lie).encode())
}

fn create(task: &DispatchTask) -> Message {
    Message::CreateTasks(CreateTasks {
        parent_id: task.task_id,
        attempt: task.attempt,
        fence: task.fence,
        children: vec![NewChild {
            ordinal: 0,
            kind: task.kind.clone(),
            version: task.kind_version,
            targets: 0,
            options: None,
            payload: task.payload.clone(),
        }],
    })
}

fn complete(completion: CompleteTask) -> Message {
    Message::CompleteTask(Box::new(completion))
}

/// A body that is no message of this engine, and the queue that it comes in.
pub(super) fn garbage(dice: &mut Dice) -> (Queue, Bytes) {
    let queue = Queue::ALL[dice.below(Queue::ALL.len() as u64) as usize];
    let body = match dice.below(4) {
        0 => Bytes::new(),
        1 => Bytes::from_static(b"{\"v\":1,\"id\":\"00000000-0000-0000-0000-000000000000\"}"),
        2 => Bytes::from_static(b"{\"v\":99,\"id\":1}"),
        _ => (0..dice.below(200)).map(|_| dice.roll() as u8).collect(),
    };
    (queue, body)
}
