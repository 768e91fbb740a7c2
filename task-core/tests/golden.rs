//! Golden samples: the wire form of every message, byte for byte.
//!
//! Workers and managers of different deploys, and workers in other languages, read these bytes.
//! A changed sample is a conscious act: write them anew with
//! `GOLDEN=overwrite cargo test -p sortie-task-core --test golden`, read the difference, and ask
//! whether a worker that was deployed last month still understands it.

// Helpers of tests, which the lint does not know as such.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use sortie_task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use sortie_task_core::message::{
    CancelCollection, CompleteTask, CreateTasks, Heartbeat, Message, NewChild, Outcome,
    SubmitCollection, ToManager,
};
use sortie_task_core::ports::transport::ParkReason;
use sortie_task_core::workflow::{Mode, PlanContainer, PlanTask, Role};
use sortie_task_core::{
    Arm, Claim, CollectionId, CompletionPolicy, ContainerId, Coverage, Enough, Limits, MessageId,
    Payload, Plan, RetryPolicy, TaskId, TaskOptions, Timestamp, Usage,
};

#[test]
fn envelopes_have_their_golden_form() {
    for (name, envelope) in envelopes() {
        let sample = golden(name, &envelope.encode());
        assert_eq!(DispatchTask::decode(&sample), Ok(envelope), "{name}");
    }
}

#[test]
fn messages_have_their_golden_form() {
    for (name, message) in messages() {
        let sample = golden(name, &message.encode());
        assert_eq!(ToManager::decode(&sample), Ok(message), "{name}");
    }
}

#[test]
fn plans_have_their_golden_form() {
    let plan = plan();
    let sample = golden("plan", &serde_json::to_vec(&plan).unwrap());
    assert_eq!(serde_json::from_slice::<Plan>(&sample).unwrap(), plan);
}

#[test]
fn no_sample_is_left_behind() {
    let mut known: Vec<_> = envelopes().into_iter().map(|(name, _)| name).collect();
    known.extend(messages().into_iter().map(|(name, _)| name));
    known.push("plan");
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            known.contains(&name),
            "{} belongs to no message",
            path.display()
        );
    }
}

#[test]
fn a_newer_version_is_told_apart_from_garbage() {
    let body = json!({"v": WIRE_VERSION + 1, "other": {"shape": true}}).to_string();
    assert_eq!(DispatchTask::decode(body.as_bytes()).map(drop), newer());
    assert_eq!(ToManager::decode(body.as_bytes()).map(drop), newer());
}

/// The same fields may mean something else in a newer version.
#[test]

fn a_newer_version_of_the_same_shape_is_not_taken_for_this_one() {
    for (name, envelope) in envelopes() {
        let body = with(&envelope.encode(), "v", json!(WIRE_VERSION + 1));
        assert_eq!(DispatchTask::decode(&body).map(drop), newer(), "{name}");
    }
    for (name, message) in messages() {
        let body = with(&message.encode(), "v", json!(WIRE_VERSION + 1));
        assert_eq!(ToManager::decode(&body).map(drop), newer(), "{name}");
    }
}

#[test]
fn garbage_is_undecodable() {
    let known = messages().remove(0).1.encode();
    let bodies: [&[u8]; 9] = [
        b"",
        b"not JSON",
        b"null",
        b"[]",
        b"{}",
        br#"{"v":1}"#,
        br#"{"v":"1"}"#,
        b"\xff\xfe\x00",
        &known[..known.len() - 1],
    ];
    for body in bodies {
        let text = String::from_utf8_lossy(body);
        assert!(
            matches!(
                DispatchTask::decode(body),
                Err(ParkReason::Undecodable(why)) if !why.is_empty()
            ),
            "{text} as an envelope"
        );
        assert!(
            matches!(
                ToManager::decode(body),
                Err(ParkReason::Undecodable(why)) if !why.is_empty()
            ),
            "{text} as a message"
        );
    }
}

/// A deploy adds fields before the other side knows them.
#[test]
fn unknown_fields_are_tolerated() {
    for (name, envelope) in envelopes() {
        let body = with(&envelope.encode(), "added_later", json!({"x": [1, null]}));
        assert_eq!(DispatchTask::decode(&body), Ok(envelope), "{name}");
    }
    for (name, message) in messages() {
        let body = with(&message.encode(), "added_later", json!(1));
        assert_eq!(ToManager::decode(&body), Ok(message.clone()), "{name}");
        // Inside the body, too, where it has fields at all.
        let mut value: Value = serde_json::from_slice(&message.encode()).unwrap();
        if let Some(body) = value["body"].as_object_mut() {
            for variant in body.values_mut() {
                variant["added_later"] = json!("x");
            }
            let body = value.to_string();
            assert_eq!(ToManager::decode(body.as_bytes()), Ok(message), "{name}");
        }
    }
}

/// JSON can nest; a decoder that recursed into it without a limit would run out of stack.
#[test]
fn deep_nesting_never_panics() {
    for open in ["[", "{\"a\":"] {
        let nested = open.repeat(50_000);
        for body in [
            nested.clone(),
            format!(r#"{{"v":1,"payload":{{"inline":{nested}"#),
            format!(r#"{{"v":1,"added_later":{nested}"#),
        ] {
            assert!(DispatchTask::decode(body.as_bytes()).is_err());
            assert!(ToManager::decode(body.as_bytes()).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(DispatchTask::decode(&body).is_err());
        prop_assert!(ToManager::decode(&body).is_err());
    }

    /// Bytes that are nearly a message reach deeper than noise does.
    #[test]
    fn damaged_samples_never_panic(
        sample in prop::sample::select(samples()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut body = sample;
        for (place, byte) in damage {
            let place = place.index(body.len());
            body[place] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len()));
        }
        if let Ok(envelope) = DispatchTask::decode(&body) {
            prop_assert_eq!(DispatchTask::decode(&envelope.encode()), Ok(envelope));
        }
        if let Ok(message) = ToManager::decode(&body) {
            prop_assert_eq!(ToManager::decode(&message.encode()), Ok(message));
        }
    }
}

// The samples. Ids tell what they stand for: c… a collection, d… a container, a… a task.

fn envelopes() -> Vec<(&'static str, DispatchTask)> {
    let smallest = DispatchTask {
        v: WIRE_VERSION,
        kind: "robots.fetch".to_owned(),
        kind_version: 1,
        task_id: task(1),
        collection_id: collection(),
        parent_id: container(0),
        ordinal: 0,
        attempt: 1,
        fence: Fence(0x0123_4567_89ab_cdef),
        start_by: Timestamp::from_millis(1_764_003_600_000),
        deadline: None,
        lease: Duration::from_secs(60),
        scope: None,
        trace: "00-0190163d8694739baea5966c26f8ad91-00f067aa0ba902b7-01".to_owned(),
        cursor: None,
        payload: inline(&json!({"domain": "example.com"})),
    };
    let largest = DispatchTask {
        kind_version: 3,
        parent_id: container(2),
        ordinal: 1249,
        attempt: 4,
        fence: Fence(u64::MAX),
        deadline: Some(Timestamp::from_millis(1_764_086_400_000)),
        lease: Duration::from_millis(90_500),
        scope: Some(claim("scopes/example", 812)),
        cursor: Some(inline(
            &json!({"at": {"next": 501}, "children": 0, "rows": 500}),
        )),
        payload: Payload::Claim(claim("payloads/example/1249", 300_000)),
        ..smallest.clone()
    };
    vec![
        ("dispatch_task", smallest),
        ("dispatch_task_with_everything", largest),
    ]
}

fn messages() -> Vec<(&'static str, ToManager)> {
    let submit = SubmitCollection {
        collection_id: collection(),
        plan: inline(&json!({"containers": [], "name": "robots", "tasks": []})),
        scope: None,
    };
    let large_submit = SubmitCollection {
        plan: Payload::Claim(claim("plans/example", 1_200_000)),
        scope: Some(claim("scopes/example", 812)),
        ..submit.clone()
    };
    let create = CreateTasks {
        parent_id: task(1),
        attempt: 2,
        fence: fence(),
        children: vec![
            NewChild {
                ordinal: 0,
                kind: "robots.fetch".to_owned(),
                version: 1,
                targets: 0,
                options: None,
                payload: inline(&json!({"domain": "example.com"})),
            },
            NewChild {
                ordinal: 1,
                kind: "robots.batch".to_owned(),
                version: 2,
                targets: 1250,
                options: Some(options()),
                payload: Payload::Claim(claim("payloads/example/1", 20_000)),
            },
        ],
    };
    let outcomes = [
        (
            "complete_task_succeeded",
            Outcome::Succeeded { children: None },
        ),
        (
            "complete_task_generated",
            Outcome::Succeeded {
                children: Some(800),
            },
        ),
        (
            "complete_task_retry",
            Outcome::Retry {
                error: "the peer closed the connection".to_owned(),
                after_ms: None,
            },
        ),
        (
            "complete_task_retry_after",
            Outcome::Retry {
                error: "429 Too Many Requests".to_owned(),
                after_ms: Some(30_000),
            },
        ),
        (
            "complete_task_fatal",
            Outcome::Fatal {
                error: "the payload does not decode".to_owned(),
            },
        ),
        (
            "complete_task_out_of_scope",
            Outcome::OutOfScope {
                error: "169.254.169.254 is a metadata address".to_owned(),
            },
        ),
        ("complete_task_cancelled", Outcome::Cancelled),
        (
            "complete_task_deadline",
            Outcome::Deadline {
                cursor: inline(&json!({"at": {"next": 501}, "children": 0, "rows": 500})),
                after_ms: None,
            },
        ),
        (
            "complete_task_pause",
            Outcome::Deadline {
                cursor: inline(&json!({"at": {"until": 1}, "children": 0, "rows": 0})),
                after_ms: Some(3_600_000),
            },
        ),
        (
            "complete_task_not_started",
            Outcome::NotStarted {
                error: "the worker drains".to_owned(),
            },
        ),
    ];
    let completions = outcomes.map(|(name, outcome)| {
        let complete = CompleteTask {
            task_id: task(1),
            kind: "robots.fetch".to_owned(),
            attempt: 2,
            fence: fence(),
            outcome,
            data: None,
            coverage: Coverage::new(),
            usage: Usage::default(),
        };
        (name, complete)
    });
    let with_data = CompleteTask {
        data: Some(inline(&json!({"rules": 12}))),
        coverage: [("found", 1180), ("absent", 60), ("timed_out", 10)]
            .into_iter()
            .collect(),
        usage: Usage {
            wall_ms: 41_200,
            bytes_in: 5_000_000,
            bytes_out: 700_000,
        },
        ..completions[0].1.clone()
    };
    let heartbeat = Heartbeat {
        task_id: task(1),
        attempt: 2,
        fence: fence(),
    };
    let cancel = CancelCollection {
        collection_id: collection(),
    };

    let mut bodies = vec![
        ("submit_collection", Message::SubmitCollection(submit)),
        (
            "submit_collection_claimed",
            Message::SubmitCollection(large_submit),
        ),
        ("create_tasks", Message::CreateTasks(create)),
        (
            "complete_task_with_data",
            Message::CompleteTask(Box::new(with_data)),
        ),
        ("heartbeat", Message::Heartbeat(heartbeat)),
        ("cancel_collection", Message::CancelCollection(cancel)),
        ("tick", Message::Tick),
    ];
    bodies.extend(
        completions
            .into_iter()
            .map(|(name, complete)| (name, Message::CompleteTask(Box::new(complete)))),
    );
    bodies
        .into_iter()
        .map(|(name, body)| (name, ToManager::new(message_id(), body)))
        .collect()
}

/// Every field of a plan, every mode, role and arm.
fn plan() -> Plan {
    let container = |parent, position, name: Option<&str>, mode| PlanContainer {
        parent,
        position,
        name: name.map(str::to_owned),
        mode,
        arm: None,
        policy: CompletionPolicy::ALL,
        max_in_flight: 1000,
    };
    let task = |container, position, role, name: &str, kind: &str| PlanTask {
        container,
        position,
        role,
        name: name.to_owned(),
        kind: kind.to_owned(),
        version: 1,
        targets: 0,
        options: TaskOptions::default(),
        payload: inline(&json!({})),
    };
    Plan {
        name: "robots".to_owned(),
        containers: vec![
            container(None, 0, None, Mode::Sequential),
            PlanContainer {
                policy: CompletionPolicy::enough(Enough::PerMille(997))
                    .cut_off(Duration::from_secs(300)),
                max_in_flight: 100,
                ..container(Some(0), 0, Some("scan"), Mode::Parallel)
            },
            container(Some(0), 2, None, Mode::Sequential),
            PlanContainer {
                arm: Some(Arm::Then),
                ..container(Some(2), 1, None, Mode::Sequential)
            },
            PlanContainer {
                arm: Some(Arm::Else),
                policy: CompletionPolicy::enough(Enough::AtLeast(1)),
                ..container(Some(2), 2, None, Mode::Sequential)
            },
            PlanContainer {
                policy: CompletionPolicy::enough(Enough::Any),
                ..container(Some(0), 3, Some("ask"), Mode::Parallel)
            },
        ],
        tasks: vec![
            PlanTask {
                options: options(),
                ..task(1, 0, Role::Generator, "scan.generator", "robots.split")
            },
            task(0, 1, Role::Aggregator, "merge", "robots.merge"),
            task(2, 0, Role::Decider, "found", "robots.any_found"),
            task(3, 0, Role::Plain, "report", "control.notify"),
            task(4, 0, Role::Plain, "shrug", "control.notify"),
            PlanTask {
                version: 2,
                targets: 40,
                payload: Payload::Claim(claim("payloads/example/ct", 70_000)),
                ..task(5, 0, Role::Plain, "ask.ct", "external.fetch")
            },
        ],
        deadline_ms: Some(3_600_000),
    }
}

fn options() -> TaskOptions {
    TaskOptions {
        retry: RetryPolicy {
            max_failures: 5,
            base: Duration::from_millis(250),
            cap: Duration::from_secs(10),
        },
        limits: Limits {
            queued: Duration::from_secs(600),
            running: Duration::from_secs(30),
            total: Some(Duration::from_secs(900)),
        },
    }
}

fn collection() -> CollectionId {
    id("0190163d-8694-739b-aea5-966c26f8ad91")
}

fn container(index: u32) -> ContainerId {
    id(&format!("0190163d-8694-8d00-8000-0000{index:08x}"))
}

fn task(index: u32) -> TaskId {
    id(&format!("0190163d-8694-8a00-8000-0000{index:08x}"))
}

fn message_id() -> MessageId {
    id("0190163d-9f02-7c41-9d3a-5b1e6a7f0042")
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn fence() -> Fence {
    Fence(81_985_529_216_486_895)
}

fn claim(key: &str, len: u64) -> Claim {
    Claim {
        key: key.to_owned(),
        len,
        sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
    }
}

/// Members in the order of the alphabet: another one survives or not, by what else is built along.
fn inline(value: &Value) -> Payload {
    Payload::encode(value).unwrap()
}

fn newer() -> Result<(), ParkReason> {
    Err(ParkReason::EnvelopeVersion {
        found: WIRE_VERSION + 1,
        known: WIRE_VERSION,
    })
}

// The files. Each holds one message as it travels, and a line end that does not.

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The sample of this name, after `encoded` was held against it.
fn golden(name: &str, encoded: &[u8]) -> Vec<u8> {
    let path = folder().join(name).with_extension("json");
    let encoded = std::str::from_utf8(encoded).expect("messages are UTF-8");
    if std::env::var_os("GOLDEN").is_some_and(|what| what == "overwrite") {
        std::fs::write(&path, format!("{encoded}\n")).unwrap();
    }
    let sample = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; GOLDEN=overwrite writes it", path.display()));
    let sample = sample.trim_end();
    assert_eq!(
        encoded, sample,
        "the wire form of {name} has changed; if it is meant, write it anew with GOLDEN=overwrite"
    );
    sample.as_bytes().to_vec()
}

fn samples() -> Vec<Vec<u8>> {
    let envelopes = envelopes().into_iter().map(|(_, e)| e.encode());
    let messages = messages().into_iter().map(|(_, m)| m.encode().to_vec());
    envelopes.chain(messages).collect()
}

/// `body` with one field of its outermost object set.
fn with(body: &[u8], field: &str, value: Value) -> Vec<u8> {
    let mut object: Value = serde_json::from_slice(body).unwrap();
    object[field] = value;
    serde_json::to_vec(&object).unwrap()
}
