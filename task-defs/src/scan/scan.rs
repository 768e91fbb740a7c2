//! A chunk of targets is looked at.

use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{TaskContext, TaskDefinition, TaskError, UpgradeError, needs};
use tokio::sync::mpsc;

use super::cursor::Cursor;
use super::found::Found;
use super::kind::Kinds;
use super::looks::{Looks, WAITING};
use super::probe::{LocalFailure, Probe};
use super::tools::Tools;
use super::upgrade::upgrade;

/// Looks at its targets, many at once, within the scope of the collection.
///
/// Every target gives one record, which is a row, and one count in the ledger under the class of
/// its outcome. Rows stand in the order in which the looks ended. The models that follow from records
/// are written into the recon tables while it goes on; a model that a failed attempt has written
/// stays, and the next attempt writes it to the same effect.
///
/// Before its time runs out it begins no further look, sees those under way to their end and hands
/// back a cursor; when its worker leaves it gives up those that take longer than two seconds. The
/// next attempt looks at what has no record yet, and at nothing else.
///
/// Where this machine cannot look, because it has no descriptor, port or memory left for a socket
/// ([`LocalFailure`](super::LocalFailure)), the target waits for its turn to come again and fewer
/// looks are under way at once, until they end well. If nothing at all can be opened for ten
/// seconds, the task hands back what it has.
///
/// Memory holds what is under way, a record for each of these at most and 64 more that wait to be
/// written, and some megabytes of models. While they wait no look is begun, and none stands still.
///
/// # Errors
///
/// - [`TaskError::OutOfScope`] if the collection has no scope document.
/// - [`TaskError::Fatal`] if a setting is beyond its limits, the scope document is not one, or the
///   cursor is of other targets.
/// - [`TaskError::Retry`] if the worker cannot give the time for one look, or its machine could
///   not make a single one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(bound = "")]
#[cfg_attr(
    feature = "schema",
    schemars(bound = "P: schemars::JsonSchema, P::Target: schemars::JsonSchema")
)]
pub struct Scan<P: Probe> {
    /// What is looked at.
    pub targets: Vec<P::Target>,
    /// How many looks are under way at once. 1 to 10,000.
    pub concurrency: u16,
    /// How they are looked at.
    pub options: P,
}

/// Looks under way at once, unless told otherwise.
pub(super) const DEFAULT_CONCURRENCY: u16 = 256;

pub(super) fn check_concurrency(looks: u16) -> Result<(), TaskError> {
    if (1..=10_000).contains(&looks) {
        return Ok(());
    }
    Err(TaskError::fatal(format!(
        "concurrency is {looks}; 1 to 10000 are allowed"
    )))
}

impl<P: Probe> TaskDefinition for Scan<P> {
    const KIND: &'static str = Kinds::<P>::SCAN;
    const VERSION: u32 = P::VERSION;
    type Requires = needs![RawSocketAccess, ReconDataAccess, TaskDataAccess];
    type Output = ();

    fn targets(&self) -> u64 {
        self.targets.len() as u64
    }

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        check_concurrency(self.concurrency)?;
        self.options.check()?;
        let len = self.targets.len() as u64;
        let at: Cursor = cx.cursor()?.unwrap_or_default();
        at.check(len)?;
        let Self {
            targets,
            concurrency,
            options,
        } = self;
        let scanner = options.set_up(&Tools::of(&cx).await?)?;
        let looks = Looks::new(&cx, len, at, concurrency, options.deadline());
        let margin = looks.margin();
        let look = async |position: u64| {
            let target = usize::try_from(position)
                .ok()
                .and_then(|at| targets.get(at));
            // Every position is below the number of targets.
            let target = target.ok_or_else(|| LocalFailure(format!("no target {position}")))?;
            options.look(&scanner, target).await
        };
        // Beside each other, so that a slow store takes no time from the looks under way.
        let (out, records) = mpsc::channel(WAITING);
        let looking = async { Ok(looks.run(look, out).await) };
        let (ended, ()) = tokio::select! {
            biased;
            // Records of a cancelled collection are of no use, so nothing is waited for.
            () = cx.cancelled() => return Err(TaskError::Cancelled),
            done = try_join(looking, write::<P>(&cx, records)) => done?,
        };
        ended.conclude(&cx, len, margin, |at| at)
    }

    fn upgrade(from: u32, payload: Value) -> Result<Value, UpgradeError> {
        upgrade::<P>(from, payload)
    }
}

/// Writes records down: rows, the ledger, models.
async fn write<P: Probe>(
    cx: &TaskContext<<Scan<P> as TaskDefinition>::Requires>,
    mut records: mpsc::Receiver<(u64, P::Record)>,
) -> Result<(), TaskError> {
    let (rows, recon) = (cx.task_data(), cx.recon());
    let mut found = Found::default();
    while let Some((_, record)) = records.recv().await {
        cx.cover(P::outcome(&record), 1);
        P::models(&record, &mut found);
        rows.push(&record).await?;
        if found.is_full() {
            found.store(&recon).await?;
        }
    }
    found.store(&recon).await
}
