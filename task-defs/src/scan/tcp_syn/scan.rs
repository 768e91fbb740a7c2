//! A range of the ports of a part is scanned.

use std::time::Duration;

use futures_util::future::try_join;
use scanners::connect::ConnectScan;
use scanners::engine::Answered;
use scanners::scope::Scope;
use scanners::syn::SynScan;
use scanners::target::{Chunk, TargetSet};
use serde::{Deserialize, Serialize};
use task_core::{TaskContext, TaskDefinition, TaskError, needs};
use tokio::sync::mpsc;

use super::cursor::{Cursor, Kept};
use super::form::Form;
use super::options::TcpSyn;
use super::part::{Part, Portion, fingerprint};
use super::record::{AskedBy, Counted, PortClass, PortRow};
use super::run::{CHECKPOINT, Ended, Watch, by_connections, by_packets};
use super::write::Writer;
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
/// over: by packets a checkpoint of the scan, by connections a position. The next attempt goes on
/// there, with no target lost and none told twice; packets of the last second are sent again.
///
/// Memory holds a bit for each target and the answers that wait to be written.
///
/// # Errors
///
/// - [`TaskError::OutOfScope`] if the collection has no scope document.
/// - [`TaskError::Fatal`] if a setting is beyond its limits, or the portion is of other targets:
///   generated under another scope.
/// - [`TaskError::Retry`] if the link or this machine fails, if packets are asked for (or have
///   begun the scan) and cannot go out from here, or if there is not the time to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortScan {
    /// The addresses.
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

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        check_concurrency(self.concurrency)?;
        self.options.check()?;
        let scope = clients::scope(&cx).await?;
        let cursor: Cursor = cx.cursor()?.unwrap_or_default();
        let (task, range) = blocking(move || {
            let range = self.range(&scope)?;
            Ok::<_, TaskError>((self, range))
        })
        .await??;
        let scan = tokio::select! {
            biased;
            () = cx.cancelled() => return Err(TaskError::Cancelled),
            done = task.scan(&cx, &range, &cursor) => done?,
        };
        match scan {
            None => Ok(()),
            // Nothing was gained: a failure, so that a worker that never has the time does not get
            // the task for ever.
            Some(next) if next == cursor && cx.is_leaving() => Err(TaskError::Cancelled),
            Some(next) if next == cursor => Err(TaskError::retry(
                "the worker has not the time to begin; it takes a few seconds",
            )),
            Some(next) => Err(TaskError::deadline(&next)),
        }
    }
}

/// What a task has to scan, as the scope leaves it.
struct Range {
    /// `None` if nothing is left.
    targets: Option<(TargetSet, Chunk)>,
    refused: u64,
}

impl PortScan {
    fn range(&self, scope: &Scope) -> Result<Range, TaskError> {
        let admitted = self.part.admit(scope, &self.options)?;
        let Some(portion) = &self.portion else {
            let targets = admitted.targets.map(|targets| {
                let chunk = Chunk::all(&targets, 0);
                (targets, chunk)
            });
            check_len(targets.as_ref().map_or(0, |(_, chunk)| chunk.len()))?;
            let refused = admitted.refused;
            return Ok(Range { targets, refused });
        };
        check_len(portion.chunk.len())?;
        let refused = portion.refused;
        match admitted.targets {
            None if portion.chunk.is_empty() => Ok(Range {
                targets: None,
                refused,
            }),
            Some(targets) if fingerprint(&targets) == portion.of => Ok(Range {
                targets: Some((targets, portion.chunk.clone())),
                refused,
            }),
            // Never without its scope: what it would leave out nobody has counted.
            _ => Err(TaskError::fatal(
                "the portion is of other targets than the scope admits of its part; generate the \
                 scan again under this scope",
            )),
        }
    }

    /// Scans; says where to go on, if it is not over.
    async fn scan(
        &self,
        cx: &TaskContext<<Self as TaskDefinition>::Requires>,
        range: &Range,
        cursor: &Cursor,
    ) -> Result<Option<Cursor>, TaskError> {
        let Some((set, chunk)) = &range.targets else {
            let outcome = PortClass::OutOfScope;
            cx.cover(outcome.as_str(), range.refused);
            let row = PortRow::Counted(Counted {
                outcome,
                method: None,
                count: range.refused,
            });
            cx.task_data().push(&row).await?;
            return Ok(None);
        };
        let chunk = Chunk {
            // No more than the length of the chunk.
            lo: chunk.hi.min(chunk.lo.saturating_add(cursor.from.into())),
            ..chunk.clone()
        };
        let rest = set.chunk(&chunk).map_err(TaskError::fatal)?;
        let form = {
            let (raw, options, set) = (cx.raw_sockets(), self.options.clone(), set.clone());
            blocking(move || Form::choose(raw, &options, &set)).await??
        };
        let mut answered = Answered::new(rest.len());
        let resumed = match &cursor.syn {
            None => None,
            Some(kept) => {
                let checkpoint = kept.fetch(cx).await?;
                answered = checkpoint.answered(rest.len()).map_err(TaskError::fatal)?;
                Some(checkpoint)
            }
        };
        let (out, told) = mpsc::unbounded_channel();
        let (method, to_stop) = match form {
            Form::Syn(_) => (AskedBy::Syn, Duration::ZERO),
            Form::Connect => (AskedBy::Connect, self.options.timeout),
        };
        let watch = Watch::new(cx.clone(), out, self.options.leg, to_stop);
        let mut writer = Writer::new(cx, &rest, &self.part, self.options.rows, method, answered);
        let ended: Ended = match form {
            Form::Syn(link) => {
                let mut scan = SynScan::new(set.clone())
                    .chunk(chunk)
                    .rate(self.options.rate.into())
                    .passes(self.options.passes)
                    .with(|config| config.checkpoint_every = Some(CHECKPOINT));
                if let Some(checkpoint) = resumed {
                    scan = scan.resume(checkpoint);
                }
                let scan = by_packets(link, scan, watch);
                try_join(scan, writer.follow(told)).await?.0
            }
            Form::Connect if resumed.is_some() => {
                return Err(TaskError::retry(
                    "this scan was begun by packets, and they cannot go out from this worker; \
                     give it CAP_NET_RAW and the same way to the targets",
                ));
            }
            Form::Connect => {
                let scan = ConnectScan::new(set.clone())
                    .chunk(chunk)
                    .rate(self.options.rate.into())
                    .at_once(self.concurrency)
                    .patience(self.options.timeout);
                let scan = by_connections(scan, watch);
                try_join(scan, writer.follow(told)).await?.0
            }
        };
        if ended.complete {
            writer.write_held().await?;
            writer.silence(rest.len()).await?;
            writer.count(PortClass::Silent, ended.silent);
            writer.count(PortClass::OutOfScope, range.refused);
            writer.finish().await?;
            return Ok(None);
        }
        let next = match method {
            AskedBy::Syn => match writer.mark() {
                Some(mark) => Cursor {
                    from: cursor.from,
                    syn: Some(Kept::keep(mark, cx).await?),
                },
                None => cursor.clone(),
            },
            AskedBy::Connect => {
                writer.silence(ended.next).await?;
                writer.count(PortClass::Silent, ended.silent);
                Cursor {
                    from: cursor.from.saturating_add(ended.next),
                    syn: None,
                }
            }
        };
        writer.finish().await?;
        Ok(Some(next))
    }
}

fn check_len(targets: u128) -> Result<(), TaskError> {
    if targets <= MAX_CHUNK.into() {
        return Ok(());
    }
    Err(TaskError::fatal(format!(
        "one task has {targets} targets; {MAX_CHUNK} are allowed: give it a smaller portion, as \
         `tcp_syn.generate` does"
    )))
}
