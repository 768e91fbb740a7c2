//! Models to observe, and tasks that observe them.

use serde::{Deserialize, Serialize};

use super::Subject;
use crate::conformance::store::fixture::{becomes, begin, child, commit, container, running, seed};
use crate::conformance::store::fixture::{collection, writer};
use crate::ports::data::Writer;
use crate::ports::recon::ReconError;
use crate::ports::store::Task;
use crate::recon::{Change, Field, Model, ModelRow, Observation, Observer, Query};
use crate::time::Timestamp;

/// A model of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) text: Option<String>,
    pub(super) number: Option<i64>,
    pub(super) flag: Option<bool>,
    pub(super) list: Option<Vec<String>>,
    pub(super) set: Option<Vec<String>>,
    pub(super) owner: Option<String>,
    pub(super) beside: Option<String>,
}

impl Thing {
    pub(super) fn called(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

const FIELDS: &[Field] = &[
    Field::text("name"),
    Field::text("text"),
    Field::integer("number"),
    Field::boolean("flag"),
    Field::text_list("list").refers_to("domain"),
    Field::text_set("set").refers_to("domain"),
    Field::text("owner").refers_to("owner"),
];

impl Model for Thing {
    const NAME: &'static str = "suite_thing";
    const FIELDS: &'static [Field] = FIELDS;

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// The same under the name of a stock model, which may have a table of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Stock(pub(super) Thing);

impl Model for Stock {
    const NAME: &'static str = "endpoint";
    const FIELDS: &'static [Field] = FIELDS;

    fn key(&self) -> String {
        self.0.key()
    }
}

/// Three tasks that run in attempt 1.
pub(super) async fn observers(subject: &Subject) -> Vec<Task> {
    let row = container(collection(1).id, 0);
    let mut all: Vec<Task> = (0..3).map(|ordinal| child(&row, ordinal)).collect();
    for task in &mut all {
        task.head.status = running(1, 10);
    }
    seed(&*subject.store, &row, &all).await;
    all
}

/// The task runs in this attempt from now on.
pub(super) async fn runs_in(subject: &Subject, task: &Task, attempt: u32) -> Writer {
    let mut tx = begin(&*subject.store).await;
    tx.update_tasks(&[becomes(task, running(attempt, 10))])
        .await
        .expect("tasks are updated");
    commit(tx).await;
    writer(task, attempt)
}

/// Observes models in the last run of a course.
pub(super) async fn observe<M: Model>(
    subject: &Subject,
    writer: Writer,
    course: &[u32],
    at: Timestamp,
    models: &[M],
) -> Result<Vec<Change>, ReconError> {
    observe_clearing(subject, writer, course, at, models, &[]).await
}

/// The same by somebody who knows that the things have none of these fields.
async fn observe_clearing<M: Model>(
    subject: &Subject,
    writer: Writer,
    course: &[u32],
    at: Timestamp,
    models: &[M],
    cleared: &[&str],
) -> Result<Vec<Change>, ReconError> {
    let seen: Vec<Observation> = models
        .iter()
        .map(|model| {
            Observation::clearing(model, cleared).expect("the suite's models can be stored")
        })
        .collect();
    let observer = Observer { writer, course };
    subject
        .recon
        .observe(observer, &M::schema(), at, &seen)
        .await
}

/// The same, of a task in attempt 1 and run 1, for checks in which it must go well.
pub(super) async fn sees<M: Model>(
    subject: &Subject,
    task: &Task,
    at: Timestamp,
    models: &[M],
) -> Vec<Change> {
    observe(subject, writer(task, 1), &[1], at, models)
        .await
        .expect("what a running task observes is written")
}

/// The same of a task that sees, too, that the thing has none of these fields.
pub(super) async fn clears<M: Model>(
    subject: &Subject,
    task: &Task,
    at: Timestamp,
    thing: &M,
    cleared: &[&str],
) -> Change {
    let who = writer(task, 1);
    let one = std::slice::from_ref(thing);
    observe_clearing(subject, who, &[1], at, one, cleared)
        .await
        .expect("what a running task observes is written")[0]
}

/// All rows of a model that the query admits, in one page.
pub(super) async fn all<M: Model>(subject: &Subject, query: &Query) -> Vec<ModelRow> {
    subject
        .recon
        .list(&M::schema(), query, None, 100_000)
        .await
        .expect("rows are listed")
}

/// The model in a row.
pub(super) fn model<M: Model>(row: &ModelRow) -> M {
    serde_json::from_str(row.body.get()).expect("the row is what was observed")
}
