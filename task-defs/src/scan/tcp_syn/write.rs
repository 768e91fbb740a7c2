//! What is found is written down: rows, the ledger, models.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use scanners::target::Target;
use task_core::{TaskContext, TaskDefinition, TaskError};

use super::options::PortRows;
use super::part::{AddressTarget, Part};
use super::record::{AskedBy, Counted, PortClass, PortRecord, PortRow};
use super::scan::PortScan;
use crate::recon::{Carrier, Endpoint};
use crate::scan::found::Found;

/// Writes what one run of a scan tells.
pub(super) struct Writer<'a> {
    cx: &'a TaskContext<<PortScan as TaskDefinition>::Requires>,
    hosts: HashMap<IpAddr, &'a AddressTarget>,
    rows: PortRows,
    method: AskedBy,
    found: Found,
    /// What has no rows of its own.
    counted: BTreeMap<PortClass, u64>,
}

/// What one port has answered.
pub(super) struct Answer {
    pub(super) target: Target,
    pub(super) outcome: PortClass,
    /// The reason, where the class does not say all.
    pub(super) detail: Option<String>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        cx: &'a TaskContext<<PortScan as TaskDefinition>::Requires>,
        part: &'a Part,
        rows: PortRows,
        method: AskedBy,
    ) -> Self {
        let hosts = part.named.iter().map(|host| (host.address, host));
        Self {
            cx,
            hosts: hosts.collect(),
            rows,
            method,
            found: Found::default(),
            counted: BTreeMap::new(),
        }
    }

    /// Writes an answer; silence is one, too, for connections.
    pub(super) async fn write(&mut self, answer: Answer) -> Result<(), TaskError> {
        let Answer {
            target,
            outcome,
            detail,
        } = answer;
        if outcome == PortClass::Silent {
            self.silent(target).await?;
            self.count(outcome, 1);
            return Ok(());
        }
        let is_open = outcome == PortClass::Open;
        let host = self.hosts.get(&target.addr()).filter(|_| is_open);
        let record = PortRecord {
            address: target.addr(),
            port: target.port(),
            outcome,
            method: self.method,
            names: host.map(|host| host.names.clone()).unwrap_or_default(),
            names_cut: host.map_or(0, |host| host.names_cut),
            detail,
        };
        if let Some(state) = outcome.state() {
            let endpoint = Endpoint {
                state: Some(state),
                names: record.names.iter().cloned().collect(),
                ..Endpoint::new(Carrier::Tcp, at(target))
            };
            match is_open {
                true => self.found.add(&endpoint),
                false => self.found.add_if_known(&endpoint),
            }
        }
        if is_open || self.rows == PortRows::Answered {
            self.cx.cover(outcome.as_str(), 1);
            self.cx.task_data().push(&PortRow::Port(record)).await?;
        } else {
            self.count(outcome, 1);
        }
        self.store_if_full().await
    }

    /// Counts `count` targets that are not told one by one.
    pub(super) fn count(&mut self, outcome: PortClass, count: u64) {
        if count > 0 {
            self.cx.cover(outcome.as_str(), count);
            *self.counted.entry(outcome).or_default() += count;
        }
    }

    /// A port that is known to have been open is news if it is silent now.
    pub(super) async fn silent(&mut self, target: Target) -> Result<(), TaskError> {
        self.found.add_if_known(&Endpoint {
            state: PortClass::Silent.state(),
            ..Endpoint::new(Carrier::Tcp, at(target))
        });
        self.store_if_full().await
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

    async fn store_if_full(&mut self) -> Result<(), TaskError> {
        if self.found.is_full() {
            self.found.store(&self.cx.recon()).await?;
            self.cx.checkpoint();
        }
        Ok(())
    }
}

fn at(target: Target) -> SocketAddr {
    SocketAddr::new(target.addr(), target.port())
}
