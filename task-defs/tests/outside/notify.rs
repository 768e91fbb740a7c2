use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sortie_task_defs::control::notify::{
    ErrorNotification, GenericNotification, Notified, TaskResultNotification, Webhook, Webhooks,
};
use task_core::{Payload, Resources, TaskDefinition};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::bench::{Bench, Ended, collection};
use crate::rows::Rows;
use crate::server::{raw, stalls};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn hooks(url: impl Into<String>) -> Resources {
    let url = url.into();
    Resources::new().with(Webhooks::new().with("ops", Webhook::new(url, SECRET)))
}

fn generic() -> GenericNotification {
    GenericNotification {
        to: "ops".to_owned(),
        subject: "begun".to_owned(),
        data: json!({"names": 3}),
    }
}

async fn receiver(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(template)
        .mount(&server)
        .await;
    server
}

async fn received(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

/// Runs one attempt, and returns the body that was received.
async fn body<T: TaskDefinition>(task: &T, rows: Vec<Value>) -> Value {
    let server = receiver(ResponseTemplate::new(202)).await;
    let rows = Rows(
        rows.iter()
            .map(|row| Payload::encode(row).unwrap())
            .collect(),
    );
    let ended = Bench::over(rows, hooks(server.uri()), None).run(task).await;
    assert_eq!(ended.output::<Notified>(), Notified { status: 202 });
    let requests = received(&server).await;
    assert_eq!(requests.len(), 1);
    serde_json::from_slice(&requests[0].body).unwrap()
}

/// As a receiver does it: over the raw body, with the headers as they came.
fn verify(request: &Request) {
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let key = BASE64_STANDARD
        .decode(SECRET.strip_prefix("whsec_").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mut signed =
        format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&request.body);
    let signature = header("webhook-signature");
    let signature = BASE64_STANDARD
        .decode(signature.strip_prefix("v1,").unwrap())
        .unwrap();
    hmac::verify(&key, &signed, &signature).unwrap();
}

#[tokio::test]
async fn a_message_is_signed_and_keeps_its_id_and_its_body_over_attempts() {
    let server = receiver(ResponseTemplate::new(500)).await;
    let bench = Bench::with(hooks(format!("{}/a/b?c=d", server.uri())));
    for attempt in 1..=2 {
        bench.attempt(&generic(), attempt, None).await.retry();
    }
    let requests = received(&server).await;
    let id = collection().task(0).to_string();
    for request in &requests {
        verify(request);
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), "/a/b");
        assert_eq!(request.url.query(), Some("c=d"));
        assert_eq!(request.headers["webhook-id"], id.as_str());
        assert_eq!(request.headers["idempotency-key"], id.as_str());
        assert_eq!(request.headers["content-type"], "application/json");
    }
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body, requests[1].body);
}

#[tokio::test]
async fn each_kind_says_its_own() {
    let failed = ErrorNotification {
        to: "ops".to_owned(),
        error: "no answer".to_owned(),
        of: Some("scan".to_owned()),
    };
    let rows: Vec<Value> = (0..30).map(|n| json!({"n": n})).collect();
    let mut results = TaskResultNotification::new("ops", "rows");
    results.max_rows = 2;
    let bodies = [
        ("notify.generic", body(&generic(), vec![]).await),
        ("notify.error", body(&failed, vec![]).await),
        ("notify.task_result", body(&results, rows).await),
    ];
    // In which order a map keeps its keys depends on what else is built with it.
    insta::with_settings!({sort_maps => true}, {
        for (name, body) in bodies {
            insta::assert_json_snapshot!(name, body);
        }
    });
}

#[tokio::test]
async fn results_that_do_not_fit_are_counted() {
    let rows: Vec<Value> = (0..100).map(|_| json!("x".repeat(10_000))).collect();
    let mut task = TaskResultNotification::new("ops", "rows");
    task.max_rows = 1_000;
    let told = body(&task, rows).await;
    assert_eq!(told["data"]["rows"], 100);
    assert_eq!(told["data"]["first"].as_array().unwrap().len(), 25);
    task.max_rows = 0;
    let told = body(&task, vec![json!(1)]).await;
    assert_eq!(
        told["data"],
        json!({"from": "rows", "rows": 1, "first": []})
    );
    let ended = Bench::with(hooks("http://127.0.0.1:1"))
        .run(&TaskResultNotification::new("ops", "row"))
        .await;
    assert!(ended.fatal().contains("called `row`"), "{}", ended.fatal());
}

#[tokio::test]
async fn what_a_receiver_answers_decides() {
    for status in [408, 425, 429, 500, 502, 503, 599] {
        let template = ResponseTemplate::new(status).insert_header("retry-after", "77");
        let server = receiver(template).await;
        let ended = Bench::with(hooks(server.uri())).run(&generic()).await;
        assert_eq!(ended.retry().1, Some(77_000), "{status}");
    }
    for status in [400, 401, 403, 404, 410, 413] {
        let server = receiver(ResponseTemplate::new(status).set_body_string("go\n away")).await;
        let ended = Bench::with(hooks(server.uri())).run(&generic()).await;
        let expected = format!("webhook `ops`: status {status}: go away");
        assert_eq!(ended.fatal(), expected);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = receiver(ResponseTemplate::new(200)).await;
    let template = ResponseTemplate::new(307).insert_header("location", elsewhere.uri().as_str());
    let server = receiver(template).await;
    let ended = Bench::with(hooks(server.uri())).run(&generic()).await;
    assert!(
        ended.fatal().contains("redirects are not followed"),
        "{}",
        ended.fatal()
    );
    assert_eq!(received(&elsewhere).await.len(), 0);
}

#[tokio::test]
async fn a_receiver_that_is_no_http_server_or_is_gone_is_tried_again() {
    for url in [
        raw("").await,
        raw("SMTP\r\n").await,
        "http://127.0.0.1:1".to_owned(),
    ] {
        let ended = Bench::with(hooks(url)).run(&generic()).await;
        assert!(ended.retry().0.starts_with("webhook `ops`: "));
    }
    // The head has come; what follows is not waited for.
    Bench::with(hooks(stalls().await))
        .run(&generic())
        .await
        .output::<Notified>();
    let slow = receiver(ResponseTemplate::new(200).set_delay(Duration::from_secs(60))).await;
    let bench = Bench::with(hooks(slow.uri()));
    let ended = bench
        .attempt(&generic(), 1, Some(Duration::from_secs(1)))
        .await;
    assert!(
        ended.retry().0.contains("no answer within"),
        "{}",
        ended.retry().0
    );
}

/// What the error says of a webhook at `url`.
async fn refused(url: &str) -> String {
    let ended: Ended = Bench::with(hooks(url)).run(&generic()).await;
    ended.fatal().to_owned()
}

#[tokio::test]
async fn a_webhook_does_not_lead_into_the_networks_of_the_worker() {
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://hooks.example/",
        "http://localhost:80/",
        "file:///etc/passwd",
        "https://user:password@hooks.example/",
    ] {
        let error = refused(url).await;
        assert!(error.starts_with("webhook `ops`: its URL: "), "{error}");
        assert!(!error.contains("password@"), "{error}");
    }
    // A name of the worker's own hosts file, which leads to the loopback.
    let error = refused("https://localhost:1/").await;
    assert!(error.contains("out of scope"), "{error}");
}

#[tokio::test]
async fn a_name_may_lead_into_a_net_that_the_operator_allowed() {
    let hook = Webhook::new("https://localhost:1/", SECRET);
    let hook = hook.allow_net("127.0.0.0/8".parse::<ipnet::IpNet>().unwrap());
    let hooks = Webhooks::new().with("ops", hook);
    let ended = Bench::with(Resources::new().with(hooks))
        .run(&generic())
        .await;
    assert!(
        ended.retry().0.contains("connection refused"),
        "{}",
        ended.retry().0
    );
}

#[tokio::test]
async fn a_payload_names_a_webhook_and_nothing_else_of_the_environment() {
    let bench = Bench::with(Resources::new());
    for to in [
        "",
        "OPS",
        "../ops",
        "https://evil.test",
        "a=b",
        "ops\n",
        &"a".repeat(33),
    ] {
        let task = GenericNotification {
            to: to.to_owned(),
            ..generic()
        };
        let ended = bench.run(&task).await;
        assert!(ended.fatal().starts_with("to is "), "{}", ended.fatal());
    }
    let ended = bench.run(&generic()).await;
    let expected =
        "to: this worker has no webhook `ops`; set SORTIE_WEBHOOK_OPS_URL in its environment";
    assert_eq!(ended.fatal(), expected);
    let payload = json!({"to": "ops", "subject": "", "url": "https://evil.test"});
    assert!(serde_json::from_value::<GenericNotification>(payload).is_err());
}

#[tokio::test]
async fn without_a_secret_nothing_is_sent() {
    let server = receiver(ResponseTemplate::new(200)).await;
    let hooks = Webhooks::new().with("ops", Webhook::new(server.uri(), "hunter2"));
    let ended = Bench::with(Resources::new().with(hooks))
        .run(&generic())
        .await;
    assert!(
        ended.fatal().contains("SORTIE_WEBHOOK_OPS_SECRET"),
        "{}",
        ended.fatal()
    );
    assert!(!ended.fatal().contains("hunter2"));
    assert_eq!(received(&server).await.len(), 0);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_sent() {
    let server = receiver(ResponseTemplate::new(200)).await;
    let data = json!("x".repeat(300_000));
    let task = GenericNotification { data, ..generic() };
    let ended = Bench::with(hooks(server.uri())).run(&task).await;
    assert!(
        ended.fatal().starts_with("data: the message has 300"),
        "{}",
        ended.fatal()
    );
    assert_eq!(received(&server).await.len(), 0);
}

#[tokio::test]
async fn neither_the_secret_nor_the_path_is_in_an_error() {
    let server =
        receiver(ResponseTemplate::new(404).set_body_string("no hook at /T0P/S3CRET?t=1 here"))
            .await;
    let url = format!("{}/T0P/S3CRET?t=1", server.uri());
    let ended = Bench::with(hooks(url)).run(&generic()).await;
    let said = format!("{:?}", ended.0);
    assert!(said.contains("no hook at [path] here"), "{said}");
    assert!(
        !said.contains("S3CRET") && !said.contains("whsec"),
        "{said}"
    );
}
