//! What a hostile External worker can send: it has the rights of its role and the envelopes that it
//! was given, and nothing else. Each lie comes in one event with honest messages.

use sortie::core::envelope::{DispatchTask, Fence};
use sortie::core::message::{
    CancelCollection, CompleteTask, CreateTasks, Heartbeat, Message, NewChild, Outcome,
    SubmitCollection,
};
use sortie::core::ports::transport::ParkReason;
use sortie::core::{Claim, CollectionId, Coverage, Payload, TaskId, Usage};
use sortie::prelude::*;

use crate::post::Post;

#[derive(Serialize, Deserialize)]
struct Look {
    site: u32,
}

impl TaskDefinition for Look {
    const KIND: &'static str = "t.look";
    type Requires = needs![];
    type Output = String;

    async fn run(self, _: TaskContext<Self::Requires>) -> Result<String, TaskError> {
        Err(TaskError::fatal("the test plays this task"))
    }

    fn targets(&self) -> u64 {
        1
    }
}

#[derive(Serialize, Deserialize)]
struct Inside;

impl TaskDefinition for Inside {
    const KIND: &'static str = "t.inside";
    type Requires = needs![TaskDataAccess];
    type Output = ();

    async fn run(self, _: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        Err(TaskError::fatal("the test plays this task"))
    }
}

/// What an honest worker says of its task.
fn honest(task: &DispatchTask) -> CompleteTask {
    CompleteTask {
        task_id: task.task_id,
        kind: task.kind.clone(),
        attempt: task.attempt,
        fence: task.fence,
        outcome: Outcome::Succeeded { children: None },
        data: Payload::encode("honest").ok(),
        coverage: [("found", 1)].into_iter().collect(),
        usage: Usage::default(),
    }
}

fn complete(complete: CompleteTask) -> Message {
    Message::CompleteTask(Box::new(complete))
}

/// All lies about the task `mine`, which the liar was given, and `theirs`, which it was not; with a
/// word of why each is refused.
fn lies(mine: &DispatchTask, theirs: &DispatchTask) -> Vec<(Message, &'static str)> {
    let lie = || CompleteTask {
        data: Payload::encode("a lie").ok(),
        ..honest(mine)
    };
    let claim = |key: String| {
        let (len, sha256) = (7, "0".repeat(64));
        Some(Payload::Claim(Claim { key, len, sha256 }))
    };
    let child = NewChild {
        ordinal: 0,
        kind: Inside::KIND.to_owned(),
        version: 1,
        targets: 0,
        options: None,
        payload: Payload::null(),
    };
    let theirs_key = format!("results/{}/{}-1", theirs.collection_id, theirs.task_id);
    let nobody = TaskId::from_uuid(
        *CollectionId::new(&sortie::core::ports::runtime::TokioRuntime::new()).as_uuid(),
    );
    vec![
        // Another's task: by its id, by its number, by none that there is.
        (
            complete(CompleteTask {
                task_id: theirs.task_id,
                ..lie()
            }),
            "fence",
        ),
        (
            complete(CompleteTask {
                task_id: nobody,
                ..lie()
            }),
            "fence",
        ),
        (
            complete(CompleteTask {
                attempt: mine.attempt + 1,
                ..lie()
            }),
            "fence",
        ),
        (
            complete(CompleteTask {
                fence: Fence(mine.fence.0 ^ 1),
                ..lie()
            }),
            "fence",
        ),
        (
            Message::Heartbeat(Heartbeat {
                task_id: theirs.task_id,
                attempt: theirs.attempt,
                fence: mine.fence,
            }),
            "fence",
        ),
        // Another kind.
        (
            complete(CompleteTask {
                kind: Inside::KIND.to_owned(),
                ..lie()
            }),
            "of kind `t.look`, not `t.inside`",
        ),
        // Children of what has none, to get to where there is a database.
        (
            Message::CreateTasks(CreateTasks {
                parent_id: mine.task_id,
                attempt: mine.attempt,
                fence: mine.fence,
                children: vec![child],
            }),
            "no generator",
        ),
        // Too much of everything.
        (
            complete(CompleteTask {
                coverage: (0..65)
                    .map(|n| (format!("class {n}"), 1))
                    .collect::<Coverage>(),
                ..lie()
            }),
            "over the limit of 64",
        ),
        (
            complete(CompleteTask {
                outcome: Outcome::Fatal {
                    error: "x".repeat(4097),
                },
                ..lie()
            }),
            "over the limit of 4096",
        ),
        (
            complete(CompleteTask {
                data: Payload::encode(&"x".repeat(2 << 20)).ok(),
                ..lie()
            }),
            "bytes of data",
        ),
        // What lies in the bucket and is not its own.
        (
            complete(CompleteTask {
                data: claim(theirs_key),
                ..lie()
            }),
            "not the task's own",
        ),
        (
            complete(CompleteTask {
                data: claim(format!("results/{}/../../plans/x", mine.collection_id)),
                ..lie()
            }),
            "not the task's own",
        ),
        // What only operators may say.
        (
            Message::CancelCollection(CancelCollection {
                collection_id: mine.collection_id,
            }),
            "neither submit nor cancel",
        ),
        (
            Message::SubmitCollection(SubmitCollection {
                collection_id: theirs.collection_id,
                plan: Payload::null(),
                scope: None,
            }),
            "neither submit nor cancel",
        ),
        (Message::Tick, "neither submit nor cancel"),
    ]
}

/// Two tasks of two runs, as External workers were given them.
async fn given(post: &Post) -> (Run, Run, DispatchTask, DispatchTask) {
    let submit = async |name: &str| {
        let workflow = Workflow::new(name).task("look", Look { site: 1 });
        let handle = async {
            post.handle_queue().await;
        };
        let (run, ()) = tokio::join!(post.client.submit(workflow), handle);
        run.unwrap()
    };
    let mine = submit("mine").await;
    let mut first = post.dispatched().await;
    let theirs = submit("theirs").await;
    let mut second = post.dispatched().await;
    (mine, theirs, first.remove(0), second.remove(0))
}

#[tokio::test]
async fn each_lie_is_a_dead_letter_and_touches_nothing() {
    let post = Post::new(registry![Look, Inside]);
    let (mine, theirs, my_task, their_task) = given(&post).await;
    let before = (mine.report().await.unwrap(), theirs.report().await.unwrap());
    let lies = lies(&my_task, &their_task);
    let bodies: Vec<String> = lies
        .iter()
        .map(|(lie, _)| post.message(lie.clone()))
        .collect();
    assert!(
        post.by_external(&bodies).await.is_empty(),
        "none comes again"
    );
    let parked = post.parked();
    assert_eq!(parked.len(), lies.len());
    for (body, (lie, why)) in bodies.iter().zip(&lies) {
        let (_, reason) = parked.iter().find(|(parked, _)| parked == body).unwrap();
        let ParkReason::Refused(reason) = reason else {
            panic!("{lie:?}: {reason:?}");
        };
        assert!(reason.contains(why), "{lie:?}: {reason}");
    }
    let after = (mine.report().await.unwrap(), theirs.report().await.unwrap());
    assert_eq!(before.0.containers, after.0.containers);
    assert_eq!(before.1.containers, after.1.containers);
    assert!(
        post.dispatched().await.is_empty(),
        "nobody was sent anything"
    );
}

#[tokio::test]
async fn bytes_that_are_no_message_are_dead_letters() {
    let post = Post::new(registry![Look, Inside]);
    let bodies = [
        "",
        "{",
        "null",
        "{\"v\":1}",
        "{\"v\":1,\"body\":\"tick\",\"body\":\"tick\"}",
        "{\"v\":1,\"id\":\"00000000-0000-7000-8000-000000000000\",\"body\":{\"explode\":{}}}",
        &format!("{{\"v\":1,\"id\":{}", "[".repeat(100_000)),
    ]
    .map(str::to_owned);
    assert!(post.by_external(&bodies).await.is_empty());
    let parked = post.parked();
    assert_eq!(parked.len(), bodies.len());
    for (body, reason) in parked {
        assert!(
            matches!(reason, ParkReason::Undecodable(_) | ParkReason::Refused(_)),
            "{body:.40}: {reason:?}"
        );
    }
}

/// In one event with all lies, and twice.
#[tokio::test]
async fn who_is_honest_is_heard_among_liars() {
    let post = Post::new(registry![Look, Inside]);
    let (mine, theirs, my_task, their_task) = given(&post).await;
    let lies = lies(&my_task, &their_task);
    let count = lies.len();
    let mut bodies: Vec<String> = lies.into_iter().map(|(lie, _)| post.message(lie)).collect();
    bodies.insert(count / 2, post.message(complete(honest(&their_task))));
    bodies.push("nonsense".to_owned());
    bodies.push(post.message(complete(honest(&my_task))));
    assert!(post.by_external(&bodies).await.is_empty());
    assert_eq!(post.parked().len(), count + 1);
    // Again. The children that are not theirs to make are dropped as seen; what is refused without
    // the store, or ends an attempt, is parked once more.
    assert!(post.by_external(&bodies).await.is_empty());
    assert_eq!(post.parked().len(), count);
    for run in [mine, theirs] {
        let report = run.wait().await.unwrap();
        assert_eq!(report.state, TaskState::Succeeded);
        assert_eq!((report.ledger.targets, report.ledger.unaccounted()), (1, 0));
        let row: Option<String> = run.result("look").await.unwrap();
        assert_eq!(row.as_deref(), Some("honest"));
    }
}

/// A key of its own, but bytes that are not those that it says: whoever reads them finds out.
#[tokio::test]
async fn an_object_that_was_replaced_is_not_read() {
    let post = Post::new(registry![Look, Inside]);
    let (mine, _, task, _) = given(&post).await;
    let key = format!("results/{}/{}-1", task.collection_id, task.task_id);
    let claim = Claim::store(key.clone(), "\"first\"".into(), &*post.objects);
    let data = Some(Payload::Claim(claim.await.unwrap()));
    let said = post.message(complete(CompleteTask {
        data,
        ..honest(&task)
    }));
    assert!(post.by_external(&[said]).await.is_empty());
    assert!(post.parked().is_empty());
    post.objects.put(&key, "\"other\"".into()).await.unwrap();
    let read = mine.result::<String>("look").await.unwrap_err();
    assert!(read.to_string().contains("length and hash"), "{read}");
}
