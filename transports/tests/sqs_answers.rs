//! What no emulator does: answers of SQS that are written by hand.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityOutput;
use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchOutput;
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlOutput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchInput, SendMessageBatchOutput};
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, DeleteMessageBatchResultEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, QueueAttributeName as Name, SendMessageBatchResultEntry,
};
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use sortie_transports::sqs::{Client, SqsConfig, SqsError, SqsTransport};
use task_core::Queue;
use task_core::ports::transport::{Outgoing, ParkReason, Transport, TransportError};

const QUEUE: Queue = Queue::Internal;
const HOUR: Duration = Duration::from_secs(3600);

/// A queue that takes messages of so many bytes.
fn queue(bytes: usize) -> Rule {
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:dead","maxReceiveCount":"4"}"#;
    attributes(bytes, policy)
}

fn attributes(bytes: usize, policy: &'static str) -> Rule {
    mock!(Client::get_queue_attributes).then_output(move || {
        GetQueueAttributesOutput::builder()
            .attributes(Name::MaximumMessageSize, bytes.to_string())
            .attributes(Name::RedrivePolicy, policy)
            .build()
    })
}

async fn connect(rules: &[&Rule]) -> Result<SqsTransport, SqsError> {
    let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, rules);
    let config = SqsConfig::default().queue(QUEUE, "https://sqs.test/1/internal");
    SqsTransport::with_client(client, &config).await
}

/// An error as SQS sends it.
fn error(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = serde_json::json!({ "__type": code, "message": message });
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()))
}

/// Batches as they came.
type Batches = Arc<Mutex<Vec<Vec<String>>>>;

/// A queue that notes what it is sent, and answers for each entry by its text.
fn sends(
    batches: &Batches,
    answer: impl Fn(usize, &str) -> Option<BatchResultErrorEntry> + Send + Sync + 'static,
) -> Rule {
    let batches = Arc::clone(batches);
    mock!(Client::send_message_batch).then_compute_output(move |input: &SendMessageBatchInput| {
        let mut batches = batches.lock().unwrap();
        let round = batches.len();
        let entries = input.entries();
        batches.push(
            entries
                .iter()
                .map(|e| e.message_body().to_owned())
                .collect(),
        );
        let (mut sent, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            match answer(round, entry.message_body()) {
                Some(error) => failed.push(
                    BatchResultErrorEntry::builder()
                        .id(entry.id())
                        .code(error.code())
                        .sender_fault(error.sender_fault())
                        .build()
                        .unwrap(),
                ),
                None => sent.push(
                    SendMessageBatchResultEntry::builder()
                        .id(entry.id())
                        .message_id("m")
                        .md5_of_message_body("")
                        .build()
                        .unwrap(),
                ),
            }
        }
        SendMessageBatchOutput::builder()
            .set_successful(Some(sent))
            .set_failed(Some(failed))
            .build()
            .unwrap()
    })
}

fn fails(code: &str, sender_fault: bool) -> Option<BatchResultErrorEntry> {
    let entry = BatchResultErrorEntry::builder()
        .id("any")
        .code(code)
        .sender_fault(sender_fault);
    Some(entry.build().unwrap())
}

fn messages(bodies: impl IntoIterator<Item = String>) -> Vec<Outgoing> {
    let now = |body: String| Outgoing::now(body.into());
    bodies.into_iter().map(now).collect()
}

/// One message for whoever asks.
fn one_message() -> Rule {
    mock!(Client::receive_message).then_output(|| {
        let message = Message::builder()
            .message_id("id-1")
            .receipt_handle("handle-1")
            .body("{}")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1700000000000")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2");
        ReceiveMessageOutput::builder()
            .messages(message.build())
            .build()
    })
}

#[tokio::test(start_paused = true)]
async fn what_fails_alone_in_a_batch_is_sent_again_alone() {
    let batches = Batches::default();
    let answers = sends(&batches, |round, body| match body {
        "1" if round < 2 => fails("InternalError", false),
        "2" if round < 1 => fails("RequestThrottled", true),
        "3" => fails("InvalidMessageContents", true),
        _ => None,
    });
    let carrier = connect(&[&queue(1 << 20), &answers]).await.unwrap();
    let all = messages((0..5).map(|n| n.to_string()));
    let results = carrier.send(QUEUE, all).await.unwrap();
    let sent: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(sent, [true, true, true, false, true]);
    let batches = batches.lock().unwrap();
    assert_eq!(
        *batches,
        [vec!["0", "1", "2", "3", "4"], vec!["1", "2"], vec!["1"]]
    );
    let refused = results[3].as_ref().unwrap_err().to_string();
    assert!(refused.contains("InvalidMessageContents"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_given_up_and_said() {
    let batches = Batches::default();
    let answers = sends(&batches, |_, body| {
        (body == "1")
            .then(|| fails("InternalError", false))
            .flatten()
    });
    let carrier = connect(&[&queue(1 << 20), &answers]).await.unwrap();
    let all = messages((0..2).map(|n| n.to_string()));
    let results = carrier.send(QUEUE, all).await.unwrap();
    assert!(results[0].is_ok() && results[1].is_err(), "{results:?}");
    assert_eq!(batches.lock().unwrap().len(), 6, "it was tried six times");
}

#[tokio::test]
async fn batches_keep_the_limits_of_ten_and_of_bytes() {
    let batches = Batches::default();
    let rules = [&queue(1 << 20), &sends(&batches, |_, _| None)];
    let carrier = connect(&rules).await.unwrap();
    let sizes = |sizes: &[usize]| messages(sizes.iter().map(|&len| "x".repeat(len)));
    let sent = async |all: Vec<Outgoing>| {
        batches.lock().unwrap().clear();
        let results = carrier.send(QUEUE, all).await.unwrap();
        assert!(results.iter().all(Result::is_ok));
        let mut lens: Vec<Vec<usize>> = (batches.lock().unwrap().iter())
            .map(|batch| batch.iter().map(String::len).collect())
            .collect();
        lens.sort();
        lens
    };
    let (half, third) = (1 << 19, 1 << 18);
    assert_eq!(sent(sizes(&[half, half])).await, [[half, half]]);
    assert_eq!(
        sent(sizes(&[half, half, 1])).await,
        [vec![1], vec![half, half]]
    );
    assert_eq!(
        sent(sizes(&[third, third, third, third])).await,
        [[third; 4]]
    );
    assert_eq!(
        sent(sizes(&[1; 23])).await,
        [vec![1; 3], vec![1; 10], vec![1; 10]]
    );
}

#[tokio::test]
async fn the_limit_is_read_from_the_queue() {
    for bytes in [64 << 10, 256 << 10, 1 << 20] {
        let carrier = connect(&[&queue(bytes)]).await.unwrap();
        assert_eq!(carrier.limits().message_bytes, bytes - 1024);
    }
}

#[tokio::test]
async fn queues_that_cannot_keep_the_promises_are_refused() {
    let refused = connect(&[&queue(4096)]).await.unwrap_err();
    assert!(matches!(refused, SqsError::TooSmall { bytes: 4096, .. }));
    let refused = connect(&[&attributes(1 << 20, "")]).await.unwrap_err();
    assert!(matches!(refused, SqsError::NoDeadLetters(QUEUE)));
    let once = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:dead","maxReceiveCount":1}"#;
    let refused = connect(&[&attributes(1 << 20, once)]).await.unwrap_err();
    assert!(matches!(refused, SqsError::NoDeadLetters(QUEUE)));
    let refused = connect(&[&attributes(1 << 20, "{}")]).await.unwrap_err();
    assert!(matches!(refused, SqsError::Attribute { .. }));

    let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, &[&queue(1 << 20)]);
    let config = SqsConfig::default().queue(QUEUE, "orders.fifo");
    let refused = SqsTransport::with_client(client, &config).await;
    assert!(matches!(refused, Err(SqsError::Fifo { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_queue_that_was_not_named_is_out_of_reach() {
    let carrier = connect(&[&queue(1 << 20)]).await.unwrap();
    let refused = carrier.depth(Queue::Manager).await.unwrap_err();
    let TransportError::Backend(refused) = refused else {
        panic!("{refused:?}");
    };
    let refused = refused.downcast_ref::<SqsError>();
    assert!(matches!(
        refused,
        Some(SqsError::NotConfigured(Queue::Manager))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_throttled_is_tried_again_later() {
    let throttled = mock!(Client::send_message_batch)
        .sequence()
        .http_response(|| error(400, "RequestThrottled", "slow down"))
        .times(2)
        .output(|| {
            let sent = SendMessageBatchResultEntry::builder()
                .id("0")
                .message_id("m")
                .md5_of_message_body("");
            SendMessageBatchOutput::builder()
                .successful(sent.build().unwrap())
                .set_failed(Some(Vec::new()))
                .build()
                .unwrap()
        })
        .build();
    let carrier = connect(&[&queue(1 << 20), &throttled]).await.unwrap();
    let results = carrier.send(QUEUE, messages(["1".into()])).await.unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    assert_eq!(throttled.num_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_known_of_any_message_is_the_outer_error() {
    let down = mock!(Client::send_message_batch)
        .then_http_response(|| HttpResponse::new(503.try_into().unwrap(), SdkBody::empty()));
    let carrier = connect(&[&queue(1 << 20), &down]).await.unwrap();
    let all = messages((0..11).map(|n| n.to_string()));
    let error = carrier.send(QUEUE, all).await.unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
}

#[tokio::test]
async fn acknowledging_repeats_what_failed_alone_and_minds_nothing_that_is_gone() {
    let rounds: Batches = Batches::default();
    let seen = Arc::clone(&rounds);
    let deletes = mock!(Client::delete_message_batch).then_compute_output(move |input| {
        let mut seen = seen.lock().unwrap();
        let entries = input.entries();
        let handles = entries.iter().map(|e| e.receipt_handle().to_owned());
        seen.push(handles.collect());
        let mut output = DeleteMessageBatchOutput::builder()
            .set_successful(Some(Vec::new()))
            .set_failed(Some(Vec::new()));
        for entry in entries {
            let code = match entry.receipt_handle() {
                "gone" => Some(("ReceiptHandleIsInvalid", true)),
                "busy" if seen.len() == 1 => Some(("InternalError", false)),
                _ => None,
            };
            output = match code {
                Some((code, fault)) => output.failed(
                    BatchResultErrorEntry::builder()
                        .id(entry.id())
                        .code(code)
                        .sender_fault(fault)
                        .build()
                        .unwrap(),
                ),
                None => output.successful(
                    DeleteMessageBatchResultEntry::builder()
                        .id(entry.id())
                        .build()
                        .unwrap(),
                ),
            };
        }
        output.build().unwrap()
    });
    let carrier = connect(&[&queue(1 << 20), &deletes]).await.unwrap();
    let receipts =
        ["ok", "gone", "busy"].map(|handle| sortie_transports::sqs::receipt("id", handle));
    carrier.ack(QUEUE, &receipts).await.unwrap();
    assert_eq!(
        *rounds.lock().unwrap(),
        [vec!["ok", "gone", "busy"], vec!["busy"]]
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_is_hidden_for_twelve_hours_and_not_beyond() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let changes = mock!(Client::change_message_visibility).then_compute_output(move |input| {
        seen.lock().unwrap().push(input.visibility_timeout());
        ChangeMessageVisibilityOutput::builder().build()
    });
    let carrier = connect(&[&queue(1 << 20), &one_message(), &changes])
        .await
        .unwrap();
    let received = carrier.receive(QUEUE, 1, Duration::ZERO, 2 * HOUR).await;
    let receipt = received.unwrap().remove(0).receipt;
    carrier.extend(QUEUE, &receipt, 24 * HOUR).await.unwrap();
    tokio::time::advance(11 * HOUR).await;
    carrier.extend(QUEUE, &receipt, HOUR / 2).await.unwrap();
    carrier.extend(QUEUE, &receipt, 2 * HOUR).await.unwrap();
    tokio::time::advance(HOUR).await;
    let over = carrier.extend(QUEUE, &receipt, HOUR).await.unwrap_err();
    assert!(over.to_string().contains("12 hours ago"), "{over}");
    // All that is left to do with it.
    carrier
        .extend(QUEUE, &receipt, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(*asked.lock().unwrap(), [43199, 1800, 3599, 0].map(Some));
}

#[tokio::test]
async fn what_sqs_says_of_a_visibility_is_told_apart() {
    let says = |code: &'static str, message: &'static str| {
        mock!(Client::change_message_visibility)
            .then_http_response(move || error(400, code, message))
    };
    let receipt = sortie_transports::sqs::receipt("id", "handle");
    let extend = async |rule: Rule| {
        let carrier = connect(&[&queue(1 << 20), &rule]).await.unwrap();
        carrier.extend(QUEUE, &receipt, HOUR).await.unwrap_err()
    };
    let invalid = "com.amazonaws.sqs#InvalidParameterValueException";
    let gone = "Value handle for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.";
    let told = extend(says(invalid, gone)).await;
    assert!(matches!(told, TransportError::StaleReceipt), "{told:?}");
    let told = extend(says("com.amazonaws.sqs#MessageNotInflight", "no")).await;
    assert!(matches!(told, TransportError::StaleReceipt), "{told:?}");
    let cap = "Value 3600 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].";
    let told = extend(says(invalid, cap)).await;
    assert!(told.to_string().contains("12 hours ago"), "{told}");
    let told = extend(says(
        "com.amazonaws.sqs#AccessDeniedException",
        "you may not",
    ))
    .await;
    assert!(told.to_string().contains("you may not"), "{told}");
}

#[tokio::test]
async fn nothing_tells_the_credentials() {
    let signed =
        "The Canonical String for this request should have been 'POST x-amz-security-token:SECRET'";
    let refuses = mock!(Client::receive_message)
        .then_http_response(move || error(403, "SignatureDoesNotMatch", signed));
    let rules = [&queue(1 << 20), &refuses];
    let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, rules, |config| {
        let secrets = aws_sdk_sqs::config::Credentials::new(
            "AKID",
            "SECRET",
            Some("SECRET".into()),
            None,
            "test",
        );
        config.credentials_provider(secrets)
    });
    let config = SqsConfig::default().queue(QUEUE, "https://sqs.test/1/internal");
    let carrier = SqsTransport::with_client(client, &config).await.unwrap();
    let error = carrier
        .receive(QUEUE, 1, Duration::ZERO, HOUR)
        .await
        .unwrap_err();
    let told = format!("{error} {error:?} {carrier:?}");
    assert!(told.contains("SignatureDoesNotMatch"), "{told}");
    assert!(!told.contains("SECRET") && !told.contains("AKID"), "{told}");
}

#[tokio::test]
async fn a_dead_letter_tells_the_last_reason() {
    let looked = Mutex::new(false);
    let dead = mock!(Client::receive_message).then_compute_output(move |_| {
        let letter = |id: &str, sent: u64| {
            let reason = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(r#"{"unknown_kind":"acme.scan"}"#);
            Message::builder()
                .message_id(id)
                .receipt_handle(id)
                .body(id)
                .attributes(MessageSystemAttributeName::SentTimestamp, sent.to_string())
                .set_message_attributes(Some(HashMap::from([(
                    "sortie.reason".to_owned(),
                    reason.build().unwrap(),
                )])))
        };
        // Parked once, redriven by the hand of an operator, and then delivered too often.
        let source = MessageSystemAttributeName::DeadLetterQueueSourceArn;
        let worn_out = letter("worn-out", 1).attributes(source, "arn:aws:sqs:us-east-1:1:internal");
        let empty = std::mem::replace(&mut *looked.lock().unwrap(), true);
        let letters = vec![letter("parked", 2).build(), worn_out.build()];
        ReceiveMessageOutput::builder()
            .set_messages((!empty).then_some(letters))
            .build()
    });
    let url = mock!(Client::get_queue_url)
        .match_requests(|ask| ask.queue_name() == Some("dead"))
        .then_output(|| {
            GetQueueUrlOutput::builder()
                .queue_url("https://sqs.test/1/dead")
                .build()
        });
    let uncover = mock!(Client::change_message_visibility_batch).then_compute_response(|_| {
        MockResponse::Http(HttpResponse::new(
            200.try_into().unwrap(),
            SdkBody::from(r#"{"Successful":[],"Failed":[]}"#),
        ))
    });
    let rules = [&queue(1 << 20), &dead, &url, &uncover];
    let carrier = connect(&rules).await.unwrap();
    let parked = carrier.parked(QUEUE, 10).await.unwrap();
    let told: Vec<_> = parked
        .into_iter()
        .map(|letter| (letter.body, letter.reason))
        .collect();
    let expected = [
        ("worn-out".into(), ParkReason::TooManyReceives(4)),
        ("parked".into(), ParkReason::UnknownKind("acme.scan".into())),
    ];
    assert_eq!(told, expected);
    assert_eq!(uncover.num_calls(), 1, "others may see them again");
}
