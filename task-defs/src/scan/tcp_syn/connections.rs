//! Ports are asked by whole connections.

use futures_util::future::try_join;
use scanners::connect::{ConnectOptions, ConnectScanner, PortOutcome};
use scanners::target::ChunkTargets;
use task_core::{TaskContext, TaskDefinition, TaskError};
use tokio::sync::mpsc;

use super::cursor::Cursor;
use super::part::Part;
use super::record::{AskedBy, PortClass};
use super::scan::PortScan;
use super::write::{Answer, Writer};
use crate::scan::cursor::Cursor as Place;
use crate::scan::looks::{Looks, WAITING};
use crate::scan::probe::LocalFailure;

impl PortScan {
    /// Connects to all `targets` that are not done at `start`.
    pub(super) async fn by_connections(
        &self,
        cx: &TaskContext<<Self as TaskDefinition>::Requires>,
        part: &Part,
        targets: &ChunkTargets,
        refused: u64,
        start: Place,
    ) -> Result<(), TaskError> {
        let (len, options) = (targets.len(), &self.options);
        start.check(len)?;
        let timeout = options.timeout;
        let scanner = ConnectScanner::new(ConnectOptions { timeout });
        let looks = Looks::new(cx, len, start, self.concurrency, timeout)
            .rate(options.rate)
            .leg(options.leg);
        let margin = looks.margin();
        let look = async |position: u64| {
            let target = targets.get(position);
            // Every position is below the number of targets.
            let target = target.ok_or_else(|| LocalFailure(format!("no target {position}")))?;
            match scanner.probe(target.in_scope()).await {
                PortOutcome::LocalFailure(why) => Err(LocalFailure(why)),
                outcome => {
                    let (outcome, detail) = PortClass::of_connection(&outcome);
                    Ok(Answer {
                        target,
                        outcome,
                        detail,
                    })
                }
            }
        };
        let mut writer = Writer::new(cx, part, options.rows, AskedBy::Connect);
        let (out, mut answers) = mpsc::channel(WAITING);
        let writing = async {
            while let Some((_, answer)) = answers.recv().await {
                writer.write(answer).await?;
            }
            Ok::<_, TaskError>(())
        };
        // Beside each other, so that a slow store takes no time from the connections.
        let looking = async { Ok(looks.run(look, out).await) };
        let (ended, ()) = try_join(looking, writing).await?;
        if ended.at.is_behind(len) {
            writer.count(PortClass::OutOfScope, refused);
        }
        writer.finish().await?;
        ended.conclude(cx, len, margin, Cursor::Connections)
    }
}
