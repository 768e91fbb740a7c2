//! Functions of Lambda, called with events made by hand.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use sortie_transports::lambda::{
    EventCarrier, FunctionRuntime, Handler, LambdaManager, LambdaWorker, serve,
};
use sortie_transports::sqs::receipt;
use stores::memory::MemoryStore;
use task_core::envelope::DispatchTask;
use task_core::manager::{FenceKey, Manager, ManagerConfig};
use task_core::message::{Message, Outcome, ToManager};
use task_core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};
use task_core::worker::{Completion, Control, Worker};
use task_core::{Payload, Queue, WorkerKind};

/// The carrier behind the event: notes what it is asked for.
#[derive(Debug, Default)]
struct Recorder {
    sent: Mutex<Vec<(Queue, ToManager)>>,
    parked: Mutex<Vec<(Queue, ParkReason)>>,
    extended: Mutex<Vec<(Receipt, Duration)>>,
}

#[async_trait]
impl Transport for Recorder {
    fn limits(&self) -> CarrierLimits {
        CarrierLimits::new(1 << 20, 10, Duration::from_secs(900))
    }

    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        let results = messages.iter().map(|_| Ok(())).collect();
        let decoded = messages
            .iter()
            .map(|m| (queue, ToManager::decode(&m.body).unwrap()));
        self.sent.lock().unwrap().extend(decoded);
        Ok(results)
    }

    async fn receive(
        &self,
        _: Queue,
        _: usize,
        _: Duration,
        _: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        unreachable!("a function receives nothing but its event")
    }

    async fn ack(&self, _: Queue, _: &[Receipt]) -> Result<(), TransportError> {
        unreachable!("Lambda removes what has not failed")
    }

    async fn extend(
        &self,
        _: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        let asked = (receipt.clone(), visibility);
        self.extended.lock().unwrap().push(asked);
        Ok(())
    }

    async fn park(&self, queue: Queue, _: Delivery, why: ParkReason) -> Result<(), TransportError> {
        self.parked.lock().unwrap().push((queue, why));
        Ok(())
    }

    async fn parked(&self, _: Queue, _: usize) -> Result<Vec<Parked>, TransportError> {
        Ok(Vec::new())
    }

    async fn redrive(&self, _: Queue) -> Result<usize, TransportError> {
        Ok(0)
    }

    async fn depth(&self, _: Queue) -> Result<u64, TransportError> {
        Ok(0)
    }
}

/// Does what the payload says.
#[derive(Debug)]
struct Obedient;

#[async_trait]
impl Worker for Obedient {
    async fn run(&self, task: DispatchTask, control: Control) -> Result<Completion, ParkReason> {
        let outcome = match task.payload.decode::<String>().unwrap().as_str() {
            "succeed" => Outcome::Succeeded { children: None },
            "leave" => {
                control.cancelled.leaving().await;
                let cursor = Payload::encode(&7).unwrap();
                Outcome::Deadline {
                    cursor,
                    after_ms: None,
                }
            }
            "park" => return Err(ParkReason::UnknownKind(task.kind)),
            _ => std::future::pending().await,
        };
        Ok(Completion::bare(outcome))
    }
}

fn dispatch(order: &str) -> String {
    json!({
        "v": 1, "kind": "test.obey", "kind_version": 1, "attempt": 1,
        "task_id": "0190163d-8694-8a00-8000-000000000001",
        "collection_id": "0190163d-8694-739b-aea5-966c26f8ad91",
        "parent_id": "0190163d-8694-8d00-8000-000000000000",
        "fence": "0123456789abcdef", "start_by": 4_000_000_000_000_u64, "lease_ms": 600_000,
        "trace": "00-0190163d8694739baea5966c26f8ad91-00f067aa0ba902b7-01",
        "payload": { "inline": order },
    })
    .to_string()
}

/// An event as SQS makes it, with the ids `0`, `1`, …
fn event(bodies: &[String]) -> LambdaEvent<Value> {
    let record = |(n, body): (usize, &String)| {
        json!({
            "messageId": n.to_string(),
            "receiptHandle": format!("handle-{n}"),
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1764003600000",
                "SenderId": "AIDA",
                "ApproximateFirstReceiveTimestamp": "1764003600001",
            },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:external",
            "awsRegion": "us-east-1",
        })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    called_with(json!({ "Records": records }))
}

fn called_with(payload: Value) -> LambdaEvent<Value> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut context = Context::default();
    context.deadline = (now.unwrap() + Duration::from_secs(60)).as_millis() as u64;
    LambdaEvent::new(payload, context)
}

fn failed(answer: &sortie_transports::lambda::Failures) -> Vec<String> {
    let mut ids: Vec<_> = answer.ids().map(str::to_owned).collect();
    ids.sort();
    ids
}

fn outcomes(carrier: &Recorder) -> Vec<Outcome> {
    let sent = std::mem::take(&mut *carrier.sent.lock().unwrap());
    let outcome = |(queue, message): (Queue, ToManager)| match message.body {
        Message::CompleteTask(complete) if queue == Queue::Manager => complete.outcome,
        other => panic!("to {queue}: {other:?}"),
    };
    sent.into_iter().map(outcome).collect()
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_with_its_last_task_and_names_what_failed() {
    let carrier = Arc::new(Recorder::default());
    let worker = LambdaWorker::new(WorkerKind::External, Arc::new(Obedient), carrier.clone());
    let start = tokio::time::Instant::now();
    let bodies = [
        dispatch("succeed"),
        dispatch("park"),
        "{".to_owned(),
        dispatch("succeed"),
    ];
    let answer = worker.handle(event(&bodies)).await.unwrap();
    assert_eq!(failed(&answer), [""; 0], "what was parked is done, too");
    assert_eq!(outcomes(&carrier).len(), 2);
    assert_eq!(carrier.parked.lock().unwrap().len(), 2);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn before_the_deadline_cursors_are_handed_back_and_the_rest_is_given_back() {
    let carrier = Arc::new(Recorder::default());
    let worker = LambdaWorker::new(WorkerKind::External, Arc::new(Obedient), carrier.clone())
        .grace(Duration::from_secs(10));
    let start = tokio::time::Instant::now();
    let bodies = [dispatch("leave"), dispatch("hang"), dispatch("succeed")];
    let answer = worker.handle(event(&bodies)).await.unwrap();
    let elapsed = start.elapsed();
    assert!(
        elapsed >= Duration::from_secs(48),
        "it used its time: {elapsed:?}"
    );
    assert!(
        elapsed < Duration::from_secs(60),
        "it was in time: {elapsed:?}"
    );
    assert_eq!(failed(&answer), ["1"]);
    let outcomes = outcomes(&carrier);
    assert!(
        outcomes
            .iter()
            .any(|o| matches!(o, Outcome::Deadline { .. })),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    let given_back = (receipt("1", "handle-1"), Duration::ZERO);
    assert!(carrier.extended.lock().unwrap().contains(&given_back));
}

#[tokio::test(start_paused = true)]
async fn one_environment_handles_many_events() {
    let carrier = Arc::new(Recorder::default());
    let worker = LambdaWorker::new(WorkerKind::External, Arc::new(Obedient), carrier.clone());
    for _ in 0..3 {
        let answer = worker.handle(event(&[dispatch("hang")])).await.unwrap();
        assert_eq!(failed(&answer), ["0"]);
        let answer = worker.handle(event(&[dispatch("succeed")])).await.unwrap();
        assert_eq!(failed(&answer), [""; 0]);
        assert_eq!(outcomes(&carrier).len(), 1);
    }
}

/// As direct invocation hands it over.
fn direct(order: &str) -> LambdaEvent<Value> {
    called_with(serde_json::from_str(&dispatch(order)).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_direct_invocation_is_a_message_and_fails_if_it_must_come_again() {
    let carrier = Arc::new(Recorder::default());
    let worker = LambdaWorker::new(WorkerKind::External, Arc::new(Obedient), carrier.clone());
    let answer = worker.handle(direct("succeed")).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(outcomes(&carrier).len(), 1);
    worker.handle(direct("park")).await.unwrap();
    assert_eq!(carrier.parked.lock().unwrap().len(), 1);
    let failed = worker.handle(direct("hang")).await.unwrap_err();
    assert!(
        failed.to_string().contains("invokes the function again"),
        "{failed}"
    );
    assert!(
        carrier.extended.lock().unwrap().is_empty(),
        "no queue is asked for a message that was in none"
    );
}

#[tokio::test]
async fn what_calls_it_by_mistake_is_told_so() {
    let worker = LambdaWorker::new(
        WorkerKind::Internal,
        Arc::new(Obedient),
        Arc::new(Recorder::default()),
    );
    let asked = [
        json!({"source": "aws.events"}),
        json!({"x": 1}),
        json!({"Records": [{"s3": {}}]}),
    ];
    for payload in asked {
        let refused = worker.handle(called_with(payload)).await.unwrap_err();
        assert!(refused.to_string().contains("trigger"), "{refused}");
    }
}

fn manager(carrier: &Arc<Recorder>) -> LambdaManager {
    LambdaManager::new(carrier.clone(), |transport| {
        Manager::new(
            Arc::new(MemoryStore::new()),
            transport,
            Arc::new(FunctionRuntime::new()),
            Arc::default(),
            ManagerConfig::new(FenceKey::new([7; 16])),
        )
    })
}

/// A message to the manager.
fn message(id: u8, body: &Value) -> String {
    let id = format!("0190163d-9f02-7c41-9d3a-5b1e6a7f00{id:02}");
    json!({ "v": 1, "id": id, "body": body }).to_string()
}

#[tokio::test]
async fn who_is_not_trusted_may_speak_of_tasks_and_of_nothing_else() {
    const EXTERNAL: &str = "AROAEXAMPLEEXTERNAL:sortie-external";
    let collection = "0190163d-8694-739b-aea5-966c26f8ad91";
    let task = json!({ "task_id": collection, "attempt": 1, "fence": "0123456789abcdef" });
    let cancel = json!({ "cancel_collection": { "collection_id": collection } });
    let said = [
        message(1, &json!("tick")),
        message(2, &cancel),
        message(
            3,
            &json!({ "submit_collection": { "collection_id": collection, "plan": { "inline": {} } } }),
        ),
        // Spelt so that a careless reader takes it for something else.
        message(4, &cancel).replace("cancel_collection", "cancel\\u005fcollection"),
        message(5, &json!({ "heartbeat": task })),
        "nonsense".to_owned(),
    ];
    let from = |sender: &str| {
        let mut event = event(&said);
        for record in event.payload["Records"].as_array_mut().unwrap() {
            record["attributes"]["SenderId"] = json!(sender);
        }
        event
    };
    let carrier = Arc::new(Recorder::default());
    let function = manager(&carrier).untrusted("AROAEXAMPLEEXTERNAL");
    let answer = function.handle(from(EXTERNAL)).await.unwrap();
    assert_eq!(failed(&answer), [""; 0], "all of it is done or parked");
    let parked = |carrier: &Recorder| {
        let mut parked = std::mem::take(&mut *carrier.parked.lock().unwrap());
        parked.retain(|(_, why)| why.to_string().contains("neither submit nor cancel"));
        parked.len()
    };
    assert_eq!(parked(&carrier), 4);

    // Others may: another role, and one whose id only begins alike.
    for sender in [
        "AROAEXAMPLEOPERATOR:me",
        "AROAEXAMPLEEXTERNALS:x",
        "AIDAEXAMPLE",
    ] {
        let answer = function.handle(from(sender)).await.unwrap();
        assert_eq!(
            failed(&answer),
            ["1", "3"],
            "an unknown collection comes again"
        );
        assert_eq!(parked(&carrier), 0);
    }
}

#[tokio::test]
async fn the_manager_applies_an_event_parks_what_is_none_and_ticks() {
    let carrier = Arc::new(Recorder::default());
    let function = manager(&carrier);
    // A cancellation of what nobody has submitted yet must come again; a beat of the heart of an
    // unknown task is dropped.
    let collection = "0190163d-8694-739b-aea5-966c26f8ad91";
    let bodies = [
        message(
            1,
            &json!({ "cancel_collection": { "collection_id": collection } }),
        ),
        "nonsense".to_owned(),
        message(2, &json!("tick")),
    ];
    let answer = function.handle(event(&bodies)).await.unwrap();
    assert_eq!(failed(&answer), ["0"]);
    assert!(matches!(
        &carrier.parked.lock().unwrap()[..],
        [(Queue::Manager, ParkReason::Undecodable(_))]
    ));
    for source in ["aws.scheduler", "aws.events", "sortie"] {
        let answer = function
            .handle(called_with(json!({ "source": source })))
            .await;
        assert_eq!(failed(&answer.unwrap()), [""; 0]);
    }
}

#[tokio::test]
async fn an_answer_has_the_form_that_lambda_reads() {
    let carrier = EventCarrier::new(Arc::new(Recorder::default()), Queue::External);
    assert_eq!(carrier.limits().receive_batch, 10);
    let answer = sortie_transports::lambda::Failures::of(["a".to_owned()]);
    let answer = serde_json::to_value(&answer).unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": "a" }] })
    );
}

/// The function that the next test runs as a process of its own; does nothing otherwise.
#[tokio::test]
async fn as_a_process() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        let carrier = Arc::new(Recorder::default());
        let worker = LambdaWorker::new(WorkerKind::External, Arc::new(Obedient), carrier)
            .grace(Duration::from_millis(100));
        serve(worker).await.unwrap();
    }
}

/// The interface that Lambda offers to a function: it hands out events one by one.
#[test]
fn the_runtime_of_lambda_gets_the_answer() {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut function = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "as_a_process"])
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            api.local_addr().unwrap().to_string(),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "worker")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stream, _) = api.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut said = until(&mut stream, "\r\n\r\n");
    assert!(
        said.starts_with("GET /2018-06-01/runtime/invocation/next"),
        "{said}"
    );
    let event = event(&[dispatch("succeed"), dispatch("hang")]);
    let (body, deadline) = (event.payload.to_string(), event.context.deadline - 57_000);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: one\r\nlambda-runtime-deadline-ms: {deadline}\r\nlambda-runtime-invoked-function-arn: arn\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).unwrap();
    said = until(&mut stream, "]}");
    function.kill().unwrap();
    function.wait().unwrap();
    assert!(
        said.starts_with("POST /2018-06-01/runtime/invocation/one/response"),
        "{said}"
    );
    let failed = r#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#;
    assert!(said.contains(failed), "{said}");
}

fn until(stream: &mut impl Read, end: &str) -> String {
    let mut said = String::new();
    let mut some = [0; 1024];
    while !said.contains(end) {
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0, "it hung up after {said:?}");
        said.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    said
}
