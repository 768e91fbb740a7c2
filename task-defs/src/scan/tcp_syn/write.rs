//! What is found is written down: rows, the ledger, models.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use scanners::engine::{Answered, Checkpoint};
use scanners::scope::Name;
use scanners::target::{ChunkTargets, Target};
use task_core::{TaskContext, TaskDefinition, TaskError};
use tokio::sync::mpsc::UnboundedReceiver;

use super::options::PortRows;
use super::part::Part;
use super::record::{AskedBy, Counted, PortClass, PortRecord, PortRow};
use super::run::Told;
use super::scan::PortScan;
use crate::recon::{Carrier, Endpoint};
use crate::scan::found::Found;

/// Writes what one run of a scan tells.
///
/// By packets an answer is held back until a checkpoint covers it: what is found behind the last
/// one is found again by whoever goes on from there.
pub(super) struct Writer<'a> {
    cx: &'a TaskContext<<PortScan as TaskDefinition>::Requires>,
    targets: &'a ChunkTargets,
    names: HashMap<IpAddr, &'a BTreeSet<Name>>,
    rows: PortRows,
    method: AskedBy,
    answered: Answered,
    held: Vec<PortRecord>,
    mark: Option<Box<Checkpoint>>,
    found: Found,
    /// What has no rows of its own.
    counted: BTreeMap<PortClass, u64>,
}

impl<'a> Writer<'a> {
    /// A writer for a scan of `targets`, of which those in `answered` were written before.
    pub(super) fn new(
        cx: &'a TaskContext<<PortScan as TaskDefinition>::Requires>,
        targets: &'a ChunkTargets,
        part: &'a Part,
        rows: PortRows,
        method: AskedBy,
        answered: Answered,
    ) -> Self {
        let names = part.named.iter().map(|host| (host.address, &host.names));
        Self {
            cx,
            targets,
            names: names.collect(),
            rows,
            method,
            answered,
            held: Vec::new(),
            mark: None,
            found: Found::default(),
            counted: BTreeMap::new(),
        }
    }

    /// Writes until the scan has no more to tell.
    pub(super) async fn follow(
        &mut self,
        mut told: UnboundedReceiver<Told>,
    ) -> Result<(), TaskError> {
        while let Some(told) = told.recv().await {
            match told {
                Told::Answer {
                    target,
                    outcome,
                    detail,
                } => {
                    let record = self.record(target, outcome, detail);
                    match self.method {
                        AskedBy::Syn => self.held.push(record),
                        AskedBy::Connect => self.write(record).await?,
                    }
                }
                Told::Mark(mark) => {
                    self.write_held().await?;
                    self.mark = Some(mark);
                }
            }
        }
        Ok(())
    }

    /// The last checkpoint: everything before it is written, and nothing behind it.
    pub(super) fn mark(&self) -> Option<&Checkpoint> {
        self.mark.as_deref()
    }

    /// Writes what was held back: the scan is over, and nobody goes on.
    pub(super) async fn write_held(&mut self) -> Result<(), TaskError> {
        for record in std::mem::take(&mut self.held) {
            self.write(record).await?;
        }
        Ok(())
    }

    /// Counts `count` targets that are not told one by one.
    pub(super) fn count(&mut self, outcome: PortClass, count: u64) {
        if count > 0 {
            self.cx.cover(outcome.as_str(), count);
            *self.counted.entry(outcome).or_default() += count;
        }
    }

    /// The positions before `end` that have not answered: a port that is known to have been open
    /// is news if it is silent now.
    pub(super) async fn silence(&mut self, end: u64) -> Result<(), TaskError> {
        let recon = self.cx.recon();
        let mut from = 0;
        while let Some(position) = self.answered.next_silent(from..end) {
            from = position + 1;
            if let Some(target) = self.targets.get(position) {
                self.found.add_if_known(&Endpoint {
                    state: PortClass::Silent.state(),
                    ..Endpoint::new(Carrier::Tcp, at(target))
                });
            }
            if self.found.is_full() {
                self.found.store(&recon).await?;
                self.cx.checkpoint();
            }
        }
        Ok(())
    }

    /// Writes the counts, and the models that are left.
    pub(super) async fn finish(&mut self) -> Result<(), TaskError> {
        let rows = self.cx.task_data();
        for (&outcome, &count) in &self.counted {
            let method = (outcome != PortClass::OutOfScope).then_some(self.method);
            rows.push(&PortRow::Counted(Counted {
                outcome,
                method,
                count,
            }))
            .await?;
        }
        self.found.store(&self.cx.recon()).await
    }

    fn record(&mut self, target: Target, outcome: PortClass, detail: Option<String>) -> PortRecord {
        if let Some(position) = self.targets.position(target.addr(), target.port()) {
            self.answered.mark(position);
        }
        let names = match outcome {
            PortClass::Open => self.names.get(&target.addr()).copied(),
            _ => None,
        };
        PortRecord {
            address: target.addr(),
            port: target.port(),
            outcome,
            method: self.method,
            names: names.cloned().unwrap_or_default(),
            detail,
        }
    }

    async fn write(&mut self, record: PortRecord) -> Result<(), TaskError> {
        let is_open = record.outcome == PortClass::Open;
        if let Some(state) = record.outcome.state() {
            let at = SocketAddr::new(record.address, record.port);
            let endpoint = Endpoint {
                state: Some(state),
                names: record.names.iter().cloned().collect(),
                ..Endpoint::new(Carrier::Tcp, at)
            };
            match is_open {
                true => self.found.add(&endpoint),
                false => self.found.add_if_known(&endpoint),
            }
        }
        if is_open || self.rows == PortRows::Answered {
            self.cx.cover(record.outcome.as_str(), 1);
            self.cx.task_data().push(&PortRow::Port(record)).await?;
        } else {
            self.count(record.outcome, 1);
        }
        if self.found.is_full() {
            self.found.store(&self.cx.recon()).await?;
        }
        Ok(())
    }
}

fn at(target: Target) -> SocketAddr {
    SocketAddr::new(target.addr(), target.port())
}
