//! Direct invocation, on answers of Lambda that are written by hand.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::invoke::{InvokeInput, InvokeOutput};
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use sortie_transports::lambda::Invoke;
use sortie_transports::lambda::invoke::{InvokeError, MESSAGE_BYTES};
use sortie_transports::memory::{MemoryConfig, MemoryTransport};
use task_core::Queue;
use task_core::ports::runtime::TokioRuntime;
use task_core::ports::transport::{Outgoing, Receipt, Transport, TransportError};

const QUEUE: Queue = Queue::External;

/// External messages go to a function that answers by `rule`; the rest stays in memory.
fn carrier(rule: &Rule) -> Invoke {
    let client = mock_client!(aws_sdk_lambda, RuleMode::MatchAny, [rule]);
    let runtime = Arc::new(TokioRuntime::new());
    let behind = MemoryTransport::new(runtime, MemoryConfig::default());
    Invoke::with_client(client, Arc::new(behind)).function(QUEUE, "scan")
}

fn accepted() -> InvokeOutput {
    InvokeOutput::builder().status_code(202).build()
}

fn error(status: u16, code: &str) -> HttpResponse {
    let body = serde_json::json!({ "Type": "User", "message": "Rate Exceeded." });
    let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
    answer
        .headers_mut()
        .insert("x-amzn-errortype", code.to_owned());
    answer
}

fn message(body: &str) -> Outgoing {
    Outgoing::now(body.to_owned().into())
}

#[tokio::test]
async fn each_message_is_an_invocation_of_its_own_and_the_rest_goes_by_queues() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let invoked = mock!(Client::invoke).then_compute_output(move |input: &InvokeInput| {
        assert_eq!(input.invocation_type(), Some(&InvocationType::Event));
        assert_eq!(input.function_name(), Some("scan"));
        let body = input.payload().unwrap().as_ref().to_vec();
        notes.lock().unwrap().push(String::from_utf8(body).unwrap());
        accepted()
    });
    let carrier = carrier(&invoked);
    let bodies: Vec<String> = (0..100).map(|n| format!("{{\"v\":1,\"n\":{n}}}")).collect();
    let messages = bodies.iter().map(|body| message(body)).collect();
    let sent = carrier.send(QUEUE, messages).await.unwrap();
    assert!(sent.len() == 100 && sent.iter().all(Result::is_ok));
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.sort_by_key(String::len);
    assert_eq!(seen.len(), 100);
    assert!(bodies.iter().all(|body| seen.contains(body)));

    let sent = carrier.send(Queue::Manager, vec![message("{}")]).await;
    assert!(sent.unwrap()[0].is_ok());
    assert_eq!(carrier.depth(Queue::Manager).await.unwrap(), 1);
    assert_eq!(invoked.num_calls(), 100);
}

#[tokio::test]
async fn what_cannot_be_handed_over_is_refused_before_anybody_is_asked() {
    let invoked = mock!(Client::invoke).then_output(accepted);
    let carrier = carrier(&invoked).message_bytes(10);
    let later = Outgoing {
        delay: Duration::from_secs(1),
        ..message("{}")
    };
    let messages = vec![
        message("{\"v\": 12345}"),
        later,
        message("7"),
        message("{}"),
    ];
    let sent = carrier.send(QUEUE, messages).await.unwrap();
    assert!(matches!(
        sent[0],
        Err(TransportError::TooLarge { len: 12, limit: 10 })
    ));
    assert!(matches!(
        sent[1],
        Err(TransportError::DelayTooLong {
            limit: Duration::ZERO,
            ..
        })
    ));
    assert!(matches!(sent[2], Err(TransportError::Backend(_))));
    assert!(sent[3].is_ok(), "its mates have spoilt nothing");
    assert_eq!(invoked.num_calls(), 1);
}

#[tokio::test]
async fn the_limits_are_the_smaller_ones() {
    let invoked = mock!(Client::invoke).then_output(accepted);
    let limits = carrier(&invoked).limits();
    // The queues in memory take 1 MiB.
    assert_eq!(limits.message_bytes, MESSAGE_BYTES);
    assert_eq!(limits.max_delay, Duration::ZERO);
    let large = carrier(&invoked).message_bytes(6 << 20).limits();
    assert_eq!(large.message_bytes, 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn where_aws_is_busy_it_is_asked_again_with_a_pause() {
    let busy = mock!(Client::invoke)
        .sequence()
        .http_response(|| error(429, "TooManyRequestsException"))
        .times(4)
        .output(accepted)
        .build();
    let carrier = carrier(&busy);
    let start = tokio::time::Instant::now();
    let sent = carrier.send(QUEUE, vec![message("{}")]).await.unwrap();
    assert!(sent[0].is_ok(), "{sent:?}");
    assert_eq!(busy.num_calls(), 5);
    assert!(start.elapsed() > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_said_at_once_and_what_is_busy_for_ever_in_the_end() {
    let refused =
        mock!(Client::invoke).then_http_response(|| error(404, "ResourceNotFoundException"));
    let sent = carrier(&refused).send(QUEUE, vec![message("{}")]).await;
    let why = sent.unwrap().remove(0).unwrap_err().to_string();
    assert!(
        why.contains("`scan`") && why.contains("ResourceNotFoundException"),
        "{why}"
    );
    assert_eq!(refused.num_calls(), 1);

    let busy = mock!(Client::invoke).then_http_response(|| error(429, "TooManyRequestsException"));
    let sent = carrier(&busy).send(QUEUE, vec![message("{}")]).await;
    let TransportError::Backend(why) = sent.unwrap().remove(0).unwrap_err() else {
        panic!("it is the backend");
    };
    assert!(matches!(
        why.downcast_ref(),
        Some(InvokeError::Aws { fault, .. }) if fault.is_temporary()
    ));
    assert!(busy.num_calls() >= 6, "{}", busy.num_calls());
}

#[tokio::test]
async fn there_is_nothing_to_receive_from() {
    let invoked = mock!(Client::invoke).then_output(accepted);
    let carrier = carrier(&invoked);
    let second = Duration::from_secs(1);
    let receipt = Receipt::from_number(1);
    let refused = [
        carrier.receive(QUEUE, 1, second, second).await.map(drop),
        carrier.ack(QUEUE, std::slice::from_ref(&receipt)).await,
        carrier.extend(QUEUE, &receipt, second).await,
    ];
    for refused in refused {
        let why = refused.unwrap_err().to_string();
        assert!(why.contains("no queue to receive from"), "{why}");
    }
    let none = carrier.receive(Queue::Manager, 1, Duration::ZERO, second);
    assert!(none.await.unwrap().is_empty());
}
