//! A range of the ports of a part is scanned.

use scanners::scope::Scope;
use scanners::target::{Chunk, ChunkTargets};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use task_core::{TaskContext, TaskDefinition, TaskError, UpgradeError, needs};

use super::cursor::Cursor;
use super::form::Form;
use super::options::TcpSyn;
use super::part::{Part, Portion, fingerprint};
use super::record::{Counted, PortClass, PortRow};
use crate::blocking::blocking;
use crate::clients;
use crate::scan::scan::{DEFAULT_CONCURRENCY, check_concurrency};

/// Scans ports, by packets where these can go out and else by connections, within the scope of the
/// collection; see [`TcpSyn`].
///
/// Every target is counted once in the ledger, under the class of its outcome. Open ports are rows
/// ([`PortRow`](super::PortRow)), the other classes too if [`TcpSyn::rows`] says so; what has no row
/// of its own is counted by rows of their own, so the rows of a scan add up to its targets. Open
/// ports become [`Endpoint`](crate::recon::Endpoint)s; those that are known already are updated
/// whatever they are now.
///
/// Before its time runs out, when its worker leaves, and after [`TcpSyn::leg`] it stops and hands
/// over: by packets a checkpoint of the scan, by connections the positions that are not done. The
/// next attempt goes on there, with no target lost and none told twice; packets of the last second
/// are sent again.
///
/// A link that fails hands over as well, and so does a machine that cannot open a connection for ten
/// seconds; until then fewer are under way at once, and the ports wait for their turn to come again.
/// What connections have left behind connections finish.
///
/// Memory holds a bit for each target and the answers that wait to be written: by packets as many
/// as there are targets, by connections some hundreds.
///
/// # Errors
///
/// - [`TaskError::OutOfScope`] if the collection has no scope document.
/// - [`TaskError::Fatal`] if a setting is beyond its limits, or the portion is of other targets:
///   generated under another scope.
/// - [`TaskError::Retry`] if the link or this machine fails before anything was gained, if packets
///   are asked for (or have begun the scan) and cannot go out from here, or if there is not the time
///   to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortScan {
    /// The addresses; none, if the portion says where they lie.
    #[serde(default, skip_serializing_if = "Part::is_empty")]
    pub part: Part,
    /// Which of their ports; all if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portion: Option<Portion>,
    /// How many connections are under way at once, if it comes to these. 1 to 10,000.
    pub concurrency: u16,
    /// How they are scanned.
    pub options: TcpSyn,
}

/// Most targets of one task: what is held of it is a bit each, and a record for each answer that
/// waits to be written.
pub(super) const MAX_CHUNK: u32 = 1 << 20;

impl PortScan {
    /// All ports of `part`.
    pub const fn new(part: Part, options: TcpSyn) -> Self {
        Self {
            part,
            portion: None,
            concurrency: DEFAULT_CONCURRENCY,
            options,
        }
    }
}

impl TaskDefinition for PortScan {
    const KIND: &'static str = "tcp_syn.scan";
    /// Since 2 a portion may say where its part lies; since 3 ports are a text.
    const VERSION: u32 = 3;
    type Requires = needs![RawSocketAccess, ReconDataAccess, TaskDataAccess];
    type Output = ();

    fn targets(&self) -> u64 {
        match &self.portion {
            // The length is held against the limit when it runs.
            Some(portion) => u64::try_from(portion.chunk.len())
                .unwrap_or(u64::MAX)
                .saturating_add(portion.refused),
            None => self.part.len(&self.options),
        }
    }

    async fn run(mut self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        check_concurrency(self.concurrency)?;
        self.options.check()?;
        let scope = clients::scope(&cx).await?;
        let cursor: Cursor = cx.cursor()?.unwrap_or_default();
        if let Some(claim) = self
            .portion
            .as_ref()
            .and_then(|portion| portion.part.as_ref())
        {
            self.part = Part::fetch(claim, &cx).await?;
        }
        let (task, range) = blocking(move || {
            let range = self.range(&scope)?;
            Ok::<_, TaskError>((self, range))
        })
        .await??;
        tokio::select! {
            biased;
            () = cx.cancelled() => Err(TaskError::Cancelled),
            done = task.scan(&cx, &range, cursor) => done,
        }
    }

    fn upgrade(from: u32, payload: Value) -> Result<Value, UpgradeError> {
        match from {
            // It had its part with it, and its ports were a list, as they still may.
            1 | 2 => Ok(payload),
            _ => Err(UpgradeError::new(format!(
                "`{}` has versions 1 to 3, and not {from}",
                Self::KIND
            ))),
        }
    }
}

/// What a task has to scan, as the scope leaves it.
struct Range {
    /// `None` if nothing is left.
    targets: Option<ChunkTargets>,
    refused: u64,
}

impl PortScan {
    fn range(&self, scope: &Scope) -> Result<Range, TaskError> {
        let admitted = self.part.admit(scope, &self.options)?;
        let (targets, chunk, refused) = match (&self.portion, admitted.targets) {
            (None, Some(targets)) => {
                let chunk = Chunk::all(&targets, 0);
                (targets, chunk, admitted.refused)
            }
            (None, None) => {
                return Ok(Range {
                    targets: None,
                    refused: admitted.refused,
                });
            }
            (Some(portion), None) if portion.chunk.is_empty() => {
                return Ok(Range {
                    targets: None,
                    refused: portion.refused,
                });
            }
            (Some(portion), Some(targets)) if fingerprint(&targets) == portion.of => {
                (targets, portion.chunk.clone(), portion.refused)
            }
            // Never without its scope: what it would leave out nobody has counted.
            _ => {
                return Err(TaskError::fatal(
                    "the portion is of other targets than the scope admits of its part; generate \
                     the scan again under this scope",
                ));
            }
        };
        if chunk.len() > MAX_CHUNK.into() {
            return Err(TaskError::fatal(format!(
                "one task has {} targets; {MAX_CHUNK} are allowed: give it a smaller portion, as \
                 `tcp_syn.generate` does",
                chunk.len()
            )));
        }
        Ok(Range {
            targets: Some(targets.chunk(&chunk).map_err(TaskError::fatal)?),
            refused,
        })
    }

    /// Scans, by what this machine can do and what an earlier attempt has begun with.
    async fn scan(
        &self,
        cx: &TaskContext<<Self as TaskDefinition>::Requires>,
        range: &Range,
        cursor: Cursor,
    ) -> Result<(), TaskError> {
        let (part, refused) = (&self.part, range.refused);
        let Some(targets) = &range.targets else {
            return count_refused(cx, refused).await;
        };
        let form = match &cursor {
            // Packets go to a range of positions, and not to some that are left of it.
            Cursor::Connections(at) if !at.again.is_empty() => Form::Connect,
            _ => {
                let (raw, options) = (cx.raw_sockets(), self.options.clone());
                let set = targets.set().clone();
                blocking(move || Form::choose(raw, &options, &set)).await??
            }
        };
        match (form, cursor) {
            (Form::Syn(link), Cursor::Packets { from, syn }) => {
                let at = (from, Some(&syn));
                self.by_packets(cx, part, (targets, refused), link, at)
                    .await
            }
            (Form::Syn(link), Cursor::Connections(at)) => {
                let at = (at.next, None);
                self.by_packets(cx, part, (targets, refused), link, at)
                    .await
            }
            (Form::Connect, Cursor::Connections(at)) => {
                self.by_connections(cx, part, targets, refused, at).await
            }
            (Form::Connect, Cursor::Packets { .. }) => Err(TaskError::retry(
                "this scan was begun by packets, and they cannot go out from this worker; give it \
                 CAP_NET_RAW and the same way to the targets",
            )),
        }
    }
}

/// Nothing is left to be scanned.
async fn count_refused(
    cx: &TaskContext<<PortScan as TaskDefinition>::Requires>,
    count: u64,
) -> Result<(), TaskError> {
    let outcome = PortClass::OutOfScope;
    cx.cover(outcome.as_str(), count);
    let row = PortRow::Counted(Counted {
        outcome,
        method: None,
        count,
    });
    cx.task_data().push(&row).await
}
