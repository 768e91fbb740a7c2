//! Rows that follow from small numbers.

use serde_json::value::RawValue;
use task_core::id::{CollectionId, ContainerId, MessageId, TaskId};
use task_core::ledger::{Coverage, Usage};
use task_core::payload::{Claim, Payload};
use task_core::policy::{CompletionPolicy, Enough, RetryPolicy, TaskOptions};
use task_core::ports::data::Writer;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Counters, ResultRow, Task, TaskHead, TaskStatus,
};
use task_core::route::WorkerKind;
use task_core::state::TaskState;
use task_core::time::Timestamp;
use task_core::workflow::{Arm, Mode, Role};
use uuid::Uuid;

pub(crate) fn time(n: u8) -> Timestamp {
    Timestamp::from_millis(n.into())
}

pub(crate) fn message(n: u8) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(n.into()))
}

pub(crate) fn collection(n: u8) -> CollectionId {
    CollectionId::from_uuid(Uuid::from_u128(u128::from(n) << 80))
}

/// Containers 0 to 2 are in collection 0, the others in collection 1.
pub(crate) fn home(n: u8) -> CollectionId {
    collection(n / 3)
}

pub(crate) fn container(n: u8) -> ContainerId {
    home(n).container(n.into())
}

/// Tasks are children of one generator, whatever container they are put in, so that their ids
/// meet.
pub(crate) fn task_id(n: u8) -> TaskId {
    collection(0).task(0).child(n.into())
}

pub(crate) fn writer(n: u8, attempt: u8) -> Writer {
    Writer {
        collection: collection(0),
        container: container(n % 3),
        task: task_id(n),
        attempt: attempt.into(),
    }
}

pub(crate) fn payload(x: u64) -> Payload {
    if x % 5 == 4 {
        return Payload::Claim(Claim {
            key: format!("k/{x}"),
            len: x,
            sha256: "00".into(),
        });
    }
    let text = format!("{{\"x\": {x}, \"y\": [1.0, \"é\\n\"]}}");
    Payload::Inline(RawValue::from_string(text).unwrap())
}

pub(crate) fn small(x: u64) -> u64 {
    x >> 40
}

pub(crate) fn collection_row(n: u8, state: TaskState, deadline: Option<u8>) -> CollectionRow {
    CollectionRow {
        id: collection(n),
        name: format!("collection {n} {state}"),
        state,
        cancelled: n.is_multiple_of(2),
        scope: deadline.map(|at| Claim {
            key: "s".into(),
            len: at.into(),
            sha256: "".into(),
        }),
        created_at: time(7 * n % 5),
        deadline_at: deadline.map(time),
        finished_at: None,
    }
}

pub(crate) fn container_row(n: u8, state: TaskState, x: u64) -> ContainerRow {
    let odd = x % 2 == 1;
    ContainerRow {
        id: container(n),
        collection: home(n),
        parent: odd.then(|| container(0)),
        position: n.into(),
        name: odd.then(|| format!("container {n}").into()),
        mode: if odd {
            Mode::Parallel
        } else {
            Mode::Sequential
        },
        arm: odd.then_some(Arm::Then),
        // Tasks of the other collection are not where its generator's children lie.
        generator: (n < 3 && x.is_multiple_of(3)).then(|| collection(0).task(0)),
        policy: CompletionPolicy::enough(if odd { Enough::Any } else { Enough::All }),
        max_in_flight: (x % 100) as u32,
        state,
        chosen: (x.is_multiple_of(7)).then_some(Arm::Else),
        cursor: (x % 11) as u32,
        expected: (x % 3 == 1).then(|| small(x)),
        children: Counters {
            created: small(x),
            running: x % 13,
            ..Counters::default()
        },
        targets: small(x),
        outcomes: if odd {
            [("a", x)].into_iter().collect()
        } else {
            Coverage::new()
        },
        usage: Usage {
            wall_ms: x % 2,
            ..Usage::default()
        },
        cut_off_at: (!x.is_multiple_of(4)).then(|| time((x % 40) as u8)),
        started_at: odd.then(|| time(3)),
        finished_at: None,
    }
}

pub(crate) fn task(n: u8, ordinal: u8, x: u64) -> Task {
    // Only containers of the collection that the ids derive from.
    let n = n % 3;
    let retry = if x % 3 == 1 {
        RetryPolicy::NEVER
    } else {
        RetryPolicy::DEFAULT
    };
    Task {
        head: TaskHead {
            id: task_id(ordinal),
            collection: home(n),
            container: container(n),
            role: if x % 10 == 9 {
                Role::Generator
            } else {
                Role::Plain
            },
            ordinal: ordinal.into(),
            kind: if x.is_multiple_of(2) {
                "kind.even".into()
            } else {
                "kind.odd".into()
            },
            route: WorkerKind::ALL[(x % 3) as usize],
            targets: small(x),
            options: TaskOptions {
                retry,
                ..TaskOptions::default()
            },
            status: TaskStatus::NEW,
        },
        name: (x % 4 == 3).then(|| format!("task {ordinal}").into()),
        version: (x % 100) as u32,
        payload: payload(x),
    }
}

pub(crate) fn status(state: TaskState, x: u64) -> TaskStatus {
    TaskStatus {
        state,
        attempt: (x % 3) as u32,
        failures: (x % 5) as u32,
        accounted: x % 4,
        due_at: (!x.is_multiple_of(4)).then(|| time((x % 40) as u8)),
        give_up_at: (x % 4 > 1).then(|| time((x % 50) as u8)),
        cursor: (x.is_multiple_of(6)).then(|| payload(x)),
        error: (x % 6 == 1).then(|| format!("error {x}")),
    }
}

pub(crate) fn result(n: u8, seq: u8, x: u64) -> ResultRow {
    ResultRow {
        collection: collection(0),
        container: container(n % 3),
        task: task_id(n),
        seq: seq.into(),
        body: payload(x),
    }
}
